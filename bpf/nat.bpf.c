/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The relay's NAT: TC ingress on every interface. A TCP SYN that arrives under a valid lease makes a flow; from
 * then on packets of both directions are rewritten and redirected, without forwarding, netfilter or conntrack.
 *
 *     client:sport -> relay:dpt        becomes   relay:sport' -> server:rpt      (DT_DIR_UP)
 *     server:rpt   -> relay:sport'     becomes   relay:dpt    -> client:sport    (DT_DIR_DOWN)
 *
 * From a tunnel the client sends to the server itself, from its tunnel address; the rest is the same.
 *
 * On an uplink whatever is not ours goes on to the host; from a tunnel it is dropped. maps.h describes every map.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stddef.h>
#include <asm-generic/errno-base.h>

#include "parse.h"
#include "rewrite.h"

#define PORT_TRIES 32

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

/* What start_flow() builds; too much for the stack. */
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

static __always_inline struct dt_route *route_lookup(struct dt_route_key *key, const struct dt_ip *to)
{
	key->prefixlen = DT_ROUTE_PREFIX_BASE + 128;
	key->family = ip_is_v4(to) ? 4 : 6;
	key->ip = *to;
	return bpf_map_lookup_elem(&routes, key);
}

/* Largest MSS both legs carry; 0 where no route is known. */
static __noinline __u32 flow_mss(const struct dt_ip *a, const struct dt_ip *b)
{
	struct dt_route_key key;
	struct dt_route *route;
	__u32 mtu, headers;

	if (!a || !b)
		return 0;
	route = route_lookup(&key, a);
	if (!route)
		return 0;
	mtu = route->mtu;
	route = route_lookup(&key, b);
	if (!route)
		return 0;
	if (route->mtu < mtu)
		mtu = route->mtu;
	headers = (key.family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)) + sizeof(struct tcphdr);
	return mtu > headers ? mtu - headers : 0;
}

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
	__u32 range, at;
	int err;

	if (!s || !cfg)
		return DT_NAT_DROP_ERROR;
	range = cfg->source_max - cfg->source_min + 1;
	at = bpf_get_prandom_u32();
	for (int i = 0; i < PORT_TRIES; i++) {
		__u16 port = bpf_htons(cfg->source_min + (at + i) % range);

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
static __noinline int start_flow(struct __sk_buff *skb, const struct packet *p, struct dt_flow *old,
				 const struct dt_nat_config *cfg, bool join, __u64 now)
{
	const struct dt_ip *server, *source;
	struct dt_client_limits *limits;
	struct dt_lease *lease;
	struct dt_flow *peer;
	struct dt_route *route;
	struct scratch *s;
	__u32 zero = 0, flags = 0;
	__u16 rpt;
	__u64 client_id;
	int err;

	if (!p || !cfg)
		return DT_NAT_DROP_ERROR;
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
	else if (!join)
		return DT_NAT_DROP_GATE_SYN;
	if (!destination_permitted(s, server, client_id))
		return DT_NAT_DROP_DESTINATION;
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
	} else {
		route = route_lookup(&s->route, &p->key.src);
		if (!route)
			return DT_NAT_DROP_NO_ROUTE;
		s->down.oif = route->oif;
	}
	route = route_lookup(&s->route, server);
	if (!route)
		return DT_NAT_DROP_NO_ROUTE;
	s->up.oif = route->oif;
	s->up.route_gen = s->down.route_gen = cfg->route_generation;

	err = quota_take(client_id, limits, cfg->max_flows, now);
	if (err)
		return err;

	if (old) {
		peer = peer_lookup(old);
		if (!peer) {
			quota_give_back(client_id);
			return DT_NAT_DROP_STALE;
		}
		old->client_id = peer->client_id = client_id;
		old->flags = peer->flags = flags;
		old->started_ns = peer->started_ns = now;
		old->changed_ns = peer->changed_ns = now;
		old->seen_ns = peer->seen_ns = now;
		old->route_gen = peer->route_gen = cfg->route_generation - 1;
		peer->state = DT_FLOW_HALF_OPEN;
		old->state = DT_FLOW_HALF_OPEN;
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

/* How long ago the flow's time ran out; 0: it lives. */
static __always_inline __u64 flow_overdue(const struct dt_flow *f, const struct dt_nat_config *cfg, __u64 now)
{
	__u64 end;

	switch (f->state) {
	case DT_FLOW_HALF_OPEN:
		end = f->changed_ns + cfg->half_open_ns;
		break;
	case DT_FLOW_ESTABLISHED:
		end = f->seen_ns + cfg->idle_ns;
		if (now > end) {
			struct dt_flow *peer = peer_lookup(f);

			if (peer && (__s64)(peer->seen_ns - f->seen_ns) > 0)
				end = peer->seen_ns + cfg->idle_ns;
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

/*
 * What the handshake and its end allow: 0 forwards the packet, else the counter under which it passes to the
 * host (*host set) or is dropped. Called for segments with SYN, FIN or RST, and for all before ESTABLISHED.
 */
static __noinline int flow_step(struct dt_flow *f, const struct packet *p, __u32 join_len, __u64 now, bool *host)
{
	__u32 state;
	bool plain;

	if (!f || !p || !host)
		return DT_NAT_DROP_ERROR;
	state = f->state;
	plain = f->flags & DT_FLOW_PLAIN;

	if (state == DT_FLOW_REFUSED) {
		*host = true;
		return DT_NAT_PASS_REFUSED;
	}
	if (p->flags & TCP_RST) {
		if (state == DT_FLOW_HALF_OPEN || state == DT_FLOW_ESTABLISHED)
			flow_change(f, state, DT_FLOW_CLOSING, now);
		return 0;
	}
	if (p->flags & TCP_SYN) {
		if (f->dir == DT_DIR_UP) {
			if (p->flags & (TCP_ACK | TCP_FIN))
				return DT_NAT_DROP_GATE_STATE;
			return plain || join_len == MP_JOIN_SYN_LEN ? 0 : DT_NAT_DROP_GATE_SYN;
		}
		if (!(p->flags & TCP_ACK) || p->flags & TCP_FIN)
			return DT_NAT_DROP_GATE_STATE;
		if (!plain && join_len != MP_JOIN_SYNACK_LEN) {
			if (state != DT_FLOW_HALF_OPEN)
				return DT_NAT_DROP_GATE_STATE;
			flow_change(f, state, DT_FLOW_REFUSED, now);
			*host = true;
			return DT_NAT_PASS_REFUSED;
		}
		if (state == DT_FLOW_HALF_OPEN)
			flow_change(f, state, DT_FLOW_ESTABLISHED, now);
		return 0;
	}
	if (state == DT_FLOW_HALF_OPEN)
		return DT_NAT_DROP_GATE_STATE;
	if (p->flags & TCP_FIN && state == DT_FLOW_ESTABLISHED && !(f->flags & DT_FLOW_FIN)) {
		struct dt_flow *peer;

		__sync_fetch_and_or(&f->flags, DT_FLOW_FIN);
		peer = peer_lookup(f);
		if (peer && peer->flags & DT_FLOW_FIN)
			flow_change(f, state, DT_FLOW_CLOSING, now);
	}
	return 0;
}

static __always_inline int nat(struct __sk_buff *skb, bool l3)
{
	struct packet p;
	struct options options;
	struct dt_nat_config *cfg;
	struct dt_flow *f;
	struct dt_route *route;
	__u32 zero = 0, oif;
	__u64 now, overdue;
	__u16 dport;
	bool tunnel, syn, host = false;
	int err;

	/* a tag still to be taken off: the packet comes by again on the VLAN's own interface */
	if (skb->pkt_type != 0 /* PACKET_HOST */ || skb->vlan_present)
		return TC_ACT_UNSPEC;
	cfg = bpf_map_lookup_elem(&config, &zero);
	if (!cfg)
		return TC_ACT_UNSPEC;
	tunnel = cfg->tunnel_ifindex && skb->ifindex == cfg->tunnel_ifindex;
	err = packet_parse(skb, &p, l3 ? 0 : ETH_HLEN);
	if (err)
		return pass(err, tunnel);
	p.tunnel = tunnel;
	now = bpf_ktime_get_boot_ns();
	if (now > cfg->dead_after_ns)
		return pass(DT_NAT_PASS_DEAD, tunnel);
	dport = bpf_ntohs(p.key.dport_be16);
	if (!tunnel && !(dport >= cfg->port_min && dport <= cfg->port_max) &&
	    !(dport >= cfg->source_min && dport <= cfg->source_max))
		return pass(DT_NAT_PASS_NO_FLOW, false);

	syn = (p.flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
	options.join_len = 0;
	if (p.flags & TCP_SYN && !options_parse(skb, &p, &options))
		return drop(DT_NAT_DROP_ERROR);

	f = bpf_map_lookup_elem(&flows, &p.key);
	if (f && !!(f->flags & DT_FLOW_TUNNEL && f->dir == DT_DIR_UP) != tunnel)
		return pass(DT_NAT_PASS_NO_FLOW, tunnel);
	overdue = f ? flow_overdue(f, cfg, now) : 0;

	if (!f || overdue || (f->state >= DT_FLOW_CLOSING && syn && f->dir == DT_DIR_UP)) {
		if (!syn || (f && f->dir != DT_DIR_UP))
			return pass(f ? DT_NAT_PASS_EXPIRED : DT_NAT_PASS_NO_FLOW, tunnel);
		if (!f && !tunnel &&
		    (dport < cfg->port_min || dport > cfg->port_max || !bpf_map_lookup_elem(&addresses, &p.key.dst)))
			return pass(DT_NAT_PASS_NO_FLOW, tunnel);
		if (f && f->state == DT_FLOW_REFUSED && !overdue)
			return pass(DT_NAT_PASS_REFUSED, tunnel);
		if (overdue > DT_FLOW_RESTART_NS)
			return drop(DT_NAT_DROP_STALE);
		if (p.hops <= 1)
			return drop(DT_NAT_DROP_TTL);
		err = start_flow(skb, &p, f, cfg, options.join_len == MP_JOIN_SYN_LEN, now);
		if (err)
			return drop(err);
		f = bpf_map_lookup_elem(&flows, &p.key);
		if (!f)
			return drop(DT_NAT_DROP_ERROR);
	} else {
		if (p.hops <= 1)
			return drop(DT_NAT_DROP_TTL);
		if (f->state != DT_FLOW_ESTABLISHED || p.flags & (TCP_SYN | TCP_FIN | TCP_RST)) {
			err = flow_step(f, &p, options.join_len, now, &host);
			if (err)
				return host ? pass(err, tunnel) : drop(err);
		}
	}

	if (f->route_gen != cfg->route_generation) {
		if (f->flags & DT_FLOW_TUNNEL && f->dir == DT_DIR_DOWN) {
			f->oif = cfg->tunnel_ifindex;
		} else {
			struct dt_route_key key;

			route = route_lookup(&key, &f->new_dst);
			if (!route)
				return drop(DT_NAT_DROP_NO_ROUTE);
			f->oif = route->oif;
		}
		f->route_gen = cfg->route_generation;
	}
	oif = f->oif;
	if (p.flags & TCP_SYN) {
		__u32 mss = flow_mss(&p.key.src, &f->new_dst);

		if (mss && rewrite_mss(skb, &p, &options, mss) < 0)
			return drop(DT_NAT_DROP_ERROR);
	}
	if (rewrite(skb, &p, f, l3 ? 0 : ETH_HLEN) < 0)
		return drop(DT_NAT_DROP_ERROR);
	f->seen_ns = now;
	__sync_fetch_and_add(&f->packets, p.segments);
	__sync_fetch_and_add(&f->bytes, p.ip_len);
	count(f->dir == DT_DIR_UP ? DT_NAT_FORWARDED_UP : DT_NAT_FORWARDED_DOWN);
	/* into a tunnel: no neighbours there, nor a route of the host's */
	if (f->flags & DT_FLOW_TUNNEL && f->dir == DT_DIR_DOWN)
		return bpf_redirect(oif, 0);
	/* bpf_redirect_neigh() silently frees packets that lack room for a link-layer header */
	if (l3 && bpf_skb_change_head(skb, ETH_HLEN, 0) < 0)
		return drop(DT_NAT_DROP_ERROR);
	return bpf_redirect_neigh(oif, NULL, 0, 0);
}

SEC("tc")
int nat_l2(struct __sk_buff *skb)
{
	return nat(skb, false);
}

SEC("tc")
int nat_l3(struct __sk_buff *skb)
{
	return nat(skb, true);
}

char LICENSE[] SEC("license") = "GPL";
