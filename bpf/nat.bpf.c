/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The relay's NAT: TC ingress on every interface. A TCP SYN that arrives under a valid lease makes a flow; from
 * then on packets of both directions are rewritten and redirected, without forwarding, netfilter or conntrack.
 *
 *     client:sport -> relay:dpt        becomes   relay:sport' -> server:rpt      (DT_DIR_UP)
 *     server:rpt   -> relay:sport'     becomes   relay:dpt    -> client:sport    (DT_DIR_DOWN)
 *
 * From a tunnel the client sends to the server itself, from its tunnel address; the rest is the same. ICMP errors about
 * rewritten packets go back the same way.
 *
 * On an uplink whatever is not ours goes on to the host; from a tunnel it is dropped. maps.h describes every map.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stddef.h>

#include "flow_start.h"
#include "icmp.h"
#include "parse.h"
#include "rate.h"
#include "rewrite.h"
#include "tables.h"
#include "window.h"

/* The first answers to a SYN: as flow_step(). */
static __always_inline int handshake_step(struct dt_flow *f, const struct packet *p, bool *host)
{
	bool plain = f->flags & DT_FLOW_PLAIN, is_up = f->dir == DT_DIR_UP;
	struct dt_flow *peer = peer_lookup(f), *up = is_up ? f : peer;

	if (!peer)
		return DT_NAT_DROP_ERROR;
	if (p->flags & TCP_RST) {
		if (is_up ? p->seq - (up->start - 1) > up->end - up->start + 1 : !window_answers(up, p))
			return DT_NAT_DROP_WINDOW;
		__sync_fetch_and_or(&f->flags, DT_FLOW_RESET);
		flow_change(f, DT_FLOW_HALF_OPEN, DT_FLOW_CLOSING, p->now);
		return 0;
	}
	if (!(p->flags & TCP_SYN) || p->flags & TCP_FIN || is_up == !!(p->flags & TCP_ACK))
		return DT_NAT_DROP_GATE_STATE;
	if (is_up) {
		if (!plain && p->join_len != MP_JOIN_SYN_LEN)
			return DT_NAT_DROP_GATE_SYN;
		window_begin(f, p);
		return 0;
	}
	if (!window_answers(up, p))
		return DT_NAT_DROP_WINDOW;
	if (!plain && p->join_len != MP_JOIN_SYNACK_LEN) {
		flow_change(f, DT_FLOW_HALF_OPEN, DT_FLOW_REFUSED, p->now);
		*host = true;
		return DT_NAT_PASS_REFUSED;
	}
	window_open(f, up, p);
	flow_change(f, DT_FLOW_HALF_OPEN, DT_FLOW_ESTABLISHED, p->now);
	return 0;
}

/*
 * An RST inside the window ends the flow only if it is the receiver's next byte, where its TCP believes it at once; any
 * other it answers with a challenge, and the true sender resets again (RFC 5961, section 3.2).
 */
static __always_inline int reset_step(struct dt_flow *f, const struct packet *p)
{
	struct dt_flow *peer = peer_lookup(f);

	if (!peer)
		return DT_NAT_DROP_ERROR;
	if (!window_admits(f, p))
		return DT_NAT_DROP_WINDOW;
	if (p->seq == f->end || p->seq == peer->acked) {
		__sync_fetch_and_or(&f->flags, DT_FLOW_RESET);
		flow_change(f, DT_FLOW_ESTABLISHED, DT_FLOW_CLOSING, p->now);
	}
	return 0;
}

/*
 * What the handshake and its end allow: 0 forwards the packet, else the counter under which it passes to the
 * host (*host set) or is dropped. Called for segments with SYN or RST, and for all that are not ESTABLISHED.
 */
static __noinline int flow_step(struct dt_flow *f, const struct packet *p, bool *host)
{
	if (!f || !p || !host)
		return DT_NAT_DROP_ERROR;
	if (f->state == DT_FLOW_REFUSED) {
		*host = true;
		return DT_NAT_PASS_REFUSED;
	}
	if (f->state == DT_FLOW_HALF_OPEN)
		return handshake_step(f, p, host);
	if (p->flags & TCP_RST)
		return reset_step(f, p);
	if (p->flags & TCP_SYN) {
		bool plain = f->flags & DT_FLOW_PLAIN, is_up = f->dir == DT_DIR_UP;

		if (p->flags & TCP_FIN || is_up == !!(p->flags & TCP_ACK))
			return DT_NAT_DROP_GATE_STATE;
		if (!plain && p->join_len != (is_up ? MP_JOIN_SYN_LEN : MP_JOIN_SYNACK_LEN))
			return is_up ? DT_NAT_DROP_GATE_SYN : DT_NAT_DROP_GATE_STATE;
		/* the server answers it with a challenge, whatever its sequence number (RFC 5961, section 4.2) */
		if (is_up)
			return 0;
	}
	return window_admits(f, p) ? 0 : DT_NAT_DROP_WINDOW;
}

