/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A middlebox that does not know MPTCP, for tests; at TC, for IPv4 and IPv6 without extension headers:
 *     strip       overwrites MPTCP options with no-operation options
 *     strip_late  the same, but lets SYNs keep them
 *     drop_syn    drops SYNs that carry one
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define PROTO_TCP 6
#define TCP_LEN 20
#define OPTIONS_MAX 40
#define CSUM_AT 16
#define OPT_END 0
#define OPT_NOP 1
#define OPT_MPTCP 30
#define SYN 0x02

struct options {
	__u32 tcp; /* where the TCP header is */
	__u32 len;
	__u8 bytes[OPTIONS_MAX];
	__u8 flags;
};

static __always_inline bool options_read(struct __sk_buff *skb, struct options *o)
{
	__u8 ip[2], proto, doff;
	__u32 at = ETH_HLEN;

	if (bpf_skb_load_bytes(skb, at, ip, 1) < 0)
		return false;
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, at + 9, &proto, 1) < 0)
			return false;
		at += (ip[0] & 15) * 4;
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		if (bpf_skb_load_bytes(skb, at + 6, &proto, 1) < 0)
			return false;
		at += 40;
	} else {
		return false;
	}
	if (proto != PROTO_TCP || bpf_skb_load_bytes(skb, at + 12, &doff, 1) < 0 ||
	    bpf_skb_load_bytes(skb, at + 13, &o->flags, 1) < 0)
		return false;
	o->tcp = at;
	o->len = doff >> 4 > 5 ? (doff >> 4) * 4 - TCP_LEN : 0;
	/* in words: verifiers want constant lengths */
	for (__u32 i = 0; i < OPTIONS_MAX && i < o->len; i += 4)
		if (bpf_skb_load_bytes(skb, at + TCP_LEN + i, o->bytes + i, 4) < 0)
			return false;
	return true;
}

static __always_inline bool options_write(struct __sk_buff *skb, const struct options *o)
{
	for (__u32 i = 0; i < OPTIONS_MAX && i < o->len; i += 4)
		if (bpf_skb_store_bytes(skb, o->tcp + TCP_LEN + i, o->bytes + i, 4, 0) < 0)
			return false;
	return true;
}

/* True if there was one. */
static __always_inline bool mptcp_blank(struct options *o)
{
	__u32 left = 0; /* of the current option */
	bool blank = false, any = false;

	for (__u32 i = 0; i < OPTIONS_MAX; i++) {
		if (i >= o->len)
			break;
		if (left == 0) {
			if (o->bytes[i] == OPT_END)
				break;
			blank = o->bytes[i] == OPT_MPTCP;
			any = any || blank;
			left = o->bytes[i] == OPT_NOP || i + 1 >= OPTIONS_MAX ? 1 : o->bytes[i + 1];
			if (left == 0)
				break;
		}
		if (blank)
			o->bytes[i] = OPT_NOP;
		left--;
	}
	return any;
}

static __always_inline int strip(struct __sk_buff *skb, bool syns)
{
	struct options was = {}, now;
	__s64 diff;

	if (!options_read(skb, &was) || (!syns && was.flags & SYN))
		return TC_ACT_OK;
	now = was;
	if (!mptcp_blank(&now))
		return TC_ACT_OK;
	diff = bpf_csum_diff((__be32 *)was.bytes, OPTIONS_MAX, (__be32 *)now.bytes, OPTIONS_MAX, 0);
	if (!options_write(skb, &now) || bpf_l4_csum_replace(skb, now.tcp + CSUM_AT, 0, diff, 0) < 0)
		return TC_ACT_SHOT;
	return TC_ACT_OK;
}

SEC("strip")
int box_strip(struct __sk_buff *skb)
{
	return strip(skb, true);
}

SEC("strip_late")
int box_strip_late(struct __sk_buff *skb)
{
	return strip(skb, false);
}

SEC("drop_syn")
int box_drop_syn(struct __sk_buff *skb)
{
	struct options o = {};

	if (!options_read(skb, &o) || !(o.flags & SYN) || !mptcp_blank(&o))
		return TC_ACT_OK;
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "GPL";
