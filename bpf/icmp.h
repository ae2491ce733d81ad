/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ICMP errors (RFC 792, RFC 4443; behind a NAT: RFC 5508). Those that come for a packet we rewrote are rewritten in
 * turn, with the packet they quote, for the one who sent it. Those that a router would make, and that the redirect skips,
 * are made here out of the packet they are about. The source is always an address of the relay's own.
 */
#ifndef DETOURD_BPF_ICMP_H
#define DETOURD_BPF_ICMP_H

#include "flow.h"
#include "rate.h"
#include "rewrite.h"

#define ICMP_UNREACHABLE 3
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER 12
#define ICMP_FRAG_NEEDED 4 /* code of ICMP_UNREACHABLE */
#define ICMP6_TOO_BIG 2
#define ICMP6_TIME_EXCEEDED 3
#define ICMP6_PARAMETER 4
#define ICMP_HOPS 64
/* What is quoted behind the IP header; as much more as the checksum of a packet that is yet to get one needs. */
#define QUOTE_TCP 8
#define QUOTE_TCP_PARTIAL 20

struct icmp_header {
	__u8 type;
	__u8 code;
	__u16 check;
	__u32 rest_be32; /* its lower half the MTU, of frag-needed; all of it, of packet-too-big */
};

struct tcp_start {
	__u16 sport_be16;
	__u16 dport_be16;
	__u32 seq_be32;
};

/* Ethernet where there is one, then IP and ICMP headers, then the quoted packet's. */
struct icmp4 {
	struct iphdr ip;
	struct icmp_header icmp;
	struct iphdr quoted;
	struct tcp_start tcp;
};

struct icmp6 {
	struct ipv6hdr ip;
	struct icmp_header icmp;
	struct ipv6hdr quoted;
	struct tcp_start tcp;
};

/* What a quoting error says, and where. */
struct icmp_error {
	struct dt_ip from;	 /* outer source */
	struct dt_ip to;	 /* outer destination */
	struct dt_flow_key back; /* of the entry that leads back to the sender of the quoted packet */
	struct dt_ip source;	 /* that it will have */
	__u32 seq;
	__u32 ip_len;
	__u32 icmp_off;	  /* from the start of the skb */
	__u32 quoted_off; /* likewise */
	__u32 tcp_off;	  /* likewise */
	__u16 ip_check;	  /* of the outer header */
	__u16 check;	  /* of the ICMP header */
	__u8 hops;
	__u8 family;
};

/* False: no error that quotes a TCP packet. */
static __always_inline bool icmp4_parse(struct __sk_buff *skb, struct icmp_error *e, __u32 l3)
{
	struct icmp4 h;

	if (bpf_skb_load_bytes(skb, l3, &h, sizeof(h)) < 0)
		return false;
	if (h.ip.version != 4 || h.ip.ihl != 5 || h.ip.protocol != IPPROTO_ICMP ||
	    h.ip.frag_off & bpf_htons(IP_DF_ONLY))
		return false;
	if (h.icmp.type != ICMP_UNREACHABLE && h.icmp.type != ICMP_TIME_EXCEEDED && h.icmp.type != ICMP_PARAMETER)
		return false;
	if (h.quoted.version != 4 || h.quoted.ihl != 5 || h.quoted.protocol != IPPROTO_TCP ||
	    h.quoted.frag_off & bpf_htons(IP_DF_ONLY))
		return false;
	ip_set_v4(&e->from, h.ip.saddr);
	ip_set_v4(&e->to, h.ip.daddr);
	e->ip_check = h.ip.check;
	ip_set_v4(&e->back.src, h.quoted.daddr);
	ip_set_v4(&e->back.dst, h.quoted.saddr);
	e->back.sport_be16 = h.tcp.dport_be16;
	e->back.dport_be16 = h.tcp.sport_be16;
	e->seq = bpf_ntohl(h.tcp.seq_be32);
	e->ip_len = bpf_ntohs(h.ip.tot_len);
	e->check = h.icmp.check;
	e->hops = h.ip.ttl;
	e->family = 4;
	e->icmp_off = l3 + sizeof(h.ip);
	e->quoted_off = l3 + offsetof(struct icmp4, quoted);
	e->tcp_off = l3 + offsetof(struct icmp4, tcp);
	return true;
}

