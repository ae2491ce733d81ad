/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The client's end of a tunnel, at TC ingress of the WireGuard device. A relay can send anything through it, and what this
 * host serves at 0.0.0.0 or :: would answer. Only this comes in: TCP to a connection that this host has opened from the
 * tunnel's address, and ICMP errors about one. A SYN that would begin a connection never does. All else is dropped and
 * counted.
 *
 * Packets have no link-layer header. They are read by bpf_skb_load_bytes(), as they may be aggregated.
 */
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/pkt_cls.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "detourd/maps.h"

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define IPV4_HLEN 20
#define IPV6_HLEN 40
#define ICMP_HLEN 8
#define IPPROTO_ICMPV6 58
#define ICMPV6_PARAMETER_PROBLEM 4

#define TCP_SYN 0x02
#define TCP_ACK 0x10

const volatile struct dt_ip address4, address6; /* this host's in the tunnel; zeroes: it has none of the family */
__u64 dropped;

struct ports {
	__be16 source, dest;
};

/* What IP says: the addresses, and where the next header begins. */
struct ends {
	struct dt_ip src, dst;
	__u32 next_at;
	__u8 protocol;
};

static __always_inline bool ip_equal(const struct dt_ip *a, const volatile struct dt_ip *b)
{
	return a->w[0] == b->w[0] && a->w[1] == b->w[1] && a->w[2] == b->w[2] && a->w[3] == b->w[3];
}

static __always_inline bool v4_parse(struct __sk_buff *skb, __u32 at, struct ends *out)
{
	__u8 h[IPV4_HLEN];

	/* without options; fragments only as quoted by errors are ever seen, and those begin at 0 */
	if (bpf_skb_load_bytes(skb, at, h, sizeof(h)) < 0 || h[0] != 0x45 || (h[6] & 0x1f) || h[7])
		return false;
	out->src.w[2] = out->dst.w[2] = bpf_htonl(0xffff);
	__builtin_memcpy(&out->src.w[3], h + 12, 4);
	__builtin_memcpy(&out->dst.w[3], h + 16, 4);
	out->protocol = h[9];
	out->next_at = at + IPV4_HLEN;
	return true;
}

static __always_inline bool v6_parse(struct __sk_buff *skb, __u32 at, struct ends *out)
{
	__u8 h[IPV6_HLEN];

	if (bpf_skb_load_bytes(skb, at, h, sizeof(h)) < 0 || h[0] >> 4 != 6)
		return false;
	__builtin_memcpy(&out->src, h + 8, 16);
	__builtin_memcpy(&out->dst, h + 24, 16);
	out->protocol = h[6];
	out->next_at = at + IPV6_HLEN;
	return true;
}

static __always_inline bool ip_parse(struct __sk_buff *skb, __u32 at, bool v4, struct ends *out)
{
	__builtin_memset(out, 0, sizeof(*out));
	return v4 ? v4_parse(skb, at, out) : v6_parse(skb, at, out);
}

/* Is there a connection between these ends, ours first, that this host has opened? */
static __always_inline bool is_open(struct __sk_buff *skb, bool v4, const struct dt_ip *local,
				    const struct dt_ip *remote, __be16 lport, __be16 rport)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;
	__u32 state;

	if (!ip_equal(local, v4 ? &address4 : &address6))
		return false;
	if (v4) {
		tuple.ipv4.saddr = remote->w[3];
		tuple.ipv4.daddr = local->w[3];
		tuple.ipv4.sport = rport;
		tuple.ipv4.dport = lport;
	} else {
		__builtin_memcpy(tuple.ipv6.saddr, remote, 16);
		__builtin_memcpy(tuple.ipv6.daddr, local, 16);
		tuple.ipv6.sport = rport;
		tuple.ipv6.dport = lport;
	}
	sk = bpf_skc_lookup_tcp(skb, &tuple, v4 ? sizeof(tuple.ipv4) : sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return false;
	state = sk->state;
	bpf_sk_release(sk);
	/* SYN_RECV and NEW_SYN_RECV would be the answer to a SYN that came in */
	return state != BPF_TCP_LISTEN && state != BPF_TCP_SYN_RECV && state != BPF_TCP_NEW_SYN_RECV &&
	       state != BPF_TCP_CLOSE;
}

static __always_inline bool tcp_passes(struct __sk_buff *skb, bool v4, const struct ends *e)
{
	struct ports ports;
	__u8 flags;

	if (bpf_skb_load_bytes(skb, e->next_at, &ports, sizeof(ports)) < 0 ||
	    bpf_skb_load_bytes(skb, e->next_at + 13, &flags, 1) < 0)
		return false;
	if ((flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		return false;
	return is_open(skb, v4, &e->dst, &e->src, ports.dest, ports.source);
}

static __always_inline bool is_error(bool v4, __u8 type)
{
	if (v4)
		return type == 3 || type == 11 || type == 12;
	return type >= 1 && type <= ICMPV6_PARAMETER_PROBLEM;
}

static __always_inline bool icmp_passes(struct __sk_buff *skb, bool v4, const struct ends *e)
{
	struct ends quoted;
	struct ports ports;
	__u8 type;

	if (bpf_skb_load_bytes(skb, e->next_at, &type, 1) < 0 || !is_error(v4, type))
		return false;
	if (!ip_parse(skb, e->next_at + ICMP_HLEN, v4, &quoted) || quoted.protocol != IPPROTO_TCP ||
	    !ip_equal(&e->dst, &quoted.src))
		return false;
	if (bpf_skb_load_bytes(skb, quoted.next_at, &ports, sizeof(ports)) < 0)
		return false;
	return is_open(skb, v4, &quoted.src, &quoted.dst, ports.source, ports.dest);
}

static __always_inline bool passes(struct __sk_buff *skb)
{
	bool v4 = skb->protocol == bpf_htons(ETH_P_IP);
	struct ends e;

	if ((!v4 && skb->protocol != bpf_htons(ETH_P_IPV6)) || !ip_parse(skb, 0, v4, &e))
		return false;
	if (e.protocol == IPPROTO_TCP)
		return tcp_passes(skb, v4, &e);
	return e.protocol == (v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) && icmp_passes(skb, v4, &e);
}

SEC("tc")
int tunnel(struct __sk_buff *skb)
{
	if (passes(skb))
		return TC_ACT_UNSPEC;
	__sync_fetch_and_add(&dropped, 1);
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "GPL";
