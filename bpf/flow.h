/* SPDX-License-Identifier: GPL-2.0-only */
/* The state of a flow, and when its time is over. */
#ifndef DETOURD_BPF_FLOW_H
#define DETOURD_BPF_FLOW_H

#include "tables.h"

/* f: either entry of the flow. */
static __always_inline bool is_up(const struct dt_flow *f)
{
	return f->dir == DT_DIR_UP;
}

/*
 * Moves a flow from one state to another, in both entries. The up entry changes first, atomically, so that one of several
 * CPUs succeeds. A flow that leaves DT_FLOW_HALF_OPEN is counted for its client and for the relay. 0, or negative: the
 * flow was not in the state "from", or its other entry is missing.
 */
VERIFIED_ONCE int flow_change(struct dt_flow *f, __u32 from, __u32 to, __u64 now)
{
	struct dt_flow *peer, *up, *down;

	if (!f)
		return -1;
	peer = peer_lookup(f);
	if (!peer)
		return -1;
	up = is_up(f) ? f : peer;
	down = is_up(f) ? peer : f;
	if (__sync_val_compare_and_swap(&up->state, from, to) != from)
		return -1;
	down->state = to;
	up->changed_ns = now;
	down->changed_ns = now;
	if (from == DT_FLOW_HALF_OPEN)
		usage_add(up->client_id, offsetof(struct dt_client_usage, established), 1);
	return 0;
}

/* When an established flow has been idle for too long: the direction that was seen last decides. */
static __always_inline __u64 idle_end(const struct dt_flow *f, const struct dt_nat_config *cfg, __u64 now)
{
	__u64 idle_ns = f->flags & DT_FLOW_FIN ? cfg->closing_ns : cfg->idle_ns;
	struct dt_flow *peer;

	if (now <= f->seen_ns + idle_ns)
		return f->seen_ns + idle_ns;
	peer = peer_lookup(f);
	if (!peer)
		return f->seen_ns + idle_ns;
	if (!(peer->flags & DT_FLOW_FIN))
		idle_ns = cfg->idle_ns;
	return ((__s64)(peer->seen_ns - f->seen_ns) > 0 ? peer->seen_ns : f->seen_ns) + idle_ns;
}

/* For how long the flow's time has been over; 0: it is not. */
static __always_inline __u64 flow_overdue(const struct dt_flow *f, const struct dt_nat_config *cfg, __u64 now)
{
	__u64 end;

	switch (f->state) {
	case DT_FLOW_HALF_OPEN:
	case DT_FLOW_REFUSED:
		end = f->changed_ns + cfg->half_open_ns;
		break;
	case DT_FLOW_ESTABLISHED:
		end = idle_end(f, cfg, now);
		break;
	case DT_FLOW_CLOSING:
		end = f->changed_ns + cfg->closing_ns;
		break;
	default:
		end = f->changed_ns;
		break;
	}
	return now > end ? now - end : 0;
}

#endif
