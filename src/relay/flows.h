/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The user-space half of the flow table. Flows that have ended, and flows that are no longer permitted, are counted
 * into the map "ended" and deleted here. BPF writes flows; this only reads and deletes them.
 */
#ifndef DETOURD_RELAY_FLOWS_H
#define DETOURD_RELAY_FLOWS_H

#include "base/addr.h"

struct dt_flows;

/* Of nat.bpf; borrowed. */
struct dt_flow_maps {
	int flows_fd, usage_fd, ended_fd;
	const struct dt_nat_config *config; /* as BPF has it; read at each sweep */
};

/* Counts what the maps hold, so that quotas are exact after a crash. -ENOMEM, or the maps' error. */
int dt_flows_new(struct dt_flows **out, const struct dt_flow_maps *maps);
void dt_flows_free(struct dt_flows *f);

/* Makes a client's rows in "usage" and "ended"; to be called before its limits are set. */
int dt_flows_client_add(struct dt_flows *f, uint64_t client_id);

/* A flow as seen from its up entry. */
struct dt_flow_view {
	struct dt_endpoint client;
	struct dt_endpoint relay;  /* where the client joined */
	struct dt_endpoint source; /* towards the server */
	struct dt_endpoint server;
	const struct dt_flow *up;
	const struct dt_flow *down; /* NULL: half of the flow is missing */
};
/* Why the flow must end now, in a word; NULL: it may go on. */
typedef const char *(*dt_flow_doomed_fn)(const struct dt_flow_view *view, void *data);
/* Called once for each flow that was deleted, with its last counts; ended_ns is when it ended. */
typedef void (*dt_flow_ended_fn)(const struct dt_flow_view *view, const char *reason, uint64_t ended_ns,
				 uint64_t now_ns, void *data);
/* Called once for each flow that the server accepted, up to a sweep later; rtt_ns: from SYN to SYN-ACK. */
typedef void (*dt_flow_answered_fn)(const struct dt_flow_view *view, uint64_t rtt_ns, void *data);
void dt_flows_on_answer(struct dt_flows *f, dt_flow_answered_fn answered, void *data);
/* Called once for each flow that the server reset before any data went through it, up to a sweep later. */
typedef void (*dt_flow_refused_fn)(const struct dt_flow_view *view, void *data);
void dt_flows_on_refusal(struct dt_flows *f, dt_flow_refused_fn refused, void *data);
void dt_flows_on_end(struct dt_flows *f, dt_flow_ended_fn ended, void *data);

/*
 * A sweep deletes flows past their time and, where doomed is not NULL, the doomed. It goes in steps, so that a large table
 * does not keep the caller from other work. begin() drops a sweep that is not over. A step ends after the batch in which
 * its budget is used up. 1: there is more to do; 0: over, or none began; the map's error: over, but flows may have been
 * missed, and the next sweep has to see to them.
 */
void dt_flows_sweep_begin(struct dt_flows *f, uint64_t now_ns, dt_flow_doomed_fn doomed, void *data);
int dt_flows_sweep_step(struct dt_flows *f, uint64_t budget_ns);
/* How many doomed flows the sweep has deleted so far. */
size_t dt_flows_sweep_doomed(const struct dt_flows *f);
/*
 * Flows that are open, or may become so; those only waiting for their end do not count. False: the last sweep failed
 * (or there was none), and *count is what the last complete one found.
 */
bool dt_flows_open(const struct dt_flows *f, uint64_t *count);
/* Forgets clients without flows for which keep says no. The map's error: some are still there. */
int dt_flows_prune(struct dt_flows *f, bool (*keep)(uint64_t client_id, void *data), void *data);

struct dt_flow_totals {
	uint64_t flows;		       /* live */
	uint64_t bytes_up, bytes_down; /* at the last sample */
	uint64_t rate_dropped;	       /* packets, for max-rate */
	uint64_t up_bps, down_bps;     /* IP bits a second, between the last two sweeps */
	uint64_t swept_up, swept_down; /* bytes until the last sweep; they only grow */
};
/* Of one client (0: of all); live flows included. -ENOENT: no such client; the map's error. *out is then zero. */
int dt_flows_totals(struct dt_flows *f, uint64_t client_id, struct dt_flow_totals *out);
/*
 * Reads the live flows' bytes for dt_flows_totals(), in steps as of a sweep, which rests meanwhile: a flow that it deletes
 * would be counted twice or not at all. The map's error: they are too small until the next success.
 */
void dt_flows_sample_begin(struct dt_flows *f);
int dt_flows_sample_step(struct dt_flows *f, uint64_t budget_ns);
/* Gives a sample up that is not over; the numbers stay those of the last one. */
void dt_flows_sample_cancel(struct dt_flows *f);

#endif
