/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rewrites a TCP packet's addresses, ports, hop count and MSS. Checksums stay exact in each state that the skb's checksum
 * can be in (CHECKSUM_NONE, _COMPLETE, _PARTIAL), because the TCP checksum is changed by the kernel's helper alone.
 */
#ifndef DETOURD_BPF_REWRITE_H
#define DETOURD_BPF_REWRITE_H

#include "parse.h"

/* Adds to a one's complement sum that one of its words changes. */
static __always_inline __u64 sum_change(__u64 sum, __u32 from, __u32 to)
{
	return sum + (__u32)~from + to;
}

static __always_inline __u32 sum_fold32(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (sum & 0xffffffff) + (sum >> 32);
}

static __always_inline __u16 sum_fold16(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* By how much the rewriting changes the sum of the addresses. */
static __always_inline __u32 addresses_change(const struct packet *p, const struct dt_flow *f)
{
	__u64 sum = 0;

	if (p->family == 4) {
		sum = sum_change(sum, p->key.src.w[3], f->new_src.w[3]);
		sum = sum_change(sum, p->key.dst.w[3], f->new_dst.w[3]);
	} else {
#pragma unroll
		for (int i = 0; i < 4; i++) {
			sum = sum_change(sum, p->key.src.w[i], f->new_src.w[i]);
			sum = sum_change(sum, p->key.dst.w[i], f->new_dst.w[i]);
		}
	}
	return sum_fold32(sum);
}

/* The TCP checksum; diff: addresses_change(). 0, or negative: the packet cannot be written. */
static __always_inline int check_rewrite(struct __sk_buff *skb, const struct packet *p, const struct dt_flow *f,
					 __u32 diff)
{
	const __u32 check = p->l4 + offsetof(struct tcphdr, check);
	__u32 ports[2] = {(__u32)p->key.sport_be16 | (__u32)p->key.dport_be16 << 16,
			  (__u32)f->new_sport_be16 | (__u32)f->new_dport_be16 << 16};

	if (bpf_l4_csum_replace(skb, check, 0, diff, BPF_F_PSEUDO_HDR) < 0)
		return -1;
	/*
	 * For skb->csum of CHECKSUM_COMPLETE the helper assumes that the IP header's checksum balances the addresses. IPv6
	 * has none: there the TCP checksum balances them, so what the helper did to skb->csum is undone here. The hop
	 * limit, which nothing balances, is added too.
	 */
	if (p->family == 6)
		bpf_csum_update(skb, sum_fold32((__u64)diff + (__u16)~bpf_htons(0x0001)));
	return bpf_l4_csum_replace(skb, check, ports[0], ports[1], 4);
}

static __always_inline int ipv4_rewrite(struct __sk_buff *skb, const struct dt_flow *f, __u32 l3, __u32 diff)
{
	struct iphdr *ip = packet_data(skb) + l3;
	struct tcphdr *tcp = (void *)(ip + 1);
	__u32 header;

	if ((void *)(tcp + 1) > packet_end(skb))
		return -1;
	header = (__u16)~ip->check;
	header += sum_fold16(diff);
	header += (__u16)~bpf_htons(0x0100); /* the hop */
	ip->check = ~sum_fold16(header);
	ip->ttl--;
	ip->saddr = f->new_src.w[3];
	ip->daddr = f->new_dst.w[3];
	tcp->source = f->new_sport_be16;
	tcp->dest = f->new_dport_be16;
	return 0;
}

static __always_inline int ipv6_rewrite(struct __sk_buff *skb, const struct dt_flow *f, __u32 l3)
{
	struct ipv6hdr *ip = packet_data(skb) + l3;
	struct tcphdr *tcp = (void *)(ip + 1);

	if ((void *)(tcp + 1) > packet_end(skb))
		return -1;
	ip->hop_limit--;
	__builtin_memcpy(&ip->saddr, &f->new_src, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &f->new_dst, sizeof(ip->daddr));
	tcp->source = f->new_sport_be16;
	tcp->dest = f->new_dport_be16;
	return 0;
}

/*
 * Addresses, ports, hops and their checksums. l3, the offset of the IP header, must be a constant: the verifier does not
 * follow one that is kept in a struct. 0, or negative: the packet cannot be written.
 */
static __always_inline int rewrite(struct __sk_buff *skb, const struct packet *p, const struct dt_flow *f, __u32 l3)
{
	__u32 diff = addresses_change(p, f);

	if (check_rewrite(skb, p, f, diff) < 0)
		return -1;
	return p->family == 4 ? ipv4_rewrite(skb, f, l3, diff) : ipv6_rewrite(skb, f, l3);
}

/* Lowers the MSS option to limit (host order) if it is higher. 0, or negative: the packet cannot be written. */
static __always_inline int rewrite_mss(struct __sk_buff *skb, const struct packet *p, __u16 limit)
{
	__u16 from, to;

	if (!p->mss_off || p->mss <= limit)
		return 0;
	from = bpf_htons(p->mss);
	to = bpf_htons(limit);
	if (bpf_skb_store_bytes(skb, p->l4 + sizeof(struct tcphdr) + p->mss_off, &to, sizeof(to), 0) < 0)
		return -1;
	/* at an odd offset, the checksum adds the value with its bytes swapped */
	if (p->mss_off & 1) {
		from = __builtin_bswap16(from);
		to = __builtin_bswap16(to);
	}
	return bpf_l4_csum_replace(skb, p->l4 + offsetof(struct tcphdr, check), from, to, 2) < 0 ? -1 : 0;
}

#endif
