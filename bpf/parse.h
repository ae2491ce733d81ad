/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads the IP and TCP headers of a packet into one struct, with one bounds check for each header. */
#ifndef DETOURD_BPF_PARSE_H
#define DETOURD_BPF_PARSE_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "detourd/maps.h"

#define IP_FRAGMENT_MASK 0xbfff /* of iphdr.frag_off: all but "don't fragment". Zero: not a fragment */

/*
 * A function that the verifier checks once, whatever it is called with: a global one. A static one is checked again for
 * each state of the program that calls it. The verifier takes each pointer argument for one that may be NULL and that
 * points at a whole struct, all of it set. Linux 6.1 accepts no map key in there.
 */
#define VERIFIED_ONCE __noinline

/* What is known of a packet. Integers are in host order, lengths in bytes. */
struct packet {
	struct dt_flow_key key;
	__u32 l4;	   /* offset of the TCP header */
	__u32 ip_len;	   /* from the IP header on, as on the wire: the sum of an aggregate's segments */
	__u32 payload;	   /* TCP data */
	__u32 segments;	   /* of an aggregate (GSO); else 1 */
	__u32 segment_len; /* from the IP header on, of the largest segment */
	__u32 seq;
	__u32 ack;
	__u16 window;  /* as in the header, not scaled */
	__u16 mss;     /* this and the last three: of a SYN, set by options_parse(); else 0 */
	__u8 family;   /* 4 or 6 */
	__u8 hops;     /* TTL or hop limit */
	__u8 tcp_len;  /* TCP header with options */
	__u8 flags;    /* TCP flags, as in the header's 14th byte */
	__u8 tunnel;   /* 1: came from the tunnel's interface */
	__u8 join_len; /* of the MP_JOIN option; 0: no such option */
	__u8 wscale;   /* WSCALE_NONE: no such option */
	__u8 mss_off;  /* offset of the MSS in the options; 0: no such option */
	__u64 now;     /* when it arrived: CLOCK_BOOTTIME, ns */
};

_Static_assert(sizeof(struct packet) == 88, "no padding: see VERIFIED_ONCE");

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* Volatile: if clang kept these in registers, the verifier would forget that they are packet pointers. */
static __always_inline void *packet_data(const volatile struct __sk_buff *skb)
{
	return (void *)(long)skb->data;
}

static __always_inline void *packet_end(const volatile struct __sk_buff *skb)
{
	return (void *)(long)skb->data_end;
}

static __always_inline void ip_set_v4(struct dt_ip *ip, __u32 addr)
{
	ip->w[0] = 0;
	ip->w[1] = 0;
	ip->w[2] = bpf_htonl(0xffff);
	ip->w[3] = addr;
}

static __always_inline bool ip_is_v4(const struct dt_ip *ip)
{
	return ip->w[0] == 0 && ip->w[1] == 0 && ip->w[2] == bpf_htonl(0xffff);
}

static __always_inline bool ip_equal(const struct dt_ip *a, const struct dt_ip *b)
{
	return a->w[0] == b->w[0] && a->w[1] == b->w[1] && a->w[2] == b->w[2] && a->w[3] == b->w[3];
}

/* What the packet's link layer says it carries: sets family and l4. False: neither IPv4 nor IPv6. */
static __always_inline bool family_parse(const struct __sk_buff *skb, struct packet *p, __u32 l3)
{
	__u16 protocol = skb->protocol;

	if (protocol == bpf_htons(ETH_P_IP)) {
		p->family = 4;
		p->l4 = l3 + sizeof(struct iphdr);
	} else if (protocol == bpf_htons(ETH_P_IPV6)) {
		p->family = 6;
		p->l4 = l3 + sizeof(struct ipv6hdr);
	} else {
		return false;
	}
	return true;
}

/* Addresses and hops; *total: the length that the header states; *tcp: what follows the header. As packet_parse(). */
static __always_inline int ipv4_parse(struct __sk_buff *skb, struct packet *p, __u32 l3, __u32 *total,
				      struct tcphdr **tcp)
{
	struct iphdr *ip = packet_data(skb) + l3;

	if ((void *)(ip + 1) > packet_end(skb))
		return DT_NAT_PASS_TRUNCATED;
	if (ip->version != 4)
		return DT_NAT_PASS_NOT_TCP;
	if (ip->ihl < 5)
		return DT_NAT_PASS_TRUNCATED;
	if (ip->frag_off & bpf_htons(IP_FRAGMENT_MASK))
		return DT_NAT_PASS_FRAGMENT;
	if (ip->protocol != IPPROTO_TCP)
		return DT_NAT_PASS_NOT_TCP;
	if (ip->ihl != 5)
		return DT_NAT_PASS_OPTIONS;
	ip_set_v4(&p->key.src, ip->saddr);
	ip_set_v4(&p->key.dst, ip->daddr);
	p->hops = ip->ttl;
	*total = bpf_ntohs(ip->tot_len);
	*tcp = (void *)(ip + 1);
	return 0;
}

