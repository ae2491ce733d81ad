/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP errors that arrive about a packet which the relay rewrote: rewritten in turn, with the packet that they quote, and
 * sent to the sender of that packet (RFC 5508).
 */
#ifndef DETOURD_BPF_ICMP_TRANSLATE_H
#define DETOURD_BPF_ICMP_TRANSLATE_H

#include "icmp_parse.h"
#include "leave.h"
#include "odd.h"
#include "rate.h"
#include "rewrite.h"
#include "window.h"

/*
 * Did the flow send what is quoted, and may it still be on its way (RFC 5927, section 4.1)? back: the entry that leads to
 * the sender.
 */
VERIFIED_ONCE bool icmp_quotes(struct dt_flow *back, __u32 seq)
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

/* As sum_change(), for an address. */
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

/* A checksum whose words change by sum. */
static __always_inline __u16 check_change(__u16 check, __u64 sum)
{
	return ~sum_fold16(sum_fold32(sum + (__u16)~check));
}

static __always_inline int ip_store(struct __sk_buff *skb, __u32 off, const struct dt_ip *ip, __u8 family)
{
	return family == 4 ? bpf_skb_store_bytes(skb, off, &ip->w[3], 4, 0) : bpf_skb_store_bytes(skb, off, ip, 16, 0);
}

/* How the rewriting changes sums: of the quoted addresses, of the quoted ports, of all that the ICMP checksum covers. */
struct icmp_sums {
	__u64 addresses;
	__u64 ports;
	__u64 all;
};

/* Subtracts a hop and sets the addresses of the outer IPv4 header. */
static __always_inline int outer4_rewrite(struct __sk_buff *skb, const struct icmp_error *e, const struct dt_ip *to,
					  __u64 addresses)
{
	__u32 l3 = e->icmp_off - sizeof(struct iphdr);
	__u16 check = check_change(e->ip_check, addresses + (__u16)~bpf_htons(0x0100)); /* the hop */
	__u8 hops = e->hops - 1;
	int err;

	err = bpf_skb_store_bytes(skb, l3 + offsetof(struct iphdr, check), &check, sizeof(check), 0);
	err |= bpf_skb_store_bytes(skb, l3 + offsetof(struct iphdr, ttl), &hops, sizeof(hops), 0);
	err |= ip_store(skb, l3 + offsetof(struct iphdr, saddr), &e->source, 4);
	return err | ip_store(skb, l3 + offsetof(struct iphdr, daddr), to, 4);
}

/* Likewise; the ICMP checksum covers the addresses of an IPv6 header. */
static __always_inline int outer6_rewrite(struct __sk_buff *skb, const struct icmp_error *e, const struct dt_ip *to,
					  __u64 addresses, struct icmp_sums *sums)
{
	__u32 l3 = e->icmp_off - sizeof(struct ipv6hdr);
	__u8 hops = e->hops - 1;
	int err;

	sums->all += addresses;
	err = bpf_skb_store_bytes(skb, l3 + offsetof(struct ipv6hdr, hop_limit), &hops, sizeof(hops), 0);
	err |= ip_store(skb, l3 + offsetof(struct ipv6hdr, saddr), &e->source, 6);
	err |= ip_store(skb, l3 + offsetof(struct ipv6hdr, daddr), to, 6);
	/* skb->csum (CHECKSUM_COMPLETE) covers the hop limit, which no checksum balances */
	bpf_csum_update(skb, (__u16)~bpf_htons(0x0001));
	return err;
}

static __always_inline int outer_rewrite(struct __sk_buff *skb, const struct icmp_error *e, const struct dt_flow *back,
					 struct icmp_sums *sums)
{
	__u64 addresses = sum_change_ip(0, &e->from, &e->source, e->family);

	addresses = sum_change_ip(addresses, &e->to, &back->new_dst, e->family);
	return e->family == 4 ? outer4_rewrite(skb, e, &back->new_dst, addresses)
			      : outer6_rewrite(skb, e, &back->new_dst, addresses, sums);
}

/* Makes the quoted addresses those of the packet that back's client or server sent. */
static __always_inline int quoted_ip_rewrite(struct __sk_buff *skb, const struct icmp_error *e,
					     const struct dt_flow *back, struct icmp_sums *sums)
{
	__u32 at = e->quoted_off + offsetof(struct iphdr, check);
	__u16 check, was;
	int err;

	if (e->family == 6) {
		err = ip_store(skb, e->quoted_off + offsetof(struct ipv6hdr, saddr), &back->new_dst, 6);
		return err | ip_store(skb, e->quoted_off + offsetof(struct ipv6hdr, daddr), &back->new_src, 6);
	}
	err = bpf_skb_load_bytes(skb, at, &was, sizeof(was));
	check = check_change(was, sums->addresses);
	sums->all += (__u16)~was + check;
	err |= bpf_skb_store_bytes(skb, at, &check, sizeof(check), 0);
	err |= ip_store(skb, e->quoted_off + offsetof(struct iphdr, saddr), &back->new_dst, 4);
	return err | ip_store(skb, e->quoted_off + offsetof(struct iphdr, daddr), &back->new_src, 4);
}