static __always_inline bool leaves_by_tunnel(const struct dt_flow *f)
{
	return f->flags & DT_FLOW_TUNNEL && f->dir == DT_DIR_DOWN;
}

/* Where what the entry rewrites leaves: looked up again when the routes changed. */
static __always_inline int route_refresh(struct dt_flow *f, const struct dt_nat_config *cfg)
{
	struct dt_route_key key;
	struct dt_route *route;

	if (f->route_gen == cfg->route_generation)
		return 0;
	if (leaves_by_tunnel(f)) {
		f->oif = cfg->tunnel_ifindex;
		f->mtu = cfg->tunnel_mtu;
	} else {
		route = route_lookup(&key, &f->new_dst);
		if (!route)
			return DT_NAT_DROP_NO_ROUTE;
		f->oif = route->oif;
		f->mtu = route->mtu;
	}
	f->route_gen = cfg->route_generation;
	return 0;
}

/* Largest MSS both legs carry; 0 where no route is known. */
static __noinline __u32 flow_mss(const struct packet *p, const struct dt_flow *f, __u32 tunnel_mtu)
{
	struct dt_route_key key;
	struct dt_route *route;
	__u32 mtu, headers;

	if (!p || !f)
		return 0;
	mtu = tunnel_mtu;
	if (!p->tunnel) {
		route = route_lookup(&key, &p->key.src);
		if (!route)
			return 0;
		mtu = route->mtu;
	}
	if (!mtu || f->mtu < mtu)
		mtu = f->mtu;
	headers = (p->family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)) + sizeof(struct tcphdr);
	return mtu > headers ? mtu - headers : 0;
}

static __always_inline int send(struct __sk_buff *skb, __u32 oif, bool into_tunnel, bool l3)
{
	/* into a tunnel: no neighbours there, nor a route of the host's */
	if (into_tunnel)
		return bpf_redirect(oif, 0);
	/* bpf_redirect_neigh() silently frees packets that lack room for a link-layer header */
	if (l3 && bpf_skb_change_head(skb, ETH_HLEN, 0) < 0)
		return drop(DT_NAT_DROP_ERROR);
	return bpf_redirect_neigh(oif, NULL, 0, 0);
}

/* Sends icmp_answers' answer, unless there were too many. Global, and so verified once. */
__noinline int icmp_answer_send(struct __sk_buff *skb, __u32 oif, bool into_tunnel, bool l3)
{
	struct icmp_answer *a;
	__u32 zero = 0;

	a = bpf_map_lookup_elem(&icmp_answers, &zero);
	if (!a || !icmp_allowed(bpf_ktime_get_boot_ns()) || icmp_answer(skb, a, l3 ? 0 : ETH_HLEN) < 0)
		return TC_ACT_SHOT;
	return send(skb, oif, into_tunnel, l3);
}

/* Drops a packet and tells its sender why: mtu, or 0 for want of hops. f may be NULL. */
static __noinline int answer(struct __sk_buff *skb, const struct packet *p, const struct dt_flow *f, __u32 mtu, bool l3)
{
	struct dt_route_key key;
	struct dt_route *route;
	struct dt_nat_config *cfg;
	struct icmp_answer *a;
	struct scratch *s;
	__u32 zero = 0, oif;

	cfg = bpf_map_lookup_elem(&config, &zero);
	s = bpf_map_lookup_elem(&scratch, &zero);
	a = bpf_map_lookup_elem(&icmp_answers, &zero);
	if (!p || !cfg || !s || !a)
		return TC_ACT_SHOT;
	count(mtu ? DT_NAT_DROP_TOO_BIG : DT_NAT_DROP_TTL);
	if (p->tunnel) {
		/* there they are the server's addresses: ours is the one that it sees */
		a->from = f ? f->new_src : s->source;
		oif = cfg->tunnel_ifindex;
	} else {
		a->from = p->key.dst;
		route = route_lookup(&key, &p->key.src);
		if (!route)
			return TC_ACT_SHOT;
		oif = route->oif;
	}
	a->to = p->key.src;
	a->mtu = mtu;
	a->l4 = p->l4;
	a->family = p->family;
	return icmp_answer_send(skb, oif, p->tunnel, l3);
}

