/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.bpf, packet by packet. Packets that are not ours, and damaged ones. */
#include <string.h>

#include "bpf/story.h"

/* clang-format off */
static void fragment_later(uint8_t *frame, size_t *len, unsigned family) { frame[14 + 7] = 0x08; }
static void fragment6(uint8_t *frame, size_t *len, unsigned family) { frame[14 + 6] = 44; }
static void icmp(uint8_t *frame, size_t *len, unsigned family) { frame[14 + (family == 4 ? 9 : 6)] = family == 4 ? 1 : 58; }
static void hop_by_hop(uint8_t *frame, size_t *len, unsigned family) { frame[14 + 6] = 0; }
static void routing_header(uint8_t *frame, size_t *len, unsigned family) { frame[14 + 6] = 43; }
static void arp(uint8_t *frame, size_t *len, unsigned family) { frame[12] = 0x08; frame[13] = 0x06; }
static void wrong_version(uint8_t *frame, size_t *len, unsigned family) { frame[14] = (uint8_t)(0x50 | (frame[14] & 15)); }
static void ip_options(uint8_t *frame, size_t *len, unsigned family) { frame[14] = 0x46; }
static void ihl_short(uint8_t *frame, size_t *len, unsigned family) { frame[14] = 0x44; }
static void cut_tcp(uint8_t *frame, size_t *len, unsigned family) { *len = 14 + (family == 4 ? 20 : 40) + 12; }
static void longer_than_it_is(uint8_t *frame, size_t *len, unsigned family)
{
	frame[14 + (family == 4 ? 2 : 4)] = 0x20;
}
static void shorter_than_headers(uint8_t *frame, size_t *len, unsigned family)
{
	uint16_t total = family == 4 ? 30 : 10;

	frame[14 + (family == 4 ? 2 : 4)] = 0;
	frame[14 + (family == 4 ? 3 : 5)] = (uint8_t)total;
}
static void doff_small(uint8_t *frame, size_t *len, unsigned family) { frame[14 + (family == 4 ? 20 : 40) + 12] = 0x40; }
static void doff_large(uint8_t *frame, size_t *len, unsigned family) { frame[14 + (family == 4 ? 20 : 40) + 12] = 0xf0; }
static void padded(uint8_t *frame, size_t *len, unsigned family) { memset(frame + *len, 0, 6); *len += 6; }
static void mapped_source(uint8_t *frame, size_t *len, unsigned family)
{
	memset(frame + 14 + 8, 0, 10);
	memset(frame + 14 + 18, 0xff, 2);
}

const struct row parse_rows[] = {
	{"UDP", {up(SYN, OPT_JOIN_SYN, pass(NOT_TCP), .damage = udp)}, 0},
	{"ICMP", {up(SYN, OPT_JOIN_SYN, pass(NOT_TCP), .damage = icmp)}, 0},
	{"ARP", {up(SYN, OPT_JOIN_SYN, pass(NOT_TCP), .damage = arp)}, 0},
	{"a wrong version", {up(SYN, OPT_JOIN_SYN, pass(NOT_TCP), .damage = wrong_version)}, 0},
	{"the first fragment", {JOINED, up(ACK, OPT_NONE, pass(FRAGMENT), .payload = 64, .damage = fragment)}, 2, 4},
	{"a later fragment", {JOINED, up(ACK, OPT_NONE, pass(FRAGMENT), .payload = 64, .damage = fragment_later)}, 2, 4},
	{"an IPv6 fragment", {JOINED, up(ACK, OPT_NONE, pass(FRAGMENT), .payload = 64, .damage = fragment6)}, 2, 6},
	{"IP options", {JOINED, up(ACK, OPT_NONE, pass(OPTIONS), .payload = 64, .damage = ip_options)}, 2, 4},
	{"hop-by-hop options", {JOINED, up(ACK, OPT_NONE, pass(NOT_TCP), .damage = hop_by_hop)}, 2, 6},
	{"a routing header", {JOINED, up(ACK, OPT_NONE, pass(NOT_TCP), .damage = routing_header)}, 2, 6},
	{"v4-mapped on the wire", {up(SYN, OPT_JOIN_SYN, pass(NOT_TCP), .damage = mapped_source)}, 0, 6},
	{"a header length of 4", {up(SYN, OPT_JOIN_SYN, pass(TRUNCATED), .damage = ihl_short)}, 0, 4},
	{"a cut TCP header", {JOINED, up(ACK, OPT_NONE, pass(TRUNCATED), .payload = 10, .damage = cut_tcp)}, 2},
	{"longer than it is", {JOINED, up(ACK, OPT_NONE, pass(TRUNCATED), .damage = longer_than_it_is)}, 2},
	{"shorter than its headers", {JOINED, up(ACK, OPT_NONE, pass(TRUNCATED), .damage = shorter_than_headers)}, 2},
	{"a data offset of 4", {JOINED, up(ACK, OPT_NONE, pass(TRUNCATED), .damage = doff_small)}, 2},
	{"a data offset beyond the end", {JOINED, up(ACK, OPT_NONE, pass(TRUNCATED), .damage = doff_large)}, 2},
	{"padded to the least frame", {JOINED, up(ACK, OPT_NONE, forward, .damage = padded)}, 2},
	{NULL},
};
/* clang-format on */