/* Likewise the quoted ports, and the quoted TCP checksum if that much of the packet is quoted. */
static __always_inline int quoted_tcp_rewrite(struct __sk_buff *skb, const struct icmp_error *e,
					      const struct tcp_start *tcp, struct icmp_sums *sums)
{
	__u32 l3 = e->icmp_off - (e->family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
	__u32 at = e->tcp_off + offsetof(struct tcphdr, check);
	__u16 check, was;
	int err = bpf_skb_store_bytes(skb, e->tcp_off, tcp, 4, 0);

	if (at + sizeof(was) - l3 > e->ip_len || bpf_skb_load_bytes(skb, at, &was, sizeof(was)) < 0)
		return err;
	check = check_change(was, sums->addresses + sums->ports);
	sums->all += (__u16)~was + check;
	return err | bpf_skb_store_bytes(skb, at, &check, sizeof(check), 0);
}

/*
 * The error becomes one from e->source, for the sender of the quoted packet, about the packet as it was sent. 0, or
 * something else: the packet cannot be written.
 */
static __noinline int icmp_rewrite(struct __sk_buff *skb, const struct icmp_error *e, const struct dt_flow *back)
{
	struct icmp_sums sums;
	struct tcp_start tcp;
	__u16 check;
	int err;

	if (!e || !back)
		return -1;
	tcp.sport_be16 = back->new_dport_be16;
	tcp.dport_be16 = back->new_sport_be16;
	sums.addresses = sum_change_ip(0, &e->back.dst, &back->new_dst, e->family);
	sums.addresses = sum_change_ip(sums.addresses, &e->back.src, &back->new_src, e->family);
	sums.ports = sum_change(0, (__u32)e->back.dport_be16 | (__u32)e->back.sport_be16 << 16,
				(__u32)tcp.sport_be16 | (__u32)tcp.dport_be16 << 16);
	sums.all = sums.addresses + sums.ports;
	err = quoted_ip_rewrite(skb, e, back, &sums);
	err |= quoted_tcp_rewrite(skb, e, &tcp, &sums);
	err |= outer_rewrite(skb, e, back, &sums);
	check = check_change(e->check, sums.all);
	err |= bpf_skb_store_bytes(skb, e->icmp_off + offsetof(struct icmp_header, check), &check, sizeof(check), 0);
	return err;
}

/* May the error go to the sender of what it quotes? f: the entry that leads there, if any. 0 or a counter. */
static __always_inline int error_admit(const struct icmp_error *e, struct dt_flow *f, const struct dt_nat_config *cfg,
				       bool tunnel, __u64 now)
{
	if (is_dead(cfg, now))
		return DT_NAT_PASS_DEAD;
	if (!f || !ip_equal(&e->to, &e->back.dst) || comes_by_tunnel(f) != tunnel)
		return DT_NAT_PASS_NO_FLOW;
	if (flow_overdue(f, cfg, now))
		return DT_NAT_PASS_EXPIRED;
	if (f->state == DT_FLOW_REFUSED)
		return DT_NAT_PASS_REFUSED;
	if (!icmp_quotes(f, e->seq))
		return DT_NAT_DROP_ICMP;
	return e->hops <= 1 ? DT_NAT_DROP_TTL : 0;
}

/*
 * A packet that packet_parse() left, with its counter. If it is an ICMP error about a packet of a flow, it goes to that
 * packet's sender.
 */
VERIFIED_ONCE int not_tcp(struct __sk_buff *skb, int counter, bool tunnel, bool l3)
{
	struct dt_nat_config *cfg;
	struct icmp_error *e;
	struct dt_flow *f;
	__u32 zero = 0;
	__u64 now;
	int err;

	cfg = bpf_map_lookup_elem(&config, &zero);
	e = bpf_map_lookup_elem(&icmp_errors, &zero);
	if (!cfg || !e)
		return TC_ACT_UNSPEC;
	if (counter == DT_NAT_PASS_TRUNCATED)
		return not_forwarded(counter, tunnel);
	err = odd_tcp(skb, counter, l3);
	if (err == DT_NAT_PASS_NOT_TCP)
		err = icmp_parse(skb, e, l3 ? 0 : ETH_HLEN);
	if (err)
		return not_forwarded(err, tunnel);
	now = bpf_ktime_get_boot_ns();
	f = bpf_map_lookup_elem(&flows, &e->back);
	err = error_admit(e, f, cfg, tunnel, now);
	if (!err)
		err = route_refresh(f, cfg);
	if (!err)
		err = rate_take(f, e->ip_len, 1, false, now);
	if (err)
		return not_forwarded(err, tunnel);
	e->source = leaves_by_tunnel(f) ? e->back.dst : f->new_src;
	if (icmp_rewrite(skb, e, f) < 0)
		return not_forwarded(DT_NAT_DROP_ERROR, tunnel);
	count(DT_NAT_FORWARDED_ICMP);
	return send(skb, f->oif, leaves_by_tunnel(f), l3);
}
#endif
