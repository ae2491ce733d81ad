/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * max-rate. Each client has a bucket for each direction, and so has the relay; all flows share them. A bucket is the time
 * at which it is full again (GCRA), moved on by atomic operations. A busy flow takes some bytes in advance (its credit),
 * so that few packets write what all CPUs share. What it has not used a few milliseconds later goes back with its next
 * packet.
 */
#ifndef DETOURD_BPF_RATE_H
#define DETOURD_BPF_RATE_H

#include "tables.h"

#define RATE_TRIES 4
#define CREDIT_MAX 32768  /* bytes */
#define CREDIT_PACKETS 16 /* as many of the current size */
#define CREDIT_UNITS 5	  /* for how long the credit is valid */
/* The time between two early drops: the first while the bucket is half full, the second when it is empty. */
#define EARLY_MAX_NS 100000000ULL
#define EARLY_MIN_NS 8000000ULL

struct bucket {
	__u64 *at_ns;	 /* when it is full again */
	__u64 *early_ns; /* no early drop before */
	__u64 rate;	 /* bytes a second */
	__u64 depth_ns;	 /* in how much time the rate fills it */
};

/*
 * When less than half of the bucket is left, a data packet is dropped from time to time; the emptier, the more often. TCP
 * then slows down by a third, whereas an empty bucket would cost it a whole window and a time-out.
 */
static __always_inline bool drops_early(const struct bucket *b, __u64 used_ns, __u64 now)
{
	__u64 half_ns = b->depth_ns / 2, next_ns = *b->early_ns, gap_ns;

	if (used_ns <= half_ns || now < next_ns)
		return false;
	gap_ns = EARLY_MAX_NS - (used_ns - half_ns) * 64 / (half_ns + 1) * ((EARLY_MAX_NS - EARLY_MIN_NS) / 64);
	return __sync_val_compare_and_swap(b->early_ns, next_ns, now + gap_ns) == next_ns;
}

/* Takes bytes from the bucket; early: the packet may be dropped early. False: drop the packet. */
static __always_inline bool bucket_take(const struct bucket *b, __u32 bytes, bool early, __u64 now)
{
	__u64 cost_ns = (__u64)bytes * 1000000000ULL / b->rate, seen, at;

	for (int i = 0; i < RATE_TRIES; i++) {
		seen = *b->at_ns;
		at = seen > now ? seen : now;
		/* a packet larger than the bucket passes when the bucket is full */
		if (at - now + cost_ns > b->depth_ns && at > now)
			return false;
		if (early && drops_early(b, at - now, now))
			return false;
		if (__sync_val_compare_and_swap(b->at_ns, seen, at + cost_ns) == seen)
			return true;
	}
	/* Many CPUs at once: the bucket had room a moment ago. If this is too much, the next packets get less. */
	__sync_fetch_and_add(b->at_ns, cost_ns);
	return true;
}

/* Puts bytes back, but no more than fit. */
static __always_inline void bucket_give_back(const struct bucket *b, __u32 bytes, __u64 now)
{
	__u64 cost_ns = (__u64)bytes * 1000000000ULL / b->rate, at = *b->at_ns;

	if (at > now)
		__sync_fetch_and_sub(b->at_ns, cost_ns < at - now ? cost_ns : at - now);
}

/* How many bytes to take for a packet of a busy flow: a millisecond's worth, so that the credit is used up in time. */
static __always_inline __u32 credit_wanted(__u64 client_rate, __u64 relay_rate, __u32 bytes)
{
	__u64 most = (client_rate < relay_rate ? client_rate : relay_rate) >> 10;

	if (most > CREDIT_MAX)
		most = CREDIT_MAX;
	if (most > (__u64)CREDIT_PACKETS * bytes)
		most = (__u64)CREDIT_PACKETS * bytes;
	return most > bytes ? most : bytes;
}

/* Takes bytes from both buckets or from none. */
static __always_inline bool buckets_take(const struct bucket *own, const struct bucket *relay, __u32 bytes, bool early,
					 __u64 now)
{
	if (!bucket_take(own, bytes, early, now))
		return false;
	if (bucket_take(relay, bytes, early, now))
		return true;
	bucket_give_back(own, bytes, now);
	return false;
}

