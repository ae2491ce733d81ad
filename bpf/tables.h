/* SPDX-License-Identifier: GPL-2.0 */
/* nat.bpf's maps (maps.h describes them) and the look-ups that all its parts share. */
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

/* What flow_start() builds; too much for the stack. */
struct scratch {
	struct dt_lease_key lease;
	struct dt_policy_key policy;
	struct dt_route_key route;
	struct dt_flow_key down_key;
	struct dt_flow up;
	struct dt_flow down;
	struct dt_ip server;
	struct dt_ip source; /* that the server sees */
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

static __always_inline int drop(__u32 counter)
{
	count(counter);
	return TC_ACT_SHOT;
}

/* To the host; from a tunnel nothing unknown goes anywhere. */
static __always_inline int pass(__u32 counter, bool tunnel)
{
	if (tunnel)
		return drop(DT_NAT_DROP_TUNNEL);
	count(counter);
	return TC_ACT_UNSPEC;
}

/* Key of the entry of the other direction: what the answer to a rewritten packet will look like. */
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

#endif
