/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The world in which a way to choose relays is tried: paths whose capacity changes, connections that come and go, and
 * what dies, is noticed and is joined as the daemon does it. world.c carries the bytes, policy.c drives the daemon's own
 * policy, choosers.c has what it is compared with. Traces come from simulate.c (made up) and traces.c (measured).
 */
#ifndef DETOURD_BENCH_SIM_H
#define DETOURD_BENCH_SIM_H

#include "pm/decide/policy.h"

#define RELAYS 8
#define PLACES 2
#define STEP_S 0.1
#define STEPS 6000 /* ten minutes */
#define STEPS_S 10 /* a second */
#define NOTICED 2  /* steps until a dead subflow is given up: what watch.c takes */
#define SETTLING 5 /* from a subflow's end to the next join, where another way is left: as act/end.c has it */
#define LINK_DOWN 50
#define JOIN_TIMEOUT 50
#define JOIN_BYTES 400 /* SYN, SYN-ACK, ACK, ACK and the lease's two datagrams */
#define PROBE_BYTES 240
#define PROBE_STEPS 20
#define NS(step) ((uint64_t)((step) + 1) * 100000000ULL)
#define EPOCH_S 1700000000ULL

struct trace {
	double access;			    /* bit/s, of all paths together */
	double capacity[RELAYS + 1][STEPS]; /* the last is the direct path; 0: dead */
	bool link[RELAYS][STEPS];	    /* the relay answers */
	double rtt_s[RELAYS + 1][STEPS];    /* of the whole path */
	double near_s[RELAYS][STEPS];	    /* client to relay */
	double far_s[RELAYS][STEPS];	    /* relay to server; 0: unknown */
	uint32_t network[RELAYS];	    /* 0: unknown */
	bool busy[STEPS];		    /* a connection is there */
	bool first[STEPS];		    /* it begins */
};

struct flow {
	enum dt_path_state state;
	bool backup;
	int since;
	int may_try;
	int backoff;
	int silent;
	bool trial;
	double bytes;
	struct dt_path_memory memory;
};

struct run {
	struct trace *trace;
	struct flow flows[RELAYS];
	struct dt_gain gains[RELAYS + 1];
	struct dt_chooser chooser;
	struct dt_path_memory direct_memory;
	double direct_bytes;
	bool direct_backup;
	int direct_silent;
	int settled;	       /* no join before this step */
	int link_lost[RELAYS]; /* step since when the relay does not answer; -1 */
	/* figures */
	double payload, probe;
	int probes;  /* joins since a path was lost */
	bool vacant; /* one was, and none has come in its place */
	bool possible;
	unsigned repairs, repaired, joins;
	bool joined[RELAYS]; /* there is a lease, and with it the time from relay to server */
	int chosen_at;
	bool racing;		 /* more than PLACES were opened on purpose */
	double measured[RELAYS]; /* CRONets: bytes in the time of measuring */
	bool is_measured[RELAYS];
	bool all_measured;
};

/* Called each step of a connection. */
typedef void (*sim_choose_fn)(struct run *r, int step);
struct sim_chooser {
	const char *name;
	sim_choose_fn choose;
};
enum {
	SIM_POLICY,
	SIM_RANDOM,
	SIM_RTT,
	SIM_RACE,
	SIM_CRONETS,
	SIM_CRONETS_IN_PLACES,
	SIM_SOSR,
	SIM_ORACLE,
	SIM_NONE,
	SIM_CHOOSERS
};
extern const struct sim_chooser sim_choosers[SIM_CHOOSERS];

/* Runs the trace from its begin to its end. Draws the noise of rates, so the caller sets the seed. */
void sim_run(struct run *r, struct trace *t, sim_choose_fn choose);
/* The bytes that could be had if changing cost nothing. */
double sim_bound(const struct trace *t);
/* Which steps have a connection: 5 s to 5 min each, with pauses of 5 s. */
void sim_connections(struct trace *t);
/* Kills paths that live: each now and then, after MEAN_S on average, for 5 to 30 s; every second time its relay is gone too. */
void sim_deaths(struct trace *t, double mean_s);

/* For choosers. */
void sim_flow_open(struct run *r, int i, int step, bool trial);
void sim_flow_close(struct run *r, int i, int step, bool failed);
/* The first step in which a join may be sent: at once where no other way is left. */
int sim_join_step(const struct run *r, int step);
/* A join may be tried: back-off is over, and the relay answers. */
bool sim_usable(const struct run *r, int i, int step);
unsigned sim_under_way(const struct run *r);
void sim_choose_policy(struct run *r, int step);

#endif
