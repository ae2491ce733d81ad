/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The relay's NAT, at TC ingress of every interface. A TCP SYN that arrives under a valid lease makes a flow. From then on
 * packets of both directions are rewritten and redirected; forwarding, netfilter and conntrack have no part in it.
 *
 *     client:sport -> relay:dpt        becomes   relay:sport' -> server:rpt      (DT_DIR_UP)
 *     server:rpt   -> relay:sport'     becomes   relay:dpt    -> client:sport    (DT_DIR_DOWN)
 *
 * From a tunnel the client sends to the server's own address, from its tunnel address; the rest is the same. ICMP errors
 * about rewritten packets go back the same way.
 *
 * All other packets go on to the host, if they came from an uplink, and are dropped, if they came from a tunnel. maps.h
 * describes the maps.
 *
 * Each step returns 0, and the packet goes on, or the counter (enum dt_nat_counter) of why it is not forwarded.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stddef.h>

#include "flow_start.h"
#include "flow_step.h"
#include "icmp_answer.h"
#include "icmp_translate.h"
#include "leave.h"
#include "odd.h"
#include "options.h"
#include "parse.h"
#include "rate.h"
#include "rewrite.h"
#include "tables.h"
#include "window.h"

/* A SYN that begins a connection: without ACK, RST or FIN. */
static __always_inline bool is_syn(const struct packet *p)
{
	return (p->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

/* What can be said before the flow is looked up. Reads the options of a packet with SYN. */
static __always_inline int admit(struct __sk_buff *skb, struct packet *p, const struct dt_nat_config *cfg)
{
	__u16 dport = bpf_ntohs(p->key.dport_be16);

	if (is_dead(cfg, p->now))
		return DT_NAT_PASS_DEAD;
	if (!p->tunnel && !is_lease_port(cfg, dport) && !is_source_port(cfg, dport))
		return DT_NAT_PASS_NO_FLOW;
	if (p->flags & TCP_SYN && !options_parse(skb, p))
		return DT_NAT_DROP_ERROR;
	return 0;
}

/* A packet without a flow, or one whose flow (f) is over: may it start one? */
static __always_inline int may_start(const struct packet *p, const struct dt_flow *f, __u64 overdue,
				     const struct dt_nat_config *cfg)
{
	if (!is_syn(p) || (f && !is_up(f)))
		return f ? DT_NAT_PASS_EXPIRED : DT_NAT_PASS_NO_FLOW;
	if (!f && !p->tunnel &&
	    (!is_lease_port(cfg, bpf_ntohs(p->key.dport_be16)) || !bpf_map_lookup_elem(&addresses, &p->key.dst)))
		return DT_NAT_PASS_NO_FLOW;
	/* it has no down entry any more, so it does not start again */
	if (f && f->state == DT_FLOW_REFUSED)
		return overdue ? DT_NAT_DROP_STALE : DT_NAT_PASS_REFUSED;
	return overdue > DT_FLOW_RESTART_NS ? DT_NAT_DROP_STALE : 0;
}

/* A packet of a live flow: does the flow admit it? */
static __always_inline int flow_admit(struct dt_flow *f, const struct packet *p)
{
	if (f->state != DT_FLOW_ESTABLISHED || p->flags & (TCP_SYN | TCP_RST))
		return flow_step(f, p);
	return window_admits(f, p) ? 0 : DT_NAT_DROP_WINDOW;
}

/* Lowers the MSS of a SYN to what both ways carry. 0 or negative. */
static __always_inline int mss_lower(struct __sk_buff *skb, const struct packet *p, const struct dt_flow *f,
				     const struct dt_nat_config *cfg)
{
	__u32 mss = flow_mss(p, f, cfg->tunnel_mtu);

	return mss ? rewrite_mss(skb, p, mss) : 0;
}

/* Anyone can send a SYN to an established flow: it costs the flow no rate, and does not keep it alive. */
static __always_inline bool is_syn_again(const struct packet *p, const struct dt_flow *f)
{
	return is_syn(p) && f->state == DT_FLOW_ESTABLISHED;
}

/* Notes in the entry that the packet is forwarded. */
static __always_inline void flow_note(struct dt_flow *f, const struct packet *p)
{
	window_note(f, p);
	if (!is_syn_again(p, f))
		f->seen_ns = p->now;
	__sync_fetch_and_add(&f->packets, p->segments);
	__sync_fetch_and_add(&f->bytes, p->ip_len);
}

/*
 * The flow that a packet belongs to, if the packet may be forwarded; a SYN may start one. *flow stays NULL where there is
 * no such flow.
 */
static __always_inline int flow_get(struct __sk_buff *skb, const struct packet *p, struct dt_flow **flow,
				    const struct dt_nat_config *cfg)
{
	struct dt_flow *f = bpf_map_lookup_elem(&flows, &p->key);
	__u64 overdue;
	int err;

	if (f && comes_by_tunnel(f) != p->tunnel)
		return DT_NAT_PASS_NO_FLOW;
	overdue = f ? flow_overdue(f, cfg, p->now) : 0;
	if (!f || overdue || (f->state >= DT_FLOW_CLOSING && is_syn(p) && is_up(f))) {
		err = may_start(p, f, overdue, cfg);
		if (!err)
			err = flow_start(skb, p, f, cfg);
		if (err)
			return err;
		*flow = bpf_map_lookup_elem(&flows, &p->key);
		return *flow ? 0 : DT_NAT_DROP_ERROR;
	}
	err = flow_admit(f, p);
	if (err)
		return err;
	*flow = f;
	return p->hops > 1 ? 0 : DT_NAT_DROP_TTL;
}

/* Makes the packet the one that its flow sends on. */
static __always_inline int translate(struct __sk_buff *skb, const struct packet *p, struct dt_flow *f,
				     const struct dt_nat_config *cfg, bool l3)
{
	int err = route_refresh(f, cfg);

	if (err)
		return err;
	if (p->segment_len > f->mtu && f->mtu)
		return DT_NAT_DROP_TOO_BIG;
	if (!is_syn_again(p, f))
		err = rate_take(f, p->ip_len, p->segments, p->payload != 0, p->now);
	if (err)
		return err;
	if (p->flags & TCP_SYN && mss_lower(skb, p, f, cfg) < 0)
		return DT_NAT_DROP_ERROR;
	return rewrite(skb, p, f, l3 ? 0 : ETH_HLEN) < 0 ? DT_NAT_DROP_ERROR : 0;
}

/* Ends the way of a packet that is not forwarded; f: its flow, or NULL. Returns the verdict. */
static __always_inline int refuse(struct __sk_buff *skb, const struct packet *p, const struct dt_flow *f, int counter,
				  bool l3)
{
	if (counter == DT_NAT_DROP_TTL)
		return answer(skb, p, f, 0, l3);
	if (counter == DT_NAT_DROP_TOO_BIG && f)
		return answer(skb, p, f, f->mtu, l3);
	return not_forwarded(counter, p->tunnel);
}

/* l3: the interface's packets have no link-layer header. */
static __always_inline int nat(struct __sk_buff *skb, bool l3)
{
	struct packet p;
	struct dt_nat_config *cfg;
	struct dt_flow *f = NULL;
	__u32 zero = 0;
	bool tunnel;
	int err;

	/* With a VLAN tag the packet comes again on the VLAN's own interface, without the tag. */
	if (skb->pkt_type != 0 /* PACKET_HOST */ || skb->vlan_present)
		return TC_ACT_UNSPEC;
	cfg = bpf_map_lookup_elem(&config, &zero);
	if (!cfg)
		return TC_ACT_UNSPEC;
	tunnel = cfg->tunnel_ifindex && skb->ifindex == cfg->tunnel_ifindex;
	err = packet_parse(skb, &p, l3 ? 0 : ETH_HLEN);
	if (err)
		return not_tcp(skb, err, tunnel, l3);
	p.tunnel = tunnel;
	p.now = bpf_ktime_get_boot_ns();
	err = admit(skb, &p, cfg);
	if (!err)
		err = flow_get(skb, &p, &f, cfg);
	if (!err)
		err = translate(skb, &p, f, cfg, l3);
	if (err)
		return refuse(skb, &p, f, err, l3);
	flow_note(f, &p);
	count(is_up(f) ? DT_NAT_FORWARDED_UP : DT_NAT_FORWARDED_DOWN);
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

/* Attached nowhere: the relay's daemon runs it, with a packet that means nothing. What it wants is in cb. */
SEC("tc")
int rate_grant(struct __sk_buff *skb)
{
	__u64 client_id = (__u64)skb->cb[1] << 32 | skb->cb[0];

	return (int)rate_grant_take(client_id, skb->cb[2], skb->cb[3], skb->cb[4], bpf_ktime_get_boot_ns());
}

char LICENSE[] SEC("license") = "GPL";
