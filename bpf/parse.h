/* SPDX-License-Identifier: GPL-2.0 */
/* Reading TCP/IP headers from an skb: one bounds check a header, everything later code needs in one struct. */
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

#define IP_DF_ONLY 0xbfff /* everything of frag_off but DF */

struct packet {
	struct dt_flow_key key;
	__u32 l4;      /* offset of the TCP header, bytes */
	__u32 ip_len;  /* of all segments of an aggregate */
	__u32 payload; /* TCP data, bytes */
	__u32 segments;
	__u32 segment_len; /* IP bytes of the largest of them */
	__u32 seq;	   /* host order, as ack and window */
	__u32 ack;
	__u16 window; /* unscaled */
	__u8 family;  /* 4 or 6 */
	__u8 hops;    /* TTL or hop limit */
	__u8 tcp_len; /* header with options, bytes */
	__u8 flags;   /* TCP flags, as in the header's 14th byte */
	__u8 tunnel;  /* came from a tunnel */
	/* of a SYN, by options_parse(): */
	__u8 join_len; /* of the MP_JOIN option; 0: none */
	__u8 wscale;   /* WSCALE_NONE: no such option */
	__u8 mss_off;  /* of the value, from the start of the options; 0: no MSS option */
	__u16 mss;     /* host order */
	__u64 now;     /* when it came, boot time, ns */
};

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* volatile: kept in a register these lose, to the verifier, that they are packet pointers */
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

/* Fills *p; 0, or the counter (enum dt_nat_counter) of why this packet is not ours to look at. */
static __always_inline int packet_parse(struct __sk_buff *skb, struct packet *p, __u32 l3)
{
	__u16 protocol = skb->protocol;
	struct tcphdr *tcp;
	__u32 total, headers;

	if (protocol == bpf_htons(ETH_P_IP)) {
		p->family = 4;
		p->l4 = l3 + sizeof(struct iphdr);
	} else if (protocol == bpf_htons(ETH_P_IPV6)) {
		p->family = 6;
		p->l4 = l3 + sizeof(struct ipv6hdr);
	} else {
		return DT_NAT_PASS_NOT_TCP;
	}
	if (packet_data(skb) + p->l4 + sizeof(*tcp) > packet_end(skb))
		bpf_skb_pull_data(skb, p->l4 + sizeof(*tcp));

	if (p->family == 4) {
		struct iphdr *ip = packet_data(skb) + l3;

		if ((void *)(ip + 1) > packet_end(skb))
			return DT_NAT_PASS_TRUNCATED;
		if (ip->version != 4)
			return DT_NAT_PASS_NOT_TCP;
		if (ip->ihl < 5)
			return DT_NAT_PASS_TRUNCATED;
		if (ip->frag_off & bpf_htons(IP_DF_ONLY))
			return DT_NAT_PASS_FRAGMENT;
		if (ip->protocol != IPPROTO_TCP)
			return DT_NAT_PASS_NOT_TCP;
		if (ip->ihl != 5)
			return DT_NAT_PASS_OPTIONS;
		ip_set_v4(&p->key.src, ip->saddr);
		ip_set_v4(&p->key.dst, ip->daddr);
		p->hops = ip->ttl;
		total = bpf_ntohs(ip->tot_len);
		tcp = (void *)(ip + 1);
	} else {
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
		/* a v4-mapped address has no place on the wire and must not look like IPv4 in our maps */
		if (ip_is_v4(&p->key.src) || ip_is_v4(&p->key.dst))
			return DT_NAT_PASS_NOT_TCP;
		p->hops = ip->hop_limit;
		total = bpf_ntohs(ip->payload_len);
		if (total)
			total += sizeof(*ip);
		tcp = (void *)(ip + 1);
	}
	/* a length of 0 is BIG TCP: an aggregate larger than the field */
	p->ip_len = skb->len - l3;
	if (total) {
		if (total > p->ip_len)
			return DT_NAT_PASS_TRUNCATED;
		p->ip_len = total;
	} else if (!skb->gso_size) {
		return DT_NAT_PASS_TRUNCATED;
	}
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
	headers = p->l4 - l3 + p->tcp_len;
	p->payload = p->ip_len - headers;
	p->segment_len = skb->gso_size ? skb->gso_size + headers : p->ip_len;
	/* on the wire every segment of an aggregate has its own headers */
	p->ip_len += (p->segments - 1) * headers;
	return 0;
}