static __always_inline bool icmp6_parse(struct __sk_buff *skb, struct icmp_error *e, __u32 l3)
{
	struct icmp6 h;

	if (bpf_skb_load_bytes(skb, l3, &h, sizeof(h)) < 0)
		return false;
	if (h.ip.version != 6 || h.ip.nexthdr != IPPROTO_ICMPV6 || h.icmp.type < 1 || h.icmp.type > ICMP6_PARAMETER)
		return false;
	if (h.quoted.version != 6 || h.quoted.nexthdr != IPPROTO_TCP)
		return false;
	__builtin_memcpy(&e->from, &h.ip.saddr, sizeof(e->from));
	__builtin_memcpy(&e->to, &h.ip.daddr, sizeof(e->to));
	__builtin_memcpy(&e->back.src, &h.quoted.daddr, sizeof(e->back.src));
	__builtin_memcpy(&e->back.dst, &h.quoted.saddr, sizeof(e->back.dst));
	if (ip_is_v4(&e->back.src) || ip_is_v4(&e->back.dst))
		return false;
	e->back.sport_be16 = h.tcp.dport_be16;
	e->back.dport_be16 = h.tcp.sport_be16;
	e->seq = bpf_ntohl(h.tcp.seq_be32);
	e->ip_len = sizeof(h.ip) + bpf_ntohs(h.ip.payload_len);
	e->check = h.icmp.check;
	e->hops = h.ip.hop_limit;
	e->family = 6;
	e->icmp_off = l3 + sizeof(h.ip);
	e->quoted_off = l3 + offsetof(struct icmp6, quoted);
	e->tcp_off = l3 + offsetof(struct icmp6, tcp);
	return true;
}

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct icmp_error);
} icmp_errors SEC(".maps");

static __noinline bool icmp_parse(struct __sk_buff *skb, struct icmp_error *e, __u32 l3)
{
	if (!e)
		return false;
	__builtin_memset(e, 0, sizeof(*e));
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return icmp4_parse(skb, e, l3);
	return skb->protocol == bpf_htons(ETH_P_IPV6) && icmp6_parse(skb, e, l3);
}

/* Has the flow sent what is quoted, and may it still be under way (RFC 5927, section 4.1)? back: as in icmp_error. */
static __noinline bool icmp_quotes(struct dt_flow *back, __u32 seq)
{
	struct dt_flow *sent;

	if (!back)
		return false;
	sent = peer_lookup(back);
	if (!sent)
		return false;
	if (back->state == DT_FLOW_HALF_OPEN)
		return sent->dir == DT_DIR_UP && seq == sent->start - 1;
	return sent->end - seq <= sent->end - back->acked + back->window + WINDOW_BACK;
}

static __always_inline __u64 sum_change_ip(__u64 sum, const struct dt_ip *from, const struct dt_ip *to, __u8 family)
{
	sum = sum_change(sum, from->w[3], to->w[3]);
	if (family == 4)
		return sum;
#pragma unroll
	for (int i = 0; i < 3; i++)
		sum = sum_change(sum, from->w[i], to->w[i]);
	return sum;
}

/* A checksum after the words it covers changed by sum. */
static __always_inline __u16 check_change(__u16 check, __u64 sum)
{
	return ~sum_fold16(sum_fold32(sum + (__u16)~check));
}

static __always_inline int ip_store(struct __sk_buff *skb, __u32 off, const struct dt_ip *ip, __u8 family)
{
	return family == 4 ? bpf_skb_store_bytes(skb, off, &ip->w[3], 4, 0) : bpf_skb_store_bytes(skb, off, ip, 16, 0);
}

