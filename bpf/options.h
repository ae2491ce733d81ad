/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading the TCP options of a SYN: MSS, window scale, MP_JOIN. */
#ifndef DETOURD_BPF_OPTIONS_H
#define DETOURD_BPF_OPTIONS_H

#include "parse.h"

#define TCP_OPTION_MSS 2
#define TCP_OPTION_WSCALE 3
#define TCP_OPTION_MPTCP 30
#define WSCALE_MAX 14  /* RFC 7323, section 2.3 */
#define WSCALE_NONE 16 /* above WSCALE_MAX; its lower four bits are zero, so that they shift by nothing */
#define TCP_OPTIONS_MAX 40
#define MPTCP_SUBTYPE_JOIN 1 /* RFC 8684, section 3.2 */
#define MP_JOIN_SYN_LEN 12
#define MP_JOIN_SYNACK_LEN 16

struct options {
	__u32 off; /* of the option that comes next in b */
	__u32 len; /* of all options */
	/* what was found, as in struct packet: */
	__u32 mss_off;
	__u32 join_len;
	__u16 mss;
	__u8 wscale;
	__u8 b[TCP_OPTIONS_MAX + 6];
};

/* Reads one option (a callback of bpf_loop). 1: that was the last, or the rest cannot be read. */
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

/* False: a helper failed. Options of a wrong form count as absent. */
VERIFIED_ONCE bool options_parse(struct __sk_buff *skb, struct packet *p)
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
	 * The length of the options is a multiple of 4, so "less than 4" means "none", and after this comparison Linux
	 * 6.1's verifier knows that len is not zero below. Without the barrier clang compares what is left after the
	 * subtraction, which may be negative, and 7.3's verifier then forgets that it is not zero.
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
