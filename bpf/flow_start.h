/* SPDX-License-Identifier: GPL-2.0-only */
/* The start of a flow: is the client's SYN permitted, and if so, the two entries that are the flow. */
#ifndef DETOURD_BPF_FLOW_START_H
#define DETOURD_BPF_FLOW_START_H

#include <asm-generic/errno-base.h>

#include "options.h"
#include "policy.h"
#include "quota.h"
#include "window.h"

#define PORT_TRIES 32

/*
 * Distances between the source ports that are tried for one flow, one of them drawn for each flow. With a fixed distance
 * ports in use would form clusters, and all tries could fail long before the range is full. The distances are primes
 * above 2^16, which share no divisor with any range, so that no port is tried twice.
 */
static const __u32 port_strides[] = {65537, 65539, 65543, 65551, 65557, 65563, 65579, 65581,
				     65587, 65599, 65609, 65617, 65629, 65633, 65647, 65651};
#define PORT_STRIDES (sizeof(port_strides) / sizeof(port_strides[0]))

/* Finds the SYN's lease, and by it the client, the server and the address that the server sees. 0 or a counter. */
static __always_inline int lease_find(struct scratch *s, const struct packet *p)
{
	struct dt_lease *lease;

	s->lease.client = p->key.src;
	if (p->tunnel) {
		__builtin_memset(&s->lease.relay, 0, sizeof(s->lease.relay));
		s->lease.dpt_be16 = 0;
	} else {
		s->lease.relay = p->key.dst;
		s->lease.dpt_be16 = p->key.dport_be16;
	}
	lease = bpf_map_lookup_elem(&leases, &s->lease);
	if (!lease || p->now > lease->expires_ns)
		return DT_NAT_DROP_NO_LEASE;
	/* Copied, since the verifier does not follow a variable that holds pointers of different kinds. */
	s->server = p->tunnel ? p->key.dst : lease->server;
	s->source = p->tunnel ? lease->server : p->key.dst;
	s->rpt_be16 = p->tunnel ? p->key.dport_be16 : lease->rpt_be16;
	s->client_id = lease->client_id;
	return 0;
}

/* So that the relay connects to the server while the handshake is under way. Where there is no room, it does so later. */
static __always_inline void converter_syn_tell(const struct packet *p)
{
	struct dt_converter_syn syn;

	__builtin_memset(&syn, 0, sizeof(syn));
	syn.client = p->key.src;
	syn.relay = p->key.dst;
	syn.sport_be16 = p->key.sport_be16;
	syn.dpt_be16 = p->key.dport_be16;
	bpf_ringbuf_output(&syns, &syn, sizeof(syn), 0);
}

/*
 * A SYN without a NAT lease: is it for a converter's listening socket? Whoever may not connect there is dropped, whatever
 * else listens. The counter.
 */
VERIFIED_ONCE int converter_admit(const struct packet *p)
{
	struct dt_converter_key key;
	struct dt_converter *c;
	__u64 client_id;

	if (!p)
		return DT_NAT_DROP_ERROR;
	key.relay = p->key.dst;
	key.dpt_be16 = p->key.dport_be16;
	__builtin_memset(key.pad, 0, sizeof(key.pad));
	c = bpf_map_lookup_elem(&converters, &key);
	if (!c || p->tunnel)
		return DT_NAT_DROP_NO_LEASE;
	/* the host answers by RST; strangers get no answer */
	if (c->closed)
		return ip_equal(&p->key.src, &c->client) ? DT_NAT_PASS_CONVERTED : DT_NAT_DROP_NO_LEASE;
	if (p->join_len == MP_JOIN_SYN_LEN)
		return DT_NAT_PASS_CONVERTED;
	if (p->now > c->expires_ns || p->join_len || !ip_equal(&p->key.src, &c->client))
		return DT_NAT_DROP_NO_LEASE;
	client_id = c->client_id;
	if (!bpf_map_lookup_elem(&clients, &client_id))
		return DT_NAT_DROP_REVOKED;
	converter_syn_tell(p);
	return DT_NAT_PASS_CONVERTED;
}

/* May this client open a flow to this server with this SYN? Sets the entries' flags. 0 or a counter. */
static __always_inline int start_permitted(struct scratch *s, const struct packet *p, __u32 client_flags,
					   const struct dt_nat_config *cfg)
{
	s->flags = p->tunnel ? DT_FLOW_TUNNEL : 0;
	if (client_flags & DT_CLIENT_PLAIN_TCP)
		s->flags |= DT_FLOW_PLAIN;
	else if (p->join_len != MP_JOIN_SYN_LEN)
		return DT_NAT_DROP_GATE_SYN;
	if (p->payload)
		return DT_NAT_DROP_SYN_DATA;
	if (!destination_permitted(s->client_id, cfg->policy_generation))
		return DT_NAT_DROP_DESTINATION;
	return p->hops <= 1 ? DT_NAT_DROP_TTL : 0;
}

