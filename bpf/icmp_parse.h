/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads an ICMP error that quotes a TCP packet. */
#ifndef DETOURD_BPF_ICMP_PARSE_H
#define DETOURD_BPF_ICMP_PARSE_H

#include "icmp.h"

/* What an error says. "Outer" is its own IP header, "quoted" what it quotes; offsets are from the start of the skb. */
struct icmp_error {
	struct dt_ip from;	 /* outer source */
	struct dt_ip to;	 /* outer destination */
	struct dt_flow_key back; /* key of the entry that leads back to the sender of the quoted packet */
	struct dt_ip source;	 /* outer source once rewritten */
	__u32 seq;		 /* quoted */
	__u32 ip_len;		 /* outer */
	__u32 icmp_off;		 /* of the ICMP header */
	__u32 quoted_off;	 /* of the quoted IP header */
	__u32 tcp_off;		 /* of the quoted TCP header */
	__u16 ip_check;		 /* outer */
	__u16 check;		 /* of the ICMP header */
	__u8 hops;		 /* outer */
	__u8 family;
};

/*
 * Does a length that a quoted IP header states allow for a TCP header? With 0 an aggregate is quoted that is larger than
 * the field can state (BIG TCP).
 */
static __always_inline bool quotes_tcp(__u32 stated, __u32 headers)
{
	return stated == 0 || stated >= headers + sizeof(struct tcphdr);
}

/* Is the stated length of the error, from its IP header on, one that the packet has, and that its headers need? */
static __always_inline bool length_fits(const struct __sk_buff *skb, __u32 l3, __u32 stated, __u32 headers)
{
	return stated >= headers && stated <= skb->len - l3;
}

/* As icmp_parse(). */
static __always_inline int icmp4_parse(struct __sk_buff *skb, struct icmp_error *e, __u32 l3)
{
	struct icmp4 h;

	if (bpf_skb_load_bytes(skb, l3, &h, sizeof(h)) < 0)
		return DT_NAT_PASS_NOT_TCP;
	if (h.ip.version != 4 || h.ip.ihl != 5 || h.ip.protocol != IPPROTO_ICMP ||
	    h.ip.frag_off & bpf_htons(IP_FRAGMENT_MASK))
		return DT_NAT_PASS_NOT_TCP;
	if (h.icmp.type != ICMP_UNREACHABLE && h.icmp.type != ICMP_TIME_EXCEEDED && h.icmp.type != ICMP_PARAMETER)
		return DT_NAT_PASS_NOT_TCP;
	if (h.quoted.version != 4 || h.quoted.ihl != 5 || h.quoted.protocol != IPPROTO_TCP ||
	    h.quoted.frag_off & bpf_htons(IP_FRAGMENT_MASK))
		return DT_NAT_PASS_NOT_TCP;
	e->ip_len = bpf_ntohs(h.ip.tot_len);
	if (!length_fits(skb, l3, e->ip_len, sizeof(h)) || !quotes_tcp(bpf_ntohs(h.quoted.tot_len), sizeof(h.quoted)))
		return DT_NAT_PASS_TRUNCATED;
	ip_set_v4(&e->from, h.ip.saddr);
	ip_set_v4(&e->to, h.ip.daddr);
	e->ip_check = h.ip.check;
	ip_set_v4(&e->back.src, h.quoted.daddr);
	ip_set_v4(&e->back.dst, h.quoted.saddr);
	e->back.sport_be16 = h.tcp.dport_be16;
	e->back.dport_be16 = h.tcp.sport_be16;
	e->seq = bpf_ntohl(h.tcp.seq_be32);
	e->check = h.icmp.check;
	e->hops = h.ip.ttl;
	e->family = 4;
	e->icmp_off = l3 + sizeof(h.ip);
	e->quoted_off = l3 + offsetof(struct icmp4, quoted);
	e->tcp_off = l3 + offsetof(struct icmp4, tcp);
	return 0;
}

/* Likewise. */
static __always_inline int icmp6_parse(struct __sk_buff *skb, struct icmp_error *e, __u32 l3)
{
	struct icmp6 h;

	if (bpf_skb_load_bytes(skb, l3, &h, sizeof(h)) < 0)
		return DT_NAT_PASS_NOT_TCP;
	if (h.ip.version != 6 || h.ip.nexthdr != IPPROTO_ICMPV6 || h.icmp.type < 1 || h.icmp.type > ICMP6_PARAMETER)
		return DT_NAT_PASS_NOT_TCP;
	if (h.quoted.version != 6 || h.quoted.nexthdr != IPPROTO_TCP)
		return DT_NAT_PASS_NOT_TCP;
	e->ip_len = sizeof(h.ip) + bpf_ntohs(h.ip.payload_len);
	if (!length_fits(skb, l3, e->ip_len, sizeof(h)) || !quotes_tcp(bpf_ntohs(h.quoted.payload_len), 0))
		return DT_NAT_PASS_TRUNCATED;
	__builtin_memcpy(&e->from, &h.ip.saddr, sizeof(e->from));
	__builtin_memcpy(&e->to, &h.ip.daddr, sizeof(e->to));
	__builtin_memcpy(&e->back.src, &h.quoted.daddr, sizeof(e->back.src));
	__builtin_memcpy(&e->back.dst, &h.quoted.saddr, sizeof(e->back.dst));
	if (ip_is_v4(&e->back.src) || ip_is_v4(&e->back.dst))
		return DT_NAT_PASS_NOT_TCP;
	e->back.sport_be16 = h.tcp.dport_be16;
	e->back.dport_be16 = h.tcp.sport_be16;
	e->seq = bpf_ntohl(h.tcp.seq_be32);
	e->check = h.icmp.check;
	e->hops = h.ip.hop_limit;
	e->family = 6;
	e->icmp_off = l3 + sizeof(h.ip);
	e->quoted_off = l3 + offsetof(struct icmp6, quoted);
	e->tcp_off = l3 + offsetof(struct icmp6, tcp);
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct icmp_error);
} icmp_errors SEC(".maps");

/* Fills in *e. 0, or the counter of why it is not an error that quotes a TCP packet. */
static __noinline int icmp_parse(struct __sk_buff *skb, struct icmp_error *e, __u32 l3)
{
	if (!e)
		return DT_NAT_PASS_NOT_TCP;
	__builtin_memset(e, 0, sizeof(*e));
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return icmp4_parse(skb, e, l3);
	return skb->protocol == bpf_htons(ETH_P_IPV6) ? icmp6_parse(skb, e, l3) : DT_NAT_PASS_NOT_TCP;
}

#endif
