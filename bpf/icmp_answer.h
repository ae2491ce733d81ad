/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP errors that a router would send, and that the redirect skips: "time exceeded" and "packet too big", made out of the
 * packet that they are about.
 */
#ifndef DETOURD_BPF_ICMP_ANSWER_H
#define DETOURD_BPF_ICMP_ANSWER_H

#include "icmp.h"
#include "leave.h"
#include "rewrite.h"

#define ICMP_HOPS 64
/* How much is quoted from the TCP header on; the whole header if the packet's checksum is not complete yet. */
#define QUOTE_TCP 8
#define QUOTE_TCP_PARTIAL 20

/* The error to send, and the packet that it is made of. */
struct icmp_answer {
	struct dt_ip from;
	struct dt_ip to;
	__u32 mtu; /* of a "packet too big"; 0: "time exceeded" */
	__u32 l4;  /* offset of the packet's TCP header */
	__u8 family;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct icmp_answer);
} icmp_answers SEC(".maps");

/* The defaults of the kernel's icmp_msgs_per_sec and icmp_msgs_burst, but each CPU counts by itself. */
#define ICMP_INTERVAL_NS 1000000ULL
#define ICMP_BURST 50

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64); /* when the bucket is full again (GCRA), ns */
} icmp_limit SEC(".maps");

/* False: enough errors were sent lately. */
static __always_inline bool icmp_allowed(__u64 now)
{
	__u32 zero = 0;
	__u64 *at_ns = bpf_map_lookup_elem(&icmp_limit, &zero);

	if (!at_ns)
		return false;
	if (*at_ns < now)
		*at_ns = now;
	if (*at_ns - now > (ICMP_BURST - 1) * ICMP_INTERVAL_NS)
		return false;
	*at_ns += ICMP_INTERVAL_NS;
	return true;
}

/*
 * The ICMP checksum. headers: the ICMP and the quoted IP header, len bytes; sum: of what else it covers; quote: how many
 * bytes of TCP are quoted; tail: the sum of the quoted TCP header if all of it is quoted.
 */
static __always_inline __u16 icmp_check(__u32 sum, void *headers, __u32 len, struct tcp_start *tcp, __u32 quote,
					__u32 tail)
{
	sum = bpf_csum_diff(NULL, 0, headers, len, sum);
	if (quote == QUOTE_TCP)
		sum = bpf_csum_diff(NULL, 0, (void *)tcp, sizeof(*tcp), sum);
	else
		sum = sum_fold32((__u64)sum + tail);
	return ~sum_fold16(sum);
}

/* Replaces the packet by the error. quote, tail: as for icmp_check(). 0 or negative. */
static __always_inline int icmp4_answer(struct __sk_buff *skb, const struct icmp_answer *a, __u32 l3, __u32 quote,
					__u32 tail)
{
	struct icmp4 h;

	__builtin_memset(&h, 0, sizeof(h));
	if (bpf_skb_load_bytes(skb, l3, &h.quoted, sizeof(h.quoted) + sizeof(h.tcp)) < 0)
		return -1;
	h.ip.version = 4;
	h.ip.ihl = 5;
	h.ip.tot_len = bpf_htons(offsetof(struct icmp4, tcp) + quote);
	h.ip.frag_off = bpf_htons(0x4000);
	h.ip.ttl = ICMP_HOPS;
	h.ip.protocol = IPPROTO_ICMP;
	h.ip.saddr = a->from.w[3];
	h.ip.daddr = a->to.w[3];
	h.ip.check = ~sum_fold16(sum_fold32(bpf_csum_diff(NULL, 0, (void *)&h.ip, sizeof(h.ip), 0)));
	if (a->mtu) {
		h.icmp.type = ICMP_UNREACHABLE;
		h.icmp.code = ICMP_FRAG_NEEDED;
		h.icmp.rest_be32 = bpf_htonl(a->mtu & 0xffff);
	} else {
		h.icmp.type = ICMP_TIME_EXCEEDED;
	}
	h.icmp.check = icmp_check(0, &h.icmp, sizeof(h.icmp) + sizeof(h.quoted), &h.tcp, quote, tail);
	if (bpf_skb_adjust_room(skb, offsetof(struct icmp4, quoted), BPF_ADJ_ROOM_MAC, 0) < 0)
		return -1;
	return bpf_skb_store_bytes(skb, l3, &h, offsetof(struct icmp4, quoted), BPF_F_RECOMPUTE_CSUM);
}