/* Ends what is left of a flow, so that a new SYN can start again on its entries. 0 or negative. */
VERIFIED_ONCE int flow_retire(struct dt_flow *f, __u64 now)
{
	__u32 state;

	if (!f)
		return -1;
	state = f->state;
	if (state == DT_FLOW_ENDED)
		return 0;
	if (flow_change(f, state, DT_FLOW_ENDED, now) < 0)
		return -1;
	usage_add(f->client_id, offsetof(struct dt_client_usage, restarted), 1);
	return 0;
}

/* Ends the flow that had the SYN's four-tuple before. 0, or the counter: its entries lead to another server. */
static __always_inline int old_retire(const struct scratch *s, struct dt_flow *old, __u64 now)
{
	if (!ip_equal(&old->new_dst, &s->server) || old->new_dport_be16 != s->rpt_be16)
		return DT_NAT_DROP_STALE;
	return flow_retire(old, now) < 0 ? DT_NAT_DROP_STALE : 0;
}

/* Begins both entries, with where their packets leave. 0 or a counter. */
static __always_inline int routes_find(struct scratch *s, const struct packet *p, const struct dt_nat_config *cfg)
{
	struct dt_route *route;

	__builtin_memset(&s->up, 0, sizeof(s->up));
	__builtin_memset(&s->down, 0, sizeof(s->down));
	if (p->tunnel) {
		s->down.oif = cfg->tunnel_ifindex;
		s->down.mtu = cfg->tunnel_mtu;
	} else {
		route = route_lookup(&s->route, &p->key.src);
		if (!route)
			return DT_NAT_DROP_NO_ROUTE;
		s->down.oif = route->oif;
		s->down.mtu = route->mtu;
	}
	route = route_lookup(&s->route, &s->server);
	if (!route)
		return DT_NAT_DROP_NO_ROUTE;
	s->up.oif = route->oif;
	s->up.mtu = route->mtu;
	s->up.route_gen = s->down.route_gen = cfg->route_generation;
	return 0;
}

/* Makes a flow of the entries of one that ended. 0 or a counter. */
static __always_inline int entries_reuse(const struct scratch *s, const struct packet *p, struct dt_flow *old,
					 const struct dt_nat_config *cfg)
{
	struct dt_flow *peer = peer_lookup(old);

	if (!peer)
		return DT_NAT_DROP_STALE;
	/* another CPU may have the same SYN: one of them makes the flow */
	if (__sync_val_compare_and_swap(&old->state, DT_FLOW_ENDED, DT_FLOW_HALF_OPEN) != DT_FLOW_ENDED)
		return DT_NAT_DROP_STALE;
	peer->state = DT_FLOW_HALF_OPEN;
	old->client_id = peer->client_id = s->client_id;
	old->flags = peer->flags = s->flags;
	old->started_ns = peer->started_ns = p->now;
	old->changed_ns = peer->changed_ns = p->now;
	old->seen_ns = peer->seen_ns = p->now;
	/* so that both look up their routes again */
	old->route_gen = peer->route_gen = cfg->route_generation - 1;
	window_begin(old, p);
	return 0;
}

/* Fills in both entries but for the source port, and the key of the down entry. */
static __always_inline void entries_fill(struct scratch *s, const struct packet *p)
{
	s->up.new_src = s->source;
	s->up.new_dst = s->server;
	s->up.new_dport_be16 = s->rpt_be16;
	s->up.dir = DT_DIR_UP;
	s->down.new_src = p->key.dst;
	s->down.new_dst = p->key.src;
	s->down.new_sport_be16 = p->key.dport_be16;
	s->down.new_dport_be16 = p->key.sport_be16;
	s->down.dir = DT_DIR_DOWN;
	s->up.flags = s->down.flags = s->flags;
	s->up.client_id = s->down.client_id = s->client_id;
	s->up.started_ns = s->down.started_ns = p->now;
	s->up.changed_ns = s->down.changed_ns = p->now;
	s->up.seen_ns = s->down.seen_ns = p->now;
	window_begin(&s->up, p);
	s->down_key.src = s->server;
	s->down_key.dst = s->source;
	s->down_key.sport_be16 = s->rpt_be16;
	s->down_key.pad = 0;
}

/*
 * Does the relay's host have a socket that would get the packets of the down entry in "scratch": a connection of its own to
 * the same server, or a listener?
 */
