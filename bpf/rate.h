/* SPDX-License-Identifier: GPL-2.0 */
/*
 * max-rate: a bucket for each client and direction and one for the relay, shared by all flows, as virtual times (GCRA)
 * that atomic operations move on. A flow that is busy takes some bytes in advance, so that few packets touch what all
 * CPUs share; what it has not used a few milliseconds later it gives back with its next packet.
 */
#ifndef DETOURD_BPF_RATE_H
#define DETOURD_BPF_RATE_H

#include "tables.h"

#define RATE_TRIES 4
#define CREDIT_MAX 32768
#define CREDIT_PACKETS 16
#define CREDIT_SHIFT 20 /* the unit of credit_until, about 1 ms */
#define CREDIT_UNITS 5
#define EARLY_MAX_NS 100000000ULL
#define EARLY_MIN_NS 8000000ULL

struct bucket {
	__u64 *at_ns; /* when it will be full again */
	__u64 *early_ns;
	__u64 rate;
	__u64 depth_ns;
};

/*
 * In the lower half of the bucket one data packet is dropped now and then, the oftener the emptier it is: TCP then slows
 * down by a third, where an empty bucket would cost it a whole window and a time-out.
 */
static __always_inline bool drops_early(const struct bucket *b, __u64 used_ns, __u64 now)
{
	__u64 half_ns = b->depth_ns / 2, next_ns = *b->early_ns, gap_ns;

	if (used_ns <= half_ns || now < next_ns)
		return false;
	gap_ns = EARLY_MAX_NS - (used_ns - half_ns) * 64 / (half_ns + 1) * ((EARLY_MAX_NS - EARLY_MIN_NS) / 64);
	return __sync_val_compare_and_swap(b->early_ns, next_ns, now + gap_ns) == next_ns;
}

/* False: not now. */
static __always_inline bool bucket_take(const struct bucket *b, __u32 bytes, bool early, __u64 now)
{
	__u64 cost_ns = (__u64)bytes * 1000000000ULL / b->rate, seen, at;

	for (int i = 0; i < RATE_TRIES; i++) {
		seen = *b->at_ns;
		at = seen > now ? seen : now;
		/* what is larger than the bucket passes when it is full */
		if (at - now + cost_ns > b->depth_ns && at > now)
			return false;
		if (early && drops_early(b, at - now, now))
			return false;
		if (__sync_val_compare_and_swap(b->at_ns, seen, at + cost_ns) == seen)
			return true;
	}
	/* many CPUs at once: it had room a moment ago, and what this one takes too much the next ones lack */
	__sync_fetch_and_add(b->at_ns, cost_ns);
	return true;
}

/* Nothing where the bucket is full by now. */
static __always_inline void bucket_give_back(const struct bucket *b, __u32 bytes, __u64 now)
{
	__u64 cost_ns = (__u64)bytes * 1000000000ULL / b->rate, at = *b->at_ns;

	if (at > now)
		__sync_fetch_and_sub(b->at_ns, cost_ns < at - now ? cost_ns : at - now);
}

/*
 * 0 and the packet is paid for, else the counter of the drop. data: the packets (segments of them) carry some. Global, so
 * that the verifier walks through it once.
 */
__noinline int rate_refill(struct dt_flow *f, __u32 bytes, __u32 segments, bool data, __u64 now)
{
	struct dt_client_limits *limits;
	struct dt_client_usage *u, *all;
	struct dt_nat_config *cfg;
	struct bucket own, relay;
	__u32 left, take, dir, now_units, none = 0;
	__u64 id, zero = 0, most;

	if (!f)
		return DT_NAT_DROP_ERROR;
	id = f->client_id;
	cfg = bpf_map_lookup_elem(&config, &none);
	limits = bpf_map_lookup_elem(&clients, &id);
	u = bpf_map_lookup_elem(&usage, &id);
	all = bpf_map_lookup_elem(&usage, &zero);
	if (!cfg || !limits || !u || !all)
		return DT_NAT_DROP_REVOKED;
	if (!limits->rate || !cfg->rate)
		return DT_NAT_DROP_RATE;
	dir = f->dir & 1;
	own = (struct bucket){&u->rate_ns[dir], &u->early_ns[dir], limits->rate, limits->bucket_ns};
	relay = (struct bucket){&all->rate_ns[dir], &all->early_ns[dir], cfg->rate, cfg->bucket_ns};

	now_units = now >> CREDIT_SHIFT;
	left = __sync_lock_test_and_set(&f->credit, 0);
	take = bytes;
	if ((__s32)(f->credit_until - now_units) > 0) {
		/* a millisecond's worth: what the flow has taken last is used up in time */
		most = (limits->rate < cfg->rate ? limits->rate : cfg->rate) >> 10;
		if (most > CREDIT_MAX)
			most = CREDIT_MAX;
		if (most > (__u64)CREDIT_PACKETS * bytes)
			most = (__u64)CREDIT_PACKETS * bytes;
		if (most > take)
			take = most;
	} else if (left) {
		bucket_give_back(&own, left, now);
		bucket_give_back(&relay, left, now);
		left = 0;
	}
	if (!bucket_take(&own, take, data, now)) {
		f->credit = left;
		__sync_fetch_and_add(&u->rate_dropped[dir], segments);
		return DT_NAT_DROP_RATE;
	}
	if (!bucket_take(&relay, take, data, now)) {
		bucket_give_back(&own, take, now);
		f->credit = left;
		__sync_fetch_and_add(&u->rate_dropped[dir], segments);
		return DT_NAT_DROP_RATE;
	}
	f->credit = left + take - bytes;
	f->credit_until = now_units + CREDIT_UNITS;
	return 0;
}

static __always_inline int rate_take(struct dt_flow *f, __u32 bytes, __u32 segments, bool data, __u64 now)
{
	__u32 credit = f->credit;

	if (credit >= bytes && (__s32)(f->credit_until - (__u32)(now >> CREDIT_SHIFT)) > 0) {
		f->credit = credit - bytes;
		return 0;
	}
	return rate_refill(f, bytes, segments, data, now);
}

#endif
