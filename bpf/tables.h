/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps of nat.bpf (maps.h describes them), and the look-ups and counts that all its parts share. */
#ifndef DETOURD_BPF_TABLES_H
#define DETOURD_BPF_TABLES_H

#include <linux/pkt_cls.h>

#include "parse.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct dt_lease_key);
	__type(value, struct dt_lease);
} leases SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct dt_converter_key);
	__type(value, struct dt_converter);
} converters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536); /* bytes */
} syns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 262144);
	__type(key, struct dt_flow_key);
	__type(value, struct dt_flow);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct dt_client_limits);
} clients SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct dt_port_share);
} shares SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct dt_client_usage);
} usage SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct dt_client_ended);
} ended SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct dt_policy_key);
	__type(value, __u32);
} policy SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct dt_route_key);
	__type(value, struct dt_route);
} routes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct dt_ip);
	__type(value, __u32);
} addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dt_nat_config);
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DT_NAT_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

#define UNIT_SHIFT 20 /* struct dt_flow keeps some times in units of 2^20 ns, about 1 ms */

/* What flow_start() works on; too large for the stack. */
struct scratch {
	struct dt_lease_key lease;
	struct dt_policy_key policy;
	struct dt_route_key route;
	struct dt_flow_key down_key;
	struct dt_flow up;
	struct dt_flow down;
	struct dt_ip server;
	struct dt_ip source; /* the address that the server sees */
	__u16 rpt_be16;	     /* the server's port */
	__u32 flags;	     /* enum dt_flow_flag, of both entries */
	__u64 client_id;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

static __always_inline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		*value += 1;
}

/*
 * Counts a packet that is not forwarded and returns its verdict. Packets of a DT_NAT_PASS_* counter go to the host, unless
 * they came from a tunnel; all others are dropped.
 */
static __always_inline int not_forwarded(__u32 counter, bool tunnel)
{
	bool passes = counter <= DT_NAT_PASS_LAST;

	if (passes && tunnel)
		counter = DT_NAT_DROP_TUNNEL;
	count(counter);
	return passes && !tunnel ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

static __always_inline void usage_add_to(__u64 id, __u32 member, __u64 change)
{
	void *u = bpf_map_lookup_elem(&usage, &id);

	if (u)
		__sync_fetch_and_add((__u64 *)(u + member), change);
}

/* Adds to a number in "usage", for the client and for the relay (id 0). member: its offset in struct dt_client_usage. */
static __always_inline void usage_add(__u64 client_id, __u32 member, __u64 change)
{
	usage_add_to(client_id, member, change);
	usage_add_to(0, member, change);
}

/* The key of the flow's other entry: the four-tuple of an answer to a packet that this entry rewrote. */
static __always_inline void peer_key(struct dt_flow_key *key, const struct dt_flow *f)
{
	key->src = f->new_dst;
	key->dst = f->new_src;
	key->sport_be16 = f->new_dport_be16;
	key->dport_be16 = f->new_sport_be16;
	key->pad = 0;
}

static __always_inline struct dt_flow *peer_lookup(const struct dt_flow *f)
{
	struct dt_flow_key key;

	peer_key(&key, f);
	return bpf_map_lookup_elem(&flows, &key);
}

static __always_inline struct dt_route *route_lookup(struct dt_route_key *key, const struct dt_ip *to)
{
	key->prefixlen = DT_ROUTE_PREFIX_BASE + 128;
	key->family = ip_is_v4(to) ? 4 : 6;
	key->ip = *to;
	return bpf_map_lookup_elem(&routes, key);
}

/*
 * Has the daemon been away for too long? When the host wakes from sleep, packets are here before the daemon can say that it
 * is back: what the host slept does not count.
 */
static __always_inline bool is_dead(const struct dt_nat_config *cfg, __u64 now)
{
	return now > cfg->dead_after_ns && bpf_ktime_get_ns() > cfg->dead_awake_ns;
}

#endif
