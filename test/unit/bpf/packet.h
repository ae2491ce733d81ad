/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Builds and reads Ethernet frames with TCP for tests of nat.bpf. */
#ifndef TEST_BPF_PACKET_H
#define TEST_BPF_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define PSH 0x08
#define ACK 0x10

enum option_kind {
	OPT_NONE,
	OPT_MSS,	 /* MSS alone */
	OPT_JOIN_SYN,	 /* MSS, SACK, timestamps, window scale, MP_JOIN of 12 bytes */
	OPT_JOIN_SYNACK, /* the same with MP_JOIN of 16 bytes */
	OPT_JOIN_ACK,	 /* MP_JOIN of 24 bytes, RFC 8684 figure 7 */
	OPT_CAPABLE,	 /* MP_CAPABLE */
	OPT_JOIN_SHORT,	 /* MP_JOIN of 11 bytes */
	OPT_JOIN_LAST,	 /* MP_JOIN behind the end-of-options */
	OPT_JOIN_CUT,	 /* MP_JOIN whose length goes beyond the header */
	OPT_ZERO_LEN,	 /* an option of length 0 before MP_JOIN */
	OPT_MSS_ODD,	 /* MSS at an odd offset, and MP_JOIN */
	OPT_JOIN_NO_MSS, /* MP_JOIN alone */
};

struct packet_spec {
	unsigned family; /* 4 or 6 */
	const char *src, *dst;
	uint16_t sport, dport;
	uint8_t flags;
	enum option_kind options;
	uint16_t mss;
	uint8_t hops;
	uint16_t payload;
	uint32_t seq, ack;
	uint16_t window;
};

/* An ICMP error that quotes a packet. */
struct icmp_spec {
	const char *src, *dst;
	uint8_t type, code;
	uint32_t rest; /* the second word of the ICMP header, host order */
	uint8_t hops;
	struct packet_spec quoted;
	uint16_t quoted_tcp; /* bytes of the quoted packet behind its IP header */
};

struct packet_seen {
	unsigned family;
	char src[46], dst[46];
	uint16_t sport, dport;
	uint8_t flags;
	uint8_t hops;
	uint16_t mss; /* 0: no such option */
	bool ip_sum_ok, tcp_sum_ok;
	size_t payload;
	uint32_t payload_hash;
};

struct icmp_seen {
	char src[46], dst[46];
	uint8_t type, code;
	uint32_t rest;
	uint8_t hops;
	bool ip_sum_ok, icmp_sum_ok;
	struct packet_seen quoted; /* as much as is quoted */
	uint32_t quoted_seq;
};

/* The length of the TCP header with options. */
unsigned packet_tcp_len(const struct packet_spec *spec);
/* Returns the frame's length. out holds 2048 bytes. */
size_t packet_build(const struct packet_spec *spec, uint8_t *out);
/* False if it is not a TCP frame. */
bool packet_read(const uint8_t *frame, size_t len, struct packet_seen *out);
size_t icmp_build(const struct icmp_spec *spec, uint8_t *out);
/* False if it is not an ICMP error that quotes TCP. */
bool icmp_read(const uint8_t *frame, size_t len, struct icmp_seen *out);

#endif