VERIFIED_ONCE int host_uses(struct __sk_buff *skb)
{
	const struct dt_flow_key *down;
	struct bpf_sock_tuple t;
	struct bpf_sock *sk;
	__u32 len, zero = 0;
	struct scratch *s;

	s = bpf_map_lookup_elem(&scratch, &zero);
	if (!s)
		return 1;
	down = &s->down_key;
	__builtin_memset(&t, 0, sizeof(t));
	if (ip_is_v4(&down->src)) {
		t.ipv4.saddr = down->src.w[3];
		t.ipv4.daddr = down->dst.w[3];
		t.ipv4.sport = down->sport_be16;
		t.ipv4.dport = down->dport_be16;
		len = sizeof(t.ipv4);
	} else {
		__builtin_memcpy(t.ipv6.saddr, &down->src, sizeof(t.ipv6.saddr));
		__builtin_memcpy(t.ipv6.daddr, &down->dst, sizeof(t.ipv6.daddr));
		t.ipv6.sport = down->sport_be16;
		t.ipv6.dport = down->dport_be16;
		len = sizeof(t.ipv6);
	}
	sk = bpf_skc_lookup_tcp(skb, &t, len, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	bpf_sk_release(sk);
	return 1;
}

/* Claims one of so many source ports, from first on, by inserting the down entry. 0 or a counter. */
VERIFIED_ONCE int claim_one_of(struct __sk_buff *skb, __u32 first, __u32 count)
{
	__u32 at, stride, zero = 0;
	struct scratch *s;
	int err;

	s = bpf_map_lookup_elem(&scratch, &zero);
	if (!s)
		return DT_NAT_DROP_ERROR;
	if (!count)
		return DT_NAT_DROP_NO_PORT;
	at = bpf_get_prandom_u32() % count;
	stride = port_strides[bpf_get_prandom_u32() % PORT_STRIDES];
	for (int i = 0; i < PORT_TRIES; i++) {
		__u16 port = bpf_htons(first + (at + i * stride) % count);

		s->down_key.dport_be16 = port;
		if (host_uses(skb))
			continue;
		err = bpf_map_update_elem(&flows, &s->down_key, &s->down, BPF_NOEXIST);
		if (err == 0) {
			s->up.new_sport_be16 = port;
			return 0;
		}
		if (err != -EEXIST)
			return DT_NAT_DROP_TABLE_FULL;
	}
	return DT_NAT_DROP_NO_PORT;
}

/* Claims a source port: one that all clients may use, or else one of the client's own. 0 or a counter. */
VERIFIED_ONCE int claim_port(struct __sk_buff *skb, const struct dt_nat_config *cfg, __u64 client_id)
{
	struct dt_port_share *share;
	int err;

	if (!cfg)
		return DT_NAT_DROP_ERROR;
	share = bpf_map_lookup_elem(&shares, &client_id);
	if (!share)
		return claim_one_of(skb, cfg->source_min, cfg->source_max - cfg->source_min + 1);
	err = claim_one_of(skb, cfg->source_min, share->common);
	if (err == DT_NAT_DROP_NO_PORT)
		err = claim_one_of(skb, cfg->source_min + share->first, share->own);
	return err;
}

/* Makes a flow on a four-tuple that has none. 0 or a counter. */
static __always_inline int entries_insert(struct __sk_buff *skb, struct scratch *s, const struct packet *p,
					  const struct dt_nat_config *cfg)
{
	struct dt_flow_key key = p->key; /* see VERIFIED_ONCE */
	int err;

	entries_fill(s, p);
	err = claim_port(skb, cfg, s->client_id);
	if (err)
		return err;
	if (bpf_map_update_elem(&flows, &key, &s->up, BPF_NOEXIST) < 0) {
		bpf_map_delete_elem(&flows, &s->down_key);
		return DT_NAT_DROP_TABLE_FULL;
	}
	return 0;
}

/*
 * A SYN without a live flow: checks it and makes the flow, if there is one on the same four-tuple whose time is over
 * (old), of its entries. 0, and the flow is in the map; or the counter of why it is not.
 */
VERIFIED_ONCE int flow_start(struct __sk_buff *skb, const struct packet *p, struct dt_flow *old,
			     const struct dt_nat_config *cfg)
{
	struct dt_client_limits *limits;
	struct scratch *s;
	__u32 zero = 0;
	__u64 client_id;
	int err;

	if (!p || !cfg)
		return DT_NAT_DROP_ERROR;
	if (p->now > cfg->alive_until_ns)
		return DT_NAT_DROP_NO_DAEMON;
	s = bpf_map_lookup_elem(&scratch, &zero);
	if (!s)
		return DT_NAT_DROP_ERROR;
	err = lease_find(s, p);
	if (err)
		return converter_admit(p);
	client_id = s->client_id;
	limits = bpf_map_lookup_elem(&clients, &client_id);
	if (!limits)
		return DT_NAT_DROP_REVOKED;
	err = start_permitted(s, p, limits->flags, cfg);
	if (!err && old)
		err = old_retire(s, old, p->now);
	if (!err)
		err = routes_find(s, p, cfg);
	if (!err)
		err = quota_take(client_id, limits, cfg->max_flows, p->now);
	if (err)
		return err;
	err = old ? entries_reuse(s, p, old, cfg) : entries_insert(skb, s, p, cfg);
	if (err)
		quota_give_back(client_id);
	else
		count(DT_NAT_FLOWS_STARTED);
	return err;
}

#endif