/*
 * Pays for a packet whose flow has not enough credit. bytes, segments: of the packet; data: it carries some. 0 or
 * a counter.
 */
VERIFIED_ONCE int rate_refill(struct dt_flow *f, __u32 bytes, __u32 segments, bool data, __u64 now)
{
	struct dt_client_limits *limits;
	struct dt_client_usage *u, *all;
	struct dt_nat_config *cfg;
	struct bucket own, relay;
	__u32 left, take, dir, now_units, none = 0;
	__u64 id, zero = 0;

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
	now_units = now >> UNIT_SHIFT;
	left = __sync_lock_test_and_set(&f->credit, 0);
	take = bytes;
	if ((__s32)(f->credit_until - now_units) > 0) {
		take = credit_wanted(limits->rate, cfg->rate, bytes);
	} else if (left) {
		bucket_give_back(&own, left, now);
		bucket_give_back(&relay, left, now);
		left = 0;
	}
	if (!buckets_take(&own, &relay, take, data, now)) {
		f->credit = left;
		__sync_fetch_and_add(&u->rate_dropped[dir], segments);
		return DT_NAT_DROP_RATE;
	}
	f->credit = left + take - bytes;
	f->credit_until = now_units + CREDIT_UNITS;
	return 0;
}

/* In use, as a time; more than the depth if it owes. */
static __always_inline __u64 bucket_used(const struct bucket *b, __u64 now)
{
	return *b->at_ns > now ? *b->at_ns - now : 0;
}

/* Takes bytes whether they are there or not. */
static __always_inline void bucket_owe(const struct bucket *b, __u32 bytes, __u64 now)
{
	__u64 cost_ns = (__u64)bytes * 1000000000ULL / b->rate, seen = *b->at_ns;

	if (seen >= now || __sync_val_compare_and_swap(b->at_ns, seen, now + cost_ns) != seen)
		__sync_fetch_and_add(b->at_ns, cost_ns);
}

/*
 * Takes bytes for what the copying process moves, which is no packet of a flow, so that it knows nothing of drops. It gets
 * what it wants while flows leave most of the buckets; otherwise what is reserved for it, also before them. How many.
 */
static __always_inline __u32 rate_grant_take(__u64 id, __u32 dir, __u32 wanted, __u32 reserved, __u64 now)
{
	struct dt_client_limits *limits = bpf_map_lookup_elem(&clients, &id);
	struct dt_client_usage *u = bpf_map_lookup_elem(&usage, &id), *all;
	struct bucket own, relay;
	struct dt_nat_config *cfg;
	__u32 none = 0, bytes;
	__u64 zero = 0;

	all = bpf_map_lookup_elem(&usage, &zero);
	cfg = bpf_map_lookup_elem(&config, &none);
	if (!cfg || !limits || !u || !all || !limits->rate || !cfg->rate)
		return 0;
	dir &= 1;
	own = (struct bucket){&u->rate_ns[dir], &u->early_ns[dir], limits->rate, limits->bucket_ns};
	relay = (struct bucket){&all->rate_ns[dir], &all->early_ns[dir], cfg->rate, cfg->bucket_ns};
	if (bucket_used(&own, now) >= own.depth_ns || bucket_used(&relay, now) >= relay.depth_ns)
		return 0;
	bytes = reserved;
	if (bucket_used(&own, now) <= own.depth_ns / 4 && bucket_used(&relay, now) <= relay.depth_ns / 4)
		bytes = wanted;
	bucket_owe(&own, bytes, now);
	bucket_owe(&relay, bytes, now);
	return bytes;
}

/* Pays for a packet, if possible with the flow's credit. As rate_refill(). */
static __always_inline int rate_take(struct dt_flow *f, __u32 bytes, __u32 segments, bool data, __u64 now)
{
	__u32 credit = f->credit;

	if (credit >= bytes && (__s32)(f->credit_until - (__u32)(now >> UNIT_SHIFT)) > 0) {
		f->credit = credit - bytes;
		return 0;
	}
	return rate_refill(f, bytes, segments, data, now);
}

#endif
