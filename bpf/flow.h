/* SPDX-License-Identifier: GPL-2.0 */
/* A flow's states and timers. */
#ifndef DETOURD_BPF_FLOW_H
#define DETOURD_BPF_FLOW_H

#include "tables.h"

/*
 * Moves a flow from one state to another, in both entries; the up entry is where it is decided, so that of two
 * CPUs one wins. Leaving DT_FLOW_HALF_OPEN is counted for the client and the relay (id 0).
 */
static __noinline int flow_change(struct dt_flow *f, __u32 from, __u32 to, __u64 now)
{
	struct dt_client_usage *u;
	struct dt_flow *peer, *up, *down;
	__u64 id;

	if (!f)
		return -1;
	peer = peer_lookup(f);
	if (!peer)
		return -1;
	up = f->dir == DT_DIR_UP ? f : peer;
	down = f->dir == DT_DIR_UP ? peer : f;
	if (__sync_val_compare_and_swap(&up->state, from, to) != from)
		return -1;
	down->state = to;
	up->changed_ns = now;
	down->changed_ns = now;
	if (from == DT_FLOW_HALF_OPEN) {
		id = up->client_id;
		u = bpf_map_lookup_elem(&usage, &id);
		if (u)
			__sync_fetch_and_add(&u->established, 1);
		id = 0;
		u = bpf_map_lookup_elem(&usage, &id);
		if (u)
			__sync_fetch_and_add(&u->established, 1);
	}
	return 0;
}

/* How long ago the flow's time ran out; 0: it lives. */
static __always_inline __u64 flow_overdue(const struct dt_flow *f, const struct dt_nat_config *cfg, __u64 now)
{
	__u64 end, idle_ns;

	switch (f->state) {
	case DT_FLOW_HALF_OPEN:
		end = f->changed_ns + cfg->half_open_ns;
		break;
	case DT_FLOW_ESTABLISHED:
		idle_ns = f->flags & DT_FLOW_FIN ? cfg->closing_ns : cfg->idle_ns;
		end = f->seen_ns + idle_ns;
		if (now > end) {
			struct dt_flow *peer = peer_lookup(f);

			if (!peer)
				break;
			if (!(peer->flags & DT_FLOW_FIN))
				idle_ns = cfg->idle_ns;
			end = ((__s64)(peer->seen_ns - f->seen_ns) > 0 ? peer->seen_ns : f->seen_ns) + idle_ns;
		}
		break;
	case DT_FLOW_CLOSING:
	case DT_FLOW_REFUSED:
		end = f->changed_ns + cfg->closing_ns;
		break;
	default:
		end = f->changed_ns;
		break;
	}
	return now > end ? now - end : 0;
}

#endif
