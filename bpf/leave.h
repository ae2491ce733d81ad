/* SPDX-License-Identifier: GPL-2.0-only */
/* Where packets leave: the tunnel's interface, or the one that a route gives. */
#ifndef DETOURD_BPF_LEAVE_H
#define DETOURD_BPF_LEAVE_H

#include "flow.h"
#include "parse.h"

/* Do the packets of this entry arrive from the tunnel? */
static __always_inline bool comes_by_tunnel(const struct dt_flow *f)
{
	return f->flags & DT_FLOW_TUNNEL && is_up(f);
}

static __always_inline bool leaves_by_tunnel(const struct dt_flow *f)
{
	return f->flags & DT_FLOW_TUNNEL && !is_up(f);
}

/* Looks up the entry's interface and MTU again if the routes have changed. 0 or a counter. */
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

/* The largest MSS that fits the way the packet came and the way it leaves; 0: there is no route back. */
VERIFIED_ONCE __u32 flow_mss(const struct packet *p, const struct dt_flow *f, __u32 tunnel_mtu)
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

/* l3: the packet came without a link-layer header. */
static __always_inline int send(struct __sk_buff *skb, __u32 oif, bool into_tunnel, bool l3)
{
	/* a tunnel has no neighbours, and needs no route of the host's */
	if (into_tunnel)
		return bpf_redirect(oif, 0);
	/* without room for a link-layer header bpf_redirect_neigh() frees the packet and reports nothing */
	if (l3 && bpf_skb_change_head(skb, ETH_HLEN, 0) < 0)
		return not_forwarded(DT_NAT_DROP_ERROR, false);
	return bpf_redirect_neigh(oif, NULL, 0, 0);
}

#endif
