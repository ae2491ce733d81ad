/* SPDX-License-Identifier: GPL-2.0 */
/* The start of a flow: who may make one, to where, how many; and the entries that are the flow. */
#ifndef DETOURD_BPF_FLOW_START_H
#define DETOURD_BPF_FLOW_START_H

#include <asm-generic/errno-base.h>

#include "tables.h"
#include "window.h"

#define PORT_TRIES 32

/*
 * Ports are tried at a distance drawn for each flow: at a fixed one those that are taken form clusters, and many tries are
 * in vain long before the range is full. Primes above 2^16 have no divisor in common with any range, so that up to
 * PORT_TRIES ports are all tried.
 */
static const __u32 port_strides[] = {65537, 65539, 65543, 65551, 65557, 65563, 65579, 65581,
				     65587, 65599, 65609, 65617, 65629, 65633, 65647, 65651};
#define PORT_STRIDES (sizeof(port_strides) / sizeof(port_strides[0]))

static __always_inline bool policy_has(struct dt_policy_key *key, __u64 client_id, __u16 kind)
{
	key->client_id = client_id;
	key->kind = kind;
	return bpf_map_lookup_elem(&policy, key) != NULL;
}

/* deny > allow > built-in deny > permit; a client's lists only narrow. */
static __noinline bool destination_permitted(struct scratch *s, const struct dt_ip *server, __u64 client_id)
{
	struct dt_nat_config *cfg;
	__u32 zero = 0;
	bool listed;

	cfg = bpf_map_lookup_elem(&config, &zero);
	if (!s || !server || !cfg)
		return false;
	s->policy.prefixlen = DT_POLICY_PREFIX_BASE + 128;
	s->policy.generation = cfg->policy_generation;
	s->policy.family = ip_is_v4(server) ? 4 : 6;
	s->policy.ip = *server;
	if (policy_has(&s->policy, 0, DT_POLICY_DENY))
		return false;
	if (!policy_has(&s->policy, 0, DT_POLICY_ALLOW) && policy_has(&s->policy, 0, DT_POLICY_BUILTIN))
		return false;
	if (policy_has(&s->policy, client_id, DT_POLICY_DENY))
		return false;
	if (policy_has(&s->policy, client_id, DT_POLICY_ALLOW))
		return true;
	s->policy.family = 0;
	listed = policy_has(&s->policy, client_id, DT_POLICY_ALLOW);
	return !listed;
}

/* Generic cell rate algorithm: rate a second, one second deep. */
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

/* Counts a flow in, or says by which counter it may not be. */
static __noinline int quota_take(__u64 client_id, const struct dt_client_limits *limits, __u32 max_flows, __u64 now)
{
	struct dt_client_usage *u, *all;
	struct dt_client_ended *e, *all_ended;
	__u64 id = client_id, zero = 0;
	__s64 live, half_open; /* signed: a count that lags must not deny everything */

	if (!limits)
		return DT_NAT_DROP_ERROR;
	u = bpf_map_lookup_elem(&usage, &id);
	e = bpf_map_lookup_elem(&ended, &id);
	all = bpf_map_lookup_elem(&usage, &zero);
	all_ended = bpf_map_lookup_elem(&ended, &zero);
	if (!u || !e || !all || !all_ended)
		return DT_NAT_DROP_REVOKED;

	live = __sync_fetch_and_add(&u->started, 1) + 1 - u->restarted - e->flows;
	half_open = u->started - u->established - e->half_open;
	if (live > (__s64)limits->max_flows) {
		__sync_fetch_and_sub(&u->started, 1);
		return DT_NAT_DROP_MAX_FLOWS;
	}
	if (half_open > (__s64)limits->max_half_open) {
		__sync_fetch_and_sub(&u->started, 1);
		return DT_NAT_DROP_HALF_OPEN;
	}
	live = __sync_fetch_and_add(&all->started, 1) + 1 - all->restarted - all_ended->flows;
	if (live > (__s64)max_flows) {
		__sync_fetch_and_sub(&all->started, 1);
		__sync_fetch_and_sub(&u->started, 1);
		return DT_NAT_DROP_MAX_FLOWS;
	}
	if (!new_flow_allowed(u, limits->max_new_flows, now)) {
		__sync_fetch_and_sub(&all->started, 1);
		__sync_fetch_and_sub(&u->started, 1);
		return DT_NAT_DROP_NEW_FLOWS;
	}
	return 0;
}

static __noinline void quota_give_back(__u64 client_id)
{
	__u64 id = client_id;
	struct dt_client_usage *u = bpf_map_lookup_elem(&usage, &id);

	if (u)
		__sync_fetch_and_sub(&u->started, 1);
	id = 0;
	u = bpf_map_lookup_elem(&usage, &id);
	if (u)
		__sync_fetch_and_sub(&u->started, 1);
}

/* Ends what is left of a flow so that a new SYN can begin again on its entries. */
static __noinline int flow_retire(struct dt_flow *f, __u64 now)
{
	struct dt_client_usage *u;
	__u32 state;
	__u64 id;

	if (!f)
		return -1;
	state = f->state;
	if (state == DT_FLOW_ENDED)
		return 0;
	if (flow_change(f, state, DT_FLOW_ENDED, now) < 0)
		return -1;
	id = f->client_id;
	u = bpf_map_lookup_elem(&usage, &id);
	if (u)
		__sync_fetch_and_add(&u->restarted, 1);
	id = 0;
	u = bpf_map_lookup_elem(&usage, &id);
	if (u)
		__sync_fetch_and_add(&u->restarted, 1);
	return 0;
}