/* The error becomes one from e->source about the packet that back's flow sent. 0, or negative: not writable. */
static __noinline int icmp_rewrite(struct __sk_buff *skb, const struct icmp_error *e, const struct dt_flow *back)
{
	__u64 quoted, ports, outer, all;
	__u32 l3, at;
	__u16 check, was;
	__u8 hops;
	struct tcp_start tcp;
	int err = 0;

	if (!e || !back)
		return -1;
	hops = e->hops - 1;
	l3 = e->icmp_off - (e->family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
	quoted = sum_change_ip(0, &e->back.dst, &back->new_dst, e->family);
	quoted = sum_change_ip(quoted, &e->back.src, &back->new_src, e->family);
	tcp.sport_be16 = back->new_dport_be16;
	tcp.dport_be16 = back->new_sport_be16;
	ports = sum_change(0, (__u32)e->back.dport_be16 | (__u32)e->back.sport_be16 << 16,
			   (__u32)tcp.sport_be16 | (__u32)tcp.dport_be16 << 16);
	all = quoted + ports;

	if (e->family == 4) {
		at = e->quoted_off + offsetof(struct iphdr, check);
		err |= bpf_skb_load_bytes(skb, at, &was, sizeof(was));
		check = check_change(was, quoted);
		all += (__u16)~was + check;
		err |= bpf_skb_store_bytes(skb, at, &check, sizeof(check), 0);
		err |= ip_store(skb, e->quoted_off + offsetof(struct iphdr, saddr), &back->new_dst, 4);
		err |= ip_store(skb, e->quoted_off + offsetof(struct iphdr, daddr), &back->new_src, 4);
	} else {
		err |= ip_store(skb, e->quoted_off + offsetof(struct ipv6hdr, saddr), &back->new_dst, 6);
		err |= ip_store(skb, e->quoted_off + offsetof(struct ipv6hdr, daddr), &back->new_src, 6);
	}
	err |= bpf_skb_store_bytes(skb, e->tcp_off, &tcp, 4, 0);
	/* quoted or not */
	at = e->tcp_off + offsetof(struct tcphdr, check);
	if (at + sizeof(was) - l3 <= e->ip_len && bpf_skb_load_bytes(skb, at, &was, sizeof(was)) == 0) {
		check = check_change(was, quoted + ports);
		all += (__u16)~was + check;
		err |= bpf_skb_store_bytes(skb, at, &check, sizeof(check), 0);
	}

	/* the outer header */
	outer = sum_change_ip(0, &e->from, &e->source, e->family);
	outer = sum_change_ip(outer, &e->to, &back->new_dst, e->family);
	if (e->family == 4) {
		check = check_change(e->ip_check, outer + (__u16)~bpf_htons(0x0100)); /* the hop */
		err |= bpf_skb_store_bytes(skb, l3 + offsetof(struct iphdr, check), &check, sizeof(check), 0);
		err |= bpf_skb_store_bytes(skb, l3 + offsetof(struct iphdr, ttl), &hops, sizeof(hops), 0);
		err |= ip_store(skb, l3 + offsetof(struct iphdr, saddr), &e->source, 4);
		err |= ip_store(skb, l3 + offsetof(struct iphdr, daddr), &back->new_dst, 4);
	} else {
		all += outer;
		err |= bpf_skb_store_bytes(skb, l3 + offsetof(struct ipv6hdr, hop_limit), &hops, sizeof(hops), 0);
		err |= ip_store(skb, l3 + offsetof(struct ipv6hdr, saddr), &e->source, 6);
		err |= ip_store(skb, l3 + offsetof(struct ipv6hdr, daddr), &back->new_dst, 6);
		/* nothing balances the hop limit in a complete checksum */
		bpf_csum_update(skb, (__u16)~bpf_htons(0x0001));
	}
	check = check_change(e->check, all);
	err |= bpf_skb_store_bytes(skb, e->icmp_off + offsetof(struct icmp_header, check), &check, sizeof(check), 0);
	return err;
}

/* --- made here --------------------------------------------------------------------------------- */

/* Of which packet, what to say, and whence. */
struct icmp_answer {
	struct dt_ip from;
	struct dt_ip to;
	__u32 mtu; /* packet too big; 0: time exceeded */
	__u32 l4;  /* offset of the TCP header */
	__u8 family;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct icmp_answer);
} icmp_answers SEC(".maps");

/* As the kernel's icmp_msgs_per_sec and icmp_msgs_burst, but on each CPU by itself. */
#define ICMP_INTERVAL_NS 1000000ULL
#define ICMP_BURST 50

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64); /* a virtual time (GCRA) */
} icmp_limit SEC(".maps");

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

/* headers: ICMP and the quoted IP header, len bytes; sum: what else goes into the checksum; tail: see icmp_answer(). */
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
 * Turns a packet into the ICMP error about it. A packet whose checksum is left to the sender's hardware cannot be cut
 * before its checksum: the kernel refuses that, which is how to tell. What it will fill in makes the quoted TCP header
 * add up to the complement of what stands there now (the pseudo-header's sum).
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

#endif
