/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A second, plain implementation of what nat.bpf does, for one uplink with IPv4 or IPv6, without limits of rate and without
 * ICMP from outside. It has no BPF, no maps and no clock: packets and times go in, their outcome comes out.
 */
#ifndef TEST_BPF_MODEL_H
#define TEST_BPF_MODEL_H

#include "base/addr.h"
#include "bpf/packet.h"

#define MODEL_HOSTS 2	/* clients, servers */
#define MODEL_SPORTS 4	/* of each client */
#define MODEL_LEASES 3	/* relay ports */
#define MODEL_SOURCES 6 /* ports towards servers */
#define MODEL_FLOWS 32
#define MODEL_MTU 1500
#define WSCALE_ABSENT 16
/* An outcome that this much time would change is not compared: BPF reads the clock a little later than the model. */
#define MODEL_MARGIN_NS 300000000LL

struct model_lease {
	bool is_there;
	bool is_over;
	unsigned server;
};

struct model_client {
	bool is_there;
	bool plain;
	unsigned max_flows, max_half_open;
	bool denied[MODEL_HOSTS]; /* servers */
};

/* TCP of one direction. */
struct model_side {
	uint32_t start, end, fin_end, acked, bound, window;
	unsigned wscale;
	bool fin;
	/* a copy of the other side's */
	uint32_t other_end, other_bound, other_window;
	int64_t seen_ns;
};

struct model_flow {
	bool is_there;
	unsigned client, sport, lease, server; /* indices */
	uint16_t source;
	bool plain, reset[2], no_answer;
	enum dt_flow_state state;
	int64_t changed_ns;
	int64_t syn_again_ns;	   /* when a SYN was last forwarded while it was established */
	struct model_side side[2]; /* by enum dt_flow_dir */
};

struct model {
	struct model_lease leases[MODEL_HOSTS][MODEL_LEASES];
	struct model_client clients[MODEL_HOSTS];
	struct model_flow flows[MODEL_FLOWS];
	bool daemon_away, daemon_dead;
	unsigned max_flows;
	int64_t half_open_ns, idle_ns, closing_ns;
	uint64_t counters[DT_NAT_COUNTERS];
};

/* A packet; the indices are those of the model's hosts, ports and leases, spec has the rest. */
struct model_packet {
	enum dt_flow_dir dir;
	unsigned client, sport, lease; /* UP */
	unsigned server;	       /* DOWN */
	uint16_t source;	       /* DOWN */
	const struct packet_spec *spec;
};

enum model_fate { MODEL_FORWARD, MODEL_PASS, MODEL_DROP, MODEL_ANSWER };

/* *counter: the one that rises. *flow: the packet's, or NULL; in a new flow source is zero, and the caller sets it. */
enum model_fate model_run(struct model *m, const struct model_packet *p, int64_t now_ns, unsigned *counter,
			  struct model_flow **flow);
/* Would MODEL_MARGIN_NS more or less change the outcome? */
bool model_is_close(const struct model *m, const struct model_packet *p, int64_t now_ns);
struct model_flow *model_find(struct model *m, const struct model_packet *p);
/* When the flow's time is over. */
int64_t model_end(const struct model *m, const struct model_flow *f);

#endif