/* --- TCP options ------------------------------------------------------------------------------- */

#define TCP_OPTION_MSS 2
#define TCP_OPTION_WSCALE 3
#define TCP_OPTION_MPTCP 30
#define WSCALE_MAX 14  /* RFC 7323, section 2.3 */
#define WSCALE_NONE 16 /* whose lower four bits shift by nothing */
#define TCP_OPTIONS_MAX 40
#define MPTCP_SUBTYPE_JOIN 1 /* RFC 8684, section 3.2 */
#define MP_JOIN_SYN_LEN 12
#define MP_JOIN_SYNACK_LEN 16

struct options {
	__u32 off;
	__u32 len;
	__u32 mss_off;	/* of the value, from the start of the options; 0: no MSS option */
	__u32 join_len; /* of the MP_JOIN option; 0: none */
	__u16 mss;	/* host order */
	__u8 wscale;	/* WSCALE_NONE: no such option */
	__u8 b[TCP_OPTIONS_MAX + 6];
};

static long options_step(__u32 i, void *data)
{
	struct options *o = data;
	__u32 off = o->off;
	__u8 kind, len;

	if (off >= o->len || off >= TCP_OPTIONS_MAX)
		return 1;
	kind = o->b[off];
	if (kind == 0)
		return 1;
	if (kind == 1) {
		o->off = off + 1;
		return 0;
	}
	len = o->b[off + 1];
	if (len < 2 || off + len > o->len)
		return 1;
	if (kind == TCP_OPTION_MSS && len == 4) {
		o->mss_off = off + 2;
		o->mss = o->b[off + 2] << 8 | o->b[off + 3];
	}
	if (kind == TCP_OPTION_WSCALE && len == 3)
		o->wscale = o->b[off + 2] < WSCALE_MAX ? o->b[off + 2] : WSCALE_MAX;
	if (kind == TCP_OPTION_MPTCP && len >= 3 && o->b[off + 2] >> 4 == MPTCP_SUBTYPE_JOIN)
		o->join_len = len;
	o->off = off + len;
	return 0;
}

/* False when the options could not be read. */
static __noinline bool options_parse(struct __sk_buff *skb, struct packet *p)
{
	struct options o;
	__u32 len;

	if (!p)
		return false;
	len = p->tcp_len;
	__builtin_memset(&o, 0, sizeof(o));
	o.wscale = WSCALE_NONE;
	p->join_len = 0;
	p->mss_off = 0;
	p->wscale = WSCALE_NONE;
	/*
	 * Options are a multiple of 4; asked so, Linux 6.1's verifier knows that there are some. 7.3's forgets it of a
	 * number that may have been negative meanwhile, and clang would make one: hence the barrier.
	 */
	if (len < sizeof(struct tcphdr) + 4)
		return true;
	asm volatile("" : "+r"(len));
	len -= sizeof(struct tcphdr);
	if (len > TCP_OPTIONS_MAX)
		return false;
	o.len = len;
	if (bpf_skb_load_bytes(skb, p->l4 + sizeof(struct tcphdr), o.b, len) < 0)
		return false;
	bpf_loop(TCP_OPTIONS_MAX, options_step, &o, 0);
	p->join_len = o.join_len;
	p->wscale = o.wscale;
	p->mss_off = o.mss_off;
	p->mss = o.mss;
	return true;
}

#endif