/* Claims a source port by inserting the down entry; 0, or the counter of why not. */
static __noinline int claim_port(struct scratch *s, const struct dt_nat_config *cfg)
{
	__u32 range, at, stride;
	int err;

	if (!s || !cfg)
		return DT_NAT_DROP_ERROR;
	range = cfg->source_max - cfg->source_min + 1;
	at = bpf_get_prandom_u32() % range;
	stride = port_strides[bpf_get_prandom_u32() % PORT_STRIDES];
	for (int i = 0; i < PORT_TRIES; i++) {
		__u16 port = bpf_htons(cfg->source_min + (at + i * stride) % range);

		s->down_key.dport_be16 = port;
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

/*
 * A SYN without a live flow: judges it and makes the flow, or begins again on the entries of the last one (old).
 * 0 and the flow is in the map, else the counter of the drop.
 */
static __noinline int flow_start(const struct packet *p, struct dt_flow *old, const struct dt_nat_config *cfg)
{
	const struct dt_ip *server, *source;
	struct dt_client_limits *limits;
	struct dt_lease *lease;
	struct dt_flow *peer;
	struct dt_route *route;
	struct scratch *s;
	__u32 zero = 0, flags = 0;
	__u16 rpt;
	__u64 client_id, now;
	int err;

	if (!p || !cfg)
		return DT_NAT_DROP_ERROR;
	now = p->now;
	if (now > cfg->alive_until_ns)
		return DT_NAT_DROP_NO_DAEMON;
	s = bpf_map_lookup_elem(&scratch, &zero);
	if (!s)
		return DT_NAT_DROP_ERROR;

	s->lease.client = p->key.src;
	if (p->tunnel) {
		__builtin_memset(&s->lease.relay, 0, sizeof(s->lease.relay));
		s->lease.dpt_be16 = 0;
	} else {
		s->lease.relay = p->key.dst;
		s->lease.dpt_be16 = p->key.dport_be16;
	}
	lease = bpf_map_lookup_elem(&leases, &s->lease);
	if (!lease || now > lease->expires_ns)
		return DT_NAT_DROP_NO_LEASE;
	/* copied: pointers of different kinds in one variable are more than the verifier follows */
	s->server = p->tunnel ? p->key.dst : lease->server;
	s->source = p->tunnel ? lease->server : p->key.dst;
	server = &s->server;
	source = &s->source;
	rpt = p->tunnel ? p->key.dport_be16 : lease->rpt_be16;
	client_id = lease->client_id;
	limits = bpf_map_lookup_elem(&clients, &client_id);
	if (!limits)
		return DT_NAT_DROP_REVOKED;
	if (limits->flags & DT_CLIENT_PLAIN_TCP)
		flags = DT_FLOW_PLAIN;
	else if (p->join_len != MP_JOIN_SYN_LEN)
		return DT_NAT_DROP_GATE_SYN;
	if (!destination_permitted(s, server, client_id))
		return DT_NAT_DROP_DESTINATION;
	if (p->hops <= 1)
		return DT_NAT_DROP_TTL;
	if (p->tunnel)
		flags |= DT_FLOW_TUNNEL;

	if (old && (!ip_equal(&old->new_dst, server) || old->new_dport_be16 != rpt))
		return DT_NAT_DROP_STALE;
	if (old && flow_retire(old, now) < 0)
		return DT_NAT_DROP_STALE;

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
	route = route_lookup(&s->route, server);
	if (!route)
		return DT_NAT_DROP_NO_ROUTE;
	s->up.oif = route->oif;
	s->up.mtu = route->mtu;
	s->up.route_gen = s->down.route_gen = cfg->route_generation;

	err = quota_take(client_id, limits, cfg->max_flows, now);
	if (err)
		return err;

	if (old) {
		peer = peer_lookup(old);
		/* of two CPUs with a SYN each one makes the flow */
		if (!peer ||
		    __sync_val_compare_and_swap(&old->state, DT_FLOW_ENDED, DT_FLOW_HALF_OPEN) != DT_FLOW_ENDED) {
			quota_give_back(client_id);
			return DT_NAT_DROP_STALE;
		}
		peer->state = DT_FLOW_HALF_OPEN;
		old->client_id = peer->client_id = client_id;
		old->flags = peer->flags = flags;
		old->started_ns = peer->started_ns = now;
		old->changed_ns = peer->changed_ns = now;
		old->seen_ns = peer->seen_ns = now;
		old->route_gen = peer->route_gen = cfg->route_generation - 1;
		window_begin(old, p);
		count(DT_NAT_FLOWS_STARTED);
		return 0;
	}

	s->up.new_src = *source;
	s->up.new_dst = *server;
	s->up.new_dport_be16 = rpt;
	s->up.dir = DT_DIR_UP;
	s->down.new_src = p->key.dst;
	s->down.new_dst = p->key.src;
	s->down.new_sport_be16 = p->key.dport_be16;
	s->down.new_dport_be16 = p->key.sport_be16;
	s->down.dir = DT_DIR_DOWN;
	s->up.flags = s->down.flags = flags;
	s->up.client_id = s->down.client_id = client_id;
	s->up.started_ns = s->down.started_ns = now;
	s->up.changed_ns = s->down.changed_ns = now;
	s->up.seen_ns = s->down.seen_ns = now;
	window_begin(&s->up, p);

	s->down_key.src = *server;
	s->down_key.dst = *source;
	s->down_key.sport_be16 = rpt;
	s->down_key.pad = 0;
	err = claim_port(s, cfg);
	if (err) {
		quota_give_back(client_id);
		return err;
	}
	if (bpf_map_update_elem(&flows, &p->key, &s->up, BPF_NOEXIST) < 0) {
		bpf_map_delete_elem(&flows, &s->down_key);
		quota_give_back(client_id);
		return DT_NAT_DROP_TABLE_FULL;
	}
	count(DT_NAT_FLOWS_STARTED);
	return 0;
}

#endif
