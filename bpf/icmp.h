/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP errors (RFC 792, RFC 4443): what both kinds that leave here have in common. icmp_translate.h rewrites those that
 * came for a packet of a flow, icmp_answer.h makes those that a router would send. The source is always an address of
 * the relay's own.
 */
#ifndef DETOURD_BPF_ICMP_H
#define DETOURD_BPF_ICMP_H

#include "parse.h"

#define ICMP_UNREACHABLE 3
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER 12
#define ICMP_FRAG_NEEDED 4 /* code of ICMP_UNREACHABLE */
#define ICMP6_TOO_BIG 2
#define ICMP6_TIME_EXCEEDED 3
#define ICMP6_PARAMETER 4

struct icmp_header {
	__u8 type;
	__u8 code;
	__u16 check;
	__u32 rest_be32; /* the MTU: in the lower half of a "fragmentation needed", in all of a "packet too big" */
};

/* The part of a TCP header that every error quotes. */
struct tcp_start {
	__u16 sport_be16;
	__u16 dport_be16;
	__u32 seq_be32;
};

/* An error from its IP header on, with the quoted packet's headers. */
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

#endif
