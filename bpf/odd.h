/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TCP in a form that is not translated: in IP fragments, or behind IPv4 options or IPv6 extension headers. The host has no
 * socket for a segment of a flow and would answer it by an RST, which ends the flow. So it is dropped if it is for one of
 * our addresses and ports; all else is other people's.
 *
 * Only the first of several fragments has the ports. The host reassembles nothing without it, so later ones need not be
 * told apart: they pass, and the host forgets them.
 */
#ifndef DETOURD_BPF_ODD_H
#define DETOURD_BPF_ODD_H

#include "tables.h"

#define IPV4_OFFSET_MASK 0x1fff /* of iphdr.frag_off */
#define IPV6_OFFSET_MASK 0xfff8 /* of the fragment header's third and fourth byte */
#define IPV6_HEADERS_MAX 8	/* more of them are not TCP that anybody sends */
#define IPV6_MOBILITY 135

/* The start of each IPv6 extension header. */
struct extension {
	__u8 next;
	__u8 len;
	__u16 fragment_be16; /* in a fragment header: offset and flags */
};

static __always_inline bool is_lease_port(const struct dt_nat_config *cfg, __u16 port)
{
	return port >= cfg->port_min && port <= cfg->port_max;
}

static __always_inline bool is_source_port(const struct dt_nat_config *cfg, __u16 port)
{
	return port >= cfg->source_min && port <= cfg->source_max;
}

/* Is what has a TCP header at this offset for a port of ours? */
static __always_inline bool is_for_us(struct __sk_buff *skb, const struct dt_ip *to, __u32 l4)
{
	struct dt_nat_config *cfg;
	__u16 ports_be16[2];
	__u32 zero = 0;
	__u16 port;

	cfg = bpf_map_lookup_elem(&config, &zero);
	if (!cfg || !bpf_map_lookup_elem(&addresses, to))
		return false;
	if (bpf_skb_load_bytes(skb, l4, ports_be16, sizeof(ports_be16)) < 0)
		return false;
	port = bpf_ntohs(ports_be16[1]);
	return is_lease_port(cfg, port) || is_source_port(cfg, port);
}

/* As odd_tcp(). */
static __always_inline int odd4(struct __sk_buff *skb, int counter, __u32 l3)
{
	struct iphdr ip;
	struct dt_ip to;

	if (bpf_skb_load_bytes(skb, l3, &ip, sizeof(ip)) < 0)
		return counter;
	if (ip.version != 4 || ip.protocol != IPPROTO_TCP || ip.frag_off & bpf_htons(IPV4_OFFSET_MASK))
		return counter;
	ip_set_v4(&to, ip.daddr);
	if (!is_for_us(skb, &to, l3 + ip.ihl * 4))
		return counter;
	return counter == DT_NAT_PASS_FRAGMENT ? DT_NAT_DROP_FRAGMENT : DT_NAT_DROP_OPTIONS;
}

/* Likewise. */
static __always_inline int odd6(struct __sk_buff *skb, int counter, __u32 l3)
{
	__u32 off = l3 + sizeof(struct ipv6hdr);
	struct extension e;
	struct ipv6hdr ip;
	struct dt_ip to;
	__u8 next;

	if (bpf_skb_load_bytes(skb, l3, &ip, sizeof(ip)) < 0 || ip.version != 6)
		return counter;
	/* left for its v4-mapped address: the host drops it */
	if (ip.nexthdr == IPPROTO_TCP)
		return counter;
	next = ip.nexthdr;
	__builtin_memcpy(&to, &ip.daddr, sizeof(to));
	for (int i = 0; i < IPV6_HEADERS_MAX; i++) {
		if (next == IPPROTO_TCP) {
			if (!is_for_us(skb, &to, off))
				return counter;
			return counter == DT_NAT_PASS_FRAGMENT ? DT_NAT_DROP_FRAGMENT : DT_NAT_DROP_OPTIONS;
		}
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
		    next != IPPROTO_FRAGMENT && next != IPPROTO_AH && next != IPV6_MOBILITY)
			return counter;
		if (bpf_skb_load_bytes(skb, off, &e, sizeof(e)) < 0)
			return counter;
		if (next == IPPROTO_FRAGMENT) {
			if (e.fragment_be16 & bpf_htons(IPV6_OFFSET_MASK))
				return counter;
			counter = DT_NAT_PASS_FRAGMENT;
			off += 8;
		} else {
			off += next == IPPROTO_AH ? (e.len + 2) * 4 : (e.len + 1) * 8;
		}
		next = e.next;
	}
	return bpf_map_lookup_elem(&addresses, &to) ? DT_NAT_DROP_OPTIONS : counter;
}

/*
 * Of a packet that packet_parse() left with this counter: the counter of why it is dropped, if it is TCP for a port of
 * ours, else the same.
 */
VERIFIED_ONCE int odd_tcp(struct __sk_buff *skb, int counter, bool l3)
{
	__u32 at = l3 ? 0 : ETH_HLEN;

	if (skb->protocol == bpf_htons(ETH_P_IP))
		return counter == DT_NAT_PASS_NOT_TCP ? counter : odd4(skb, counter, at);
	return skb->protocol == bpf_htons(ETH_P_IPV6) ? odd6(skb, counter, at) : counter;
}

#endif
