/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Converter leases, and the copying process that accepts and copies. The leases are in a pinned BPF map; the listening
 * sockets are held by both processes, so that each may end and come back. What the process says about itself is believed,
 * what it says about leases only if the map says the same.
 */
#ifndef DETOURD_RELAY_CONVERTERS_H
#define DETOURD_RELAY_CONVERTERS_H

#include <uv.h>

#include "convert/channel.h"
#include "relay/converter_leases.h"

struct dt_converters;

/* A connection has ended; one was reset for a limit, flow->reason. */
typedef void (*dt_converters_flow_fn)(const struct dt_channel_message *flow, void *data);

struct dt_converter_granted {
	enum dt_convert_outcome outcome; /* of its last connection */
	bool is_new;			 /* made, not extended */
};

/* Maps and programs of nat.bpf. */
struct dt_converters_fds {
	int leases;
	int syns; /* the ring buffer of connections that begin */
	int flows;
	int rate; /* see relay/rate_grant.h */
};

/*
 * Takes over the process of an earlier run with the leases that the map has, or ends what is left of them. ports: what NAT leases have, and what is kept free of them. Logs why it failed.
 */
int dt_converters_open(struct dt_converters **out, uv_loop_t *loop, const struct dt_converters_fds *fds,
		       struct dt_lease_table *ports, dt_converters_flow_fn flow, dt_converters_flow_fn limited,
		       void *data);
/* Leaves the process and its connections to the next run. May be NULL. Frees it in a later turn of the loop. */
void dt_converters_close(struct dt_converters *c);
/* Starts the process if it is wanted, and is not there; ends it if it is not wanted and has no lease. Called after a change of the configuration. */
void dt_converters_want(struct dt_converters *c, bool wanted);
/* The source ports towards servers. */
void dt_converters_source_ports(struct dt_converters *c, struct dt_port_range range);
/* The process is there, or will be in a moment. */
bool dt_converters_ready(const struct dt_converters *c);
void dt_converters_limit(struct dt_converters *c, uint64_t client_id, const struct dt_converter_limits *limits);

/*
 * Makes the lease, or extends the one that the same client, address, relay address and server have already. Fills dpt,
 * rtt_us and *granted. -EDQUOT: it would be one more than client_max; -EADDRNOTAVAIL: no free port; -EPROTONOSUPPORT: this
 * host has no MPTCP; -ENOTCONN: there is no process; others of socket(2), bind(2) and the map.
 */
int dt_converters_ask(struct dt_converters *c, struct dt_lease_entry *e, bool special, size_t client_max,
		      struct dt_converter_granted *granted);
/* No new connections under it. -ENOENT. */
int dt_converters_release(struct dt_converters *c, const struct dt_lease_entry *e);
/* Ends the expired; starts the process again where it failed. Called every few seconds. */
void dt_converters_tick(struct dt_converters *c, uint64_t now_ns);
/* Ends those for which doomed() says so, with their connections, at once. Returns how many. */
size_t dt_converters_revoke_if(struct dt_converters *c, bool (*doomed)(const struct dt_lease_entry *e, void *data),
			       void *data);

/* Leases of a client (0: of all), with those that are over and still have connections. */
size_t dt_converters_count(const struct dt_converters *c, uint64_t client_id);
/* Of a client (0: of all), since the process started, as it last said. */
struct dt_converter_totals dt_converters_totals(const struct dt_converters *c, uint64_t client_id);
/* It has as many connections as it may have, or had a moment ago: one more is reset. */
bool dt_converters_limited(const struct dt_converters *c, uint64_t client_id, uint64_t now_ns);
/* How often the process ended by itself, or was killed because it did not answer. */
unsigned dt_converters_crashes(const struct dt_converters *c);

#endif