/* Likewise. */
static __always_inline int ipv6_parse(struct __sk_buff *skb, struct packet *p, __u32 l3, __u32 *total,
				      struct tcphdr **tcp)
{
	struct ipv6hdr *ip = packet_data(skb) + l3;

	if ((void *)(ip + 1) > packet_end(skb))
		return DT_NAT_PASS_TRUNCATED;
	if (ip->version != 6)
		return DT_NAT_PASS_NOT_TCP;
	if (ip->nexthdr == IPPROTO_FRAGMENT)
		return DT_NAT_PASS_FRAGMENT;
	if (ip->nexthdr != IPPROTO_TCP)
		return DT_NAT_PASS_NOT_TCP;
	__builtin_memcpy(&p->key.src, &ip->saddr, sizeof(p->key.src));
	__builtin_memcpy(&p->key.dst, &ip->daddr, sizeof(p->key.dst));
	/* A v4-mapped address is not valid on the wire, and our maps would take it for IPv4. */
	if (ip_is_v4(&p->key.src) || ip_is_v4(&p->key.dst))
		return DT_NAT_PASS_NOT_TCP;
	p->hops = ip->hop_limit;
	*total = bpf_ntohs(ip->payload_len);
	if (*total)
		*total += sizeof(*ip);
	*tcp = (void *)(ip + 1);
	return 0;
}

/* Sets ip_len, of what is in the skb. total 0 is BIG TCP: an aggregate larger than the header's field can state. */
static __always_inline bool length_parse(const struct __sk_buff *skb, struct packet *p, __u32 l3, __u32 total)
{
	p->ip_len = skb->len - l3;
	if (!total)
		return skb->gso_size != 0;
	if (total > p->ip_len)
		return false;
	p->ip_len = total;
	return true;
}

/* The TCP header without its options, and the lengths that depend on it. As packet_parse(). */
static __always_inline int tcp_parse(struct __sk_buff *skb, struct packet *p, __u32 l3, const struct tcphdr *tcp)
{
	__u32 headers;

	if ((void *)(tcp + 1) > packet_end(skb))
		return DT_NAT_PASS_TRUNCATED;
	p->tcp_len = tcp->doff * 4;
	if (p->tcp_len < sizeof(*tcp) || p->l4 - l3 + p->tcp_len > p->ip_len)
		return DT_NAT_PASS_TRUNCATED;
	p->flags = ((__u8 *)tcp)[13];
	p->key.sport_be16 = tcp->source;
	p->key.dport_be16 = tcp->dest;
	p->key.pad = 0;
	p->segments = skb->gso_segs ? skb->gso_segs : 1;
	p->seq = bpf_ntohl(tcp->seq);
	p->ack = bpf_ntohl(tcp->ack_seq);
	p->window = bpf_ntohs(tcp->window);
	p->mss = 0;
	p->join_len = p->wscale = p->mss_off = 0;
	headers = p->l4 - l3 + p->tcp_len;
	p->payload = p->ip_len - headers;
	p->segment_len = skb->gso_size ? skb->gso_size + headers : p->ip_len;
	/* on the wire, each segment of an aggregate has headers of its own */
	p->ip_len += (p->segments - 1) * headers;
	return 0;
}

/* Fills *p but for the options. 0, or the counter (enum dt_nat_counter) that says why the packet is left to the host. */
static __always_inline int packet_parse(struct __sk_buff *skb, struct packet *p, __u32 l3)
{
	struct tcphdr *tcp;
	__u32 total;
	int err;

	if (!family_parse(skb, p, l3))
		return DT_NAT_PASS_NOT_TCP;
	if (packet_data(skb) + p->l4 + sizeof(*tcp) > packet_end(skb))
		bpf_skb_pull_data(skb, p->l4 + sizeof(*tcp));
	if (p->family == 4)
		err = ipv4_parse(skb, p, l3, &total, &tcp);
	else
		err = ipv6_parse(skb, p, l3, &total, &tcp);
	if (err)
		return err;
	if (!length_parse(skb, p, l3, total))
		return DT_NAT_PASS_TRUNCATED;
	return tcp_parse(skb, p, l3, tcp);
}

#endif
