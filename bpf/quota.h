/* SPDX-License-Identifier: GPL-2.0-only */
/* How many flows there may be: a client's max-flows, max-half-open and max-new-flows, and the relay's max-flows. */
#ifndef DETOURD_BPF_QUOTA_H
#define DETOURD_BPF_QUOTA_H

#include "tables.h"

/*
 * Takes a new flow from the client's bucket: rate a second, one second deep. bucket_ns is the time at which it is full
 * again (the generic cell rate algorithm).
 */
static __always_inline bool new_flow_allowed(struct dt_client_usage *u, __u32 rate, __u64 now)
{
	__u64 interval, seen, at;

	if (rate == 0)
		return false;
	interval = 1000000000ULL / rate;
	for (int i = 0; i < 4; i++) {
		seen = u->bucket_ns;
		at = seen > now ? seen : now;
		if (at - now > 1000000000ULL - interval)
			return false;
		if (__sync_val_compare_and_swap(&u->bucket_ns, seen, at + interval) == seen)
			return true;
	}
	return false;
}

static __always_inline void flow_uncount(struct dt_client_usage *u)
{
	__sync_fetch_and_sub(&u->started, 1);
}

/* Counts a flow of the client or of the relay; false, and nothing is counted: it has "most" already. */
static __always_inline bool flow_count(struct dt_client_usage *u, const struct dt_client_ended *e, __u32 most)
{
	/* signed: the counts may be out of step for a moment, and a negative result must not look like a huge one */
	__s64 live = __sync_fetch_and_add(&u->started, 1) + 1 - u->restarted - e->flows;

	if (live <= (__s64)most)
		return true;
	flow_uncount(u);
	return false;
}

/* Counts a new flow for the client and for the relay. 0, or the counter of the quota that is used up. */
VERIFIED_ONCE int quota_take(__u64 client_id, const struct dt_client_limits *limits, __u32 max_flows, __u64 now)
{
	struct dt_client_usage *u, *all;
	struct dt_client_ended *e, *all_ended;
	__u64 id = client_id, zero = 0;
	__s64 half_open;

	if (!limits)
		return DT_NAT_DROP_ERROR;
	u = bpf_map_lookup_elem(&usage, &id);
	e = bpf_map_lookup_elem(&ended, &id);
	all = bpf_map_lookup_elem(&usage, &zero);
	all_ended = bpf_map_lookup_elem(&ended, &zero);
	if (!u || !e || !all || !all_ended)
		return DT_NAT_DROP_REVOKED;
	if (!flow_count(u, e, limits->max_flows))
		return DT_NAT_DROP_MAX_FLOWS;
	half_open = u->started - u->established - e->half_open;
	if (half_open > (__s64)limits->max_half_open) {
		flow_uncount(u);
		return DT_NAT_DROP_HALF_OPEN;
	}
	if (!flow_count(all, all_ended, max_flows)) {
		flow_uncount(u);
		return DT_NAT_DROP_MAX_FLOWS;
	}
	if (!new_flow_allowed(u, limits->max_new_flows, now)) {
		flow_uncount(all);
		flow_uncount(u);
		return DT_NAT_DROP_NEW_FLOWS;
	}
	return 0;
}

/* The flow that quota_take() counted was not made after all. */
static __always_inline void quota_give_back(__u64 client_id)
{
	usage_add(client_id, offsetof(struct dt_client_usage, started), (__u64)-1);
}

#endif
