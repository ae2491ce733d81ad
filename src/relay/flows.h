/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The user-space half of the flow table: what BPF has let end is counted into "ended" and deleted here, and so is
 * what may no longer be. BPF writes flows, this only reads and deletes them.
 */
#ifndef DETOURD_RELAY_FLOWS_H
#define DETOURD_RELAY_FLOWS_H

#include "base/addr.h"
#include "relay/dataplane.h"

struct dt_flows;

/* Counts what the maps hold, so that quotas are exact after a crash. The dataplane is borrowed. */
int dt_flows_new(struct dt_flows **out, struct dt_dataplane *dataplane, uint64_t now_ns);
void dt_flows_free(struct dt_flows *f);

/* A client's rows in "usage" and "ended"; before its limits are set. */
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
/* Why to end it now, in a word; NULL: it may live. */
typedef const char *(*dt_flow_doomed_fn)(const struct dt_flow_view *view, void *data);
/* Called once for each flow that is gone, with its last counts; ended_ns is when its end came about. */
typedef void (*dt_flow_ended_fn)(const struct dt_flow_view *view, const char *reason, uint64_t ended_ns,
				 uint64_t now_ns, void *data);
/* Called once for each flow whose SYN the server took, some seconds later; rtt_ns is how long its answer took. */
typedef void (*dt_flow_answered_fn)(const struct dt_flow_view *view, uint64_t rtt_ns, void *data);
void dt_flows_on_answer(struct dt_flows *f, dt_flow_answered_fn answered, void *data);
void dt_flows_on_end(struct dt_flows *f, dt_flow_ended_fn ended, void *data);

/* Deletes flows past their time and, where doomed is not NULL, the doomed. Returns how many were doomed. */
size_t dt_flows_sweep(struct dt_flows *f, uint64_t now_ns, dt_flow_doomed_fn doomed, void *data);
/* As the last sweep saw it: flows that are open, or may become so. Those only waiting for their end do not count. */
uint64_t dt_flows_open(const struct dt_flows *f);
/* Forgets clients without flows for which keep says no. */
void dt_flows_prune(struct dt_flows *f, bool (*keep)(uint64_t client_id, void *data), void *data);

struct dt_flow_totals {
	uint64_t flows; /* live */
	uint64_t bytes_up, bytes_down;
	uint64_t rate_dropped; /* packets, for max-rate */
};
/* Of one client (0: of all); live flows included. */
void dt_flows_totals(struct dt_flows *f, uint64_t client_id, struct dt_flow_totals *out);
/* Reads the live flows' bytes for dt_flows_totals(). */
void dt_flows_sample(struct dt_flows *f);

#endif