/* Likewise. */
static __always_inline int icmp6_answer(struct __sk_buff *skb, const struct icmp_answer *a, __u32 l3, __u32 quote,
					__u32 tail)
{
	__u32 len = sizeof(struct icmp_header) + sizeof(struct ipv6hdr) + quote;
	__u32 pseudo[2] = {bpf_htonl(len), bpf_htonl(IPPROTO_ICMPV6)};
	struct icmp6 h;
	__u32 sum;

	__builtin_memset(&h, 0, sizeof(h));
	if (bpf_skb_load_bytes(skb, l3, &h.quoted, sizeof(h.quoted) + sizeof(h.tcp)) < 0)
		return -1;
	h.ip.version = 6;
	h.ip.payload_len = bpf_htons(len);
	h.ip.nexthdr = IPPROTO_ICMPV6;
	h.ip.hop_limit = ICMP_HOPS;
	__builtin_memcpy(&h.ip.saddr, &a->from, sizeof(h.ip.saddr));
	__builtin_memcpy(&h.ip.daddr, &a->to, sizeof(h.ip.daddr));
	if (a->mtu) {
		h.icmp.type = ICMP6_TOO_BIG;
		h.icmp.rest_be32 = bpf_htonl(a->mtu);
	} else {
		h.icmp.type = ICMP6_TIME_EXCEEDED;
	}
	sum = bpf_csum_diff(NULL, 0, pseudo, sizeof(pseudo), 0);
	sum = bpf_csum_diff(NULL, 0, (void *)&h.ip.saddr, 32, sum);
	h.icmp.check = icmp_check(sum, &h.icmp, sizeof(h.icmp) + sizeof(h.quoted), &h.tcp, quote, tail);
	if (bpf_skb_adjust_room(skb, offsetof(struct icmp6, quoted), BPF_ADJ_ROOM_MAC, 0) < 0)
		return -1;
	return bpf_skb_store_bytes(skb, l3, &h, offsetof(struct icmp6, quoted), BPF_F_RECOMPUTE_CSUM);
}

/*
 * Turns a packet into the ICMP error about it. The kernel refuses to cut a packet before a checksum that is still to be
 * filled in (CHECKSUM_PARTIAL); this is how such a packet is recognized. Its checksum field now holds the sum of the
 * pseudo-header. With the checksum that is filled in later, the quoted TCP header adds up to the complement of it.
 */
static __noinline int icmp_answer(struct __sk_buff *skb, const struct icmp_answer *a, __u32 l3)
{
	__u32 quote = QUOTE_TCP;
	__u16 partial = 0;

	if (!a)
		return -1;
	if (bpf_skb_change_tail(skb, a->l4 + QUOTE_TCP, 0) < 0) {
		quote = QUOTE_TCP_PARTIAL;
		if (bpf_skb_load_bytes(skb, a->l4 + offsetof(struct tcphdr, check), &partial, sizeof(partial)) < 0 ||
		    bpf_skb_change_tail(skb, a->l4 + QUOTE_TCP_PARTIAL, 0) < 0)
			return -1;
	}
	if (a->family == 4)
		return icmp4_answer(skb, a, l3, quote, (__u16)~partial);
	return icmp6_answer(skb, a, l3, quote, (__u16)~partial);
}

/* Sends the error that icmp_answers holds, if not too many were sent. */
VERIFIED_ONCE int icmp_answer_send(struct __sk_buff *skb, __u32 oif, bool into_tunnel, bool l3)
{
	struct icmp_answer *a;
	__u32 zero = 0;

	a = bpf_map_lookup_elem(&icmp_answers, &zero);
	if (!a || !icmp_allowed(bpf_ktime_get_boot_ns()) || icmp_answer(skb, a, l3 ? 0 : ETH_HLEN) < 0)
		return TC_ACT_SHOT;
	return send(skb, oif, into_tunnel, l3);
}

/*
 * Drops and counts a packet, and tells its sender why: "packet too big" with this MTU; or, with an MTU of 0, "time
 * exceeded". f: the packet's entry; NULL, if flow_start() refused the packet.
 */
VERIFIED_ONCE int answer(struct __sk_buff *skb, const struct packet *p, const struct dt_flow *f, __u32 mtu, bool l3)
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
		/* its packets carry the server's address; ours is the one that the server sees */
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

#endif