/* What is not TCP: an ICMP error that concerns a flow goes to the one who sent what it is about. Global likewise. */
__noinline int other(struct __sk_buff *skb, int counter, bool tunnel, bool l3)
{
	struct dt_nat_config *cfg;
	__u32 zero = 0;
	struct icmp_error *e;
	struct dt_flow *f;
	__u64 now;
	int err;

	cfg = bpf_map_lookup_elem(&config, &zero);
	e = bpf_map_lookup_elem(&icmp_errors, &zero);
	if (!cfg || !e)
		return TC_ACT_UNSPEC;
	if (counter != DT_NAT_PASS_NOT_TCP || !icmp_parse(skb, e, l3 ? 0 : ETH_HLEN))
		return pass(counter, tunnel);
	now = bpf_ktime_get_boot_ns();
	if (now > cfg->dead_after_ns)
		return pass(DT_NAT_PASS_DEAD, tunnel);
	f = bpf_map_lookup_elem(&flows, &e->back);
	if (!f || !ip_equal(&e->to, &e->back.dst) || !!(f->flags & DT_FLOW_TUNNEL && f->dir == DT_DIR_UP) != tunnel)
		return pass(DT_NAT_PASS_NO_FLOW, tunnel);
	if (flow_overdue(f, cfg, now))
		return pass(DT_NAT_PASS_EXPIRED, tunnel);
	if (f->state == DT_FLOW_REFUSED)
		return pass(DT_NAT_PASS_REFUSED, tunnel);
	if (!icmp_quotes(f, e->seq))
		return drop(DT_NAT_DROP_ICMP);
	if (e->hops <= 1)
		return drop(DT_NAT_DROP_TTL);
	err = route_refresh(f, cfg);
	if (err)
		return drop(err);
	err = rate_take(f, e->ip_len, 1, false, now);
	if (err)
		return drop(err);
	e->source = leaves_by_tunnel(f) ? e->back.dst : f->new_src;
	if (icmp_rewrite(skb, e, f) < 0)
		return drop(DT_NAT_DROP_ERROR);
	count(DT_NAT_FORWARDED_ICMP);
	return send(skb, f->oif, leaves_by_tunnel(f), l3);
}

static __always_inline int nat(struct __sk_buff *skb, bool l3)
{
	struct packet p;
	struct dt_nat_config *cfg;
	struct dt_flow *f;
	__u32 zero = 0;
	__u64 overdue;
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
		return other(skb, err, tunnel, l3);
	p.tunnel = tunnel;
	p.now = bpf_ktime_get_boot_ns();
	if (p.now > cfg->dead_after_ns)
		return pass(DT_NAT_PASS_DEAD, tunnel);
	dport = bpf_ntohs(p.key.dport_be16);
	if (!tunnel && !(dport >= cfg->port_min && dport <= cfg->port_max) &&
	    !(dport >= cfg->source_min && dport <= cfg->source_max))
		return pass(DT_NAT_PASS_NO_FLOW, false);

	syn = (p.flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
	if (p.flags & TCP_SYN && !options_parse(skb, &p))
		return drop(DT_NAT_DROP_ERROR);

	f = bpf_map_lookup_elem(&flows, &p.key);
	if (f && !!(f->flags & DT_FLOW_TUNNEL && f->dir == DT_DIR_UP) != tunnel)
		return pass(DT_NAT_PASS_NO_FLOW, tunnel);
	overdue = f ? flow_overdue(f, cfg, p.now) : 0;

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
		err = flow_start(&p, f, cfg);
		if (err == DT_NAT_DROP_TTL)
			return answer(skb, &p, NULL, 0, l3);
		if (err)
			return drop(err);
		f = bpf_map_lookup_elem(&flows, &p.key);
		if (!f)
			return drop(DT_NAT_DROP_ERROR);
	} else {
		if (f->state != DT_FLOW_ESTABLISHED || p.flags & (TCP_SYN | TCP_RST)) {
			err = flow_step(f, &p, &host);
			if (err)
				return host ? pass(err, tunnel) : drop(err);
		} else if (!window_admits(f, &p)) {
			return drop(DT_NAT_DROP_WINDOW);
		}
		if (p.hops <= 1)
			return answer(skb, &p, f, 0, l3);
	}

	err = route_refresh(f, cfg);
	if (err)
		return drop(err);
	if (p.segment_len > f->mtu && f->mtu)
		return answer(skb, &p, f, f->mtu, l3);
	err = rate_take(f, p.ip_len, p.segments, p.payload != 0, p.now);
	if (err)
		return drop(err);
	if (p.flags & TCP_SYN) {
		__u32 mss = flow_mss(&p, f, cfg->tunnel_mtu);

		if (mss && rewrite_mss(skb, &p, mss) < 0)
			return drop(DT_NAT_DROP_ERROR);
	}
	if (rewrite(skb, &p, f, l3 ? 0 : ETH_HLEN) < 0)
		return drop(DT_NAT_DROP_ERROR);
	window_note(f, &p);
	/* a SYN on an established flow is anybody's: it keeps nothing alive */
	if (!syn || f->state != DT_FLOW_ESTABLISHED)
		f->seen_ns = p.now;
	__sync_fetch_and_add(&f->packets, p.segments);
	__sync_fetch_and_add(&f->bytes, p.ip_len);
	count(f->dir == DT_DIR_UP ? DT_NAT_FORWARDED_UP : DT_NAT_FORWARDED_DOWN);
	return send(skb, f->oif, leaves_by_tunnel(f), l3);
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
