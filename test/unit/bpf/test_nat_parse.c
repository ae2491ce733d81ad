/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.bpf, packet by packet. Packets that are not for the relay's NAT, and damaged ones. */
#include <string.h>

#include "bpf/story.h"

/* clang-format off */
static void fragment_later(uint8_t *frame, size_t *len, unsigned family) { frame[14 + 7] = 0x08; }
static void fragment6(uint8_t *frame, size_t *len, unsigned family) { frame[14 + 6] = 44; }
/* Inserts len bytes behind the IP header, as an IPv4 option or an IPv6 extension header of this number. */
static void insert(uint8_t *frame, size_t *len, unsigned family, uint8_t number, const uint8_t *bytes, size_t count)
{
	size_t at = 14 + (family == 4 ? 20 : 40), length_at = 14 + (family == 4 ? 2 : 4), stated;

	memmove(frame + at + count, frame + at, *len - at);
	memcpy(frame + at, bytes, count);
	*len += count;
	stated = (size_t)(frame[length_at] << 8 | frame[length_at + 1]) + count;
	frame[length_at] = (uint8_t)(stated >> 8);
	frame[length_at + 1] = (uint8_t)stated;
	if (family == 4)
		frame[14] += (uint8_t)(count / 4);
	else
		frame[14 + 6] = number;
}
static void with_options(uint8_t *frame, size_t *len, unsigned family)
{
	insert(frame, len, family, 0, (const uint8_t[]){1, 1, 1, 0}, 4);
}
static void options_most(uint8_t *frame, size_t *len, unsigned family)
{
	insert(frame, len, family, 0, (const uint8_t[40]){1}, 40);
}
static void options_fragment(uint8_t *frame, size_t *len, unsigned family)
{
	with_options(frame, len, family);
	fragment(frame, len, family);
}
static void options_udp(uint8_t *frame, size_t *len, unsigned family)
{
	with_options(frame, len, family);
	udp(frame, len, family);
}
/* next: 6 for TCP; what follows is padding, or in a fragment header: offset 0, more fragments */
static void extend(uint8_t *frame, size_t *len, uint8_t number, uint8_t next)
{
	insert(frame, len, 6, number, (const uint8_t[]){next, 0, number == 44 ? 0 : 1, number == 44 ? 1 : 4, 0, 0, 0, 0}, 8);
}
static void with_hop_by_hop(uint8_t *frame, size_t *len, unsigned family) { extend(frame, len, 0, 6); }
static void with_routing(uint8_t *frame, size_t *len, unsigned family) { extend(frame, len, 43, 6); }
static void with_destination(uint8_t *frame, size_t *len, unsigned family) { extend(frame, len, 60, 6); }
static void with_mobility(uint8_t *frame, size_t *len, unsigned family) { extend(frame, len, 135, 6); }
static void with_authentication(uint8_t *frame, size_t *len, unsigned family)
{
	insert(frame, len, 6, 51, (const uint8_t[24]){6, 4}, 24);
}
static void with_udp_behind(uint8_t *frame, size_t *len, unsigned family) { extend(frame, len, 0, 17); }
static void with_fragment(uint8_t *frame, size_t *len, unsigned family) { extend(frame, len, 44, 6); }
static void with_later_fragment(uint8_t *frame, size_t *len, unsigned family)
{
	with_fragment(frame, len, family);
	frame[14 + 40 + 2] = 1;
}
static void with_chain(uint8_t *frame, size_t *len, unsigned family)
{
	with_destination(frame, len, family);
	extend(frame, len, 44, 60);
	extend(frame, len, 0, 44);
}
static void with_endless_chain(uint8_t *frame, size_t *len, unsigned family)
{
	with_destination(frame, len, family);
	for (int i = 0; i < 8; i++)
		extend(frame, len, 60, 60);
}
static void other_address(uint8_t *frame, unsigned family) { frame[14 + (family == 4 ? 19 : 39)]++; }
static void fragment_elsewhere(uint8_t *frame, size_t *len, unsigned family)
{
	if (family == 4)
		fragment(frame, len, family);
	else
		with_fragment(frame, len, family);
	other_address(frame, family);
}
static void options_elsewhere(uint8_t *frame, size_t *len, unsigned family)
{
	with_options(frame, len, family);
	other_address(frame, family);
}
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
static void length_zero(uint8_t *frame, size_t *len, unsigned family)
{
	memset(frame + 14 + (family == 4 ? 2 : 4), 0, 2);
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
	{"UDP", {from_client(SYN, OPT_JOIN_SYN, passed(NOT_TCP), .damage = udp)}, .flows_left = 0},
	{"ICMP", {from_client(SYN, OPT_JOIN_SYN, passed(NOT_TCP), .damage = icmp)}, .flows_left = 0},
	{"ARP", {from_client(SYN, OPT_JOIN_SYN, passed(NOT_TCP), .damage = arp)}, .flows_left = 0},
	{"another IP version", {from_client(SYN, OPT_JOIN_SYN, passed(NOT_TCP), .damage = wrong_version)}, .flows_left = 0},
	{"the first fragment", {JOINED, from_client(ACK, OPT_NONE, dropped(FRAGMENT), .payload = 64, .damage = fragment)}, .flows_left = 1, .family = 4},
	{"the first fragment from the server", {JOINED, from_server(ACK, OPT_NONE, dropped(FRAGMENT), .payload = 64, .damage = fragment)}, .flows_left = 1, .family = 4},
	{"the first fragment to another port", {from_client(ACK, OPT_NONE, passed(FRAGMENT), .payload = 64, .lease_port = 22, .damage = fragment)}, .flows_left = 0, .family = 4},
	{"the first fragment to another address", {JOINED, from_client(ACK, OPT_NONE, passed(FRAGMENT), .payload = 64, .damage = fragment_elsewhere)}, .flows_left = 1},
	{"a fragment with options", {JOINED, from_client(ACK, OPT_NONE, dropped(FRAGMENT), .payload = 64, .damage = options_fragment)}, .flows_left = 1, .family = 4},
	{"the first IPv6 fragment", {JOINED, from_client(ACK, OPT_NONE, dropped(FRAGMENT), .payload = 64, .damage = with_fragment), from_server(ACK, OPT_NONE, dropped(FRAGMENT), .payload = 64, .damage = with_fragment)}, .flows_left = 1, .family = 6},
	{"the first IPv6 fragment to another port", {from_client(ACK, OPT_NONE, passed(FRAGMENT), .payload = 64, .lease_port = 22, .damage = with_fragment)}, .flows_left = 0, .family = 6},
	{"a later IPv6 fragment", {JOINED, from_client(ACK, OPT_NONE, passed(FRAGMENT), .payload = 64, .damage = with_later_fragment)}, .flows_left = 1, .family = 6},
	{"an IPv6 fragment in a chain", {JOINED, from_client(ACK, OPT_NONE, dropped(FRAGMENT), .payload = 64, .damage = with_chain)}, .flows_left = 1, .family = 6},
	{"a later fragment", {JOINED, from_client(ACK, OPT_NONE, passed(FRAGMENT), .payload = 64, .damage = fragment_later)}, .flows_left = 1, .family = 4},
	{"an IPv6 fragment", {JOINED, from_client(ACK, OPT_NONE, passed(FRAGMENT), .payload = 64, .damage = fragment6)}, .flows_left = 1, .family = 6},
	{"IP options", {JOINED, from_client(ACK, OPT_NONE, dropped(OPTIONS), .payload = 64, .damage = with_options), from_server(ACK, OPT_NONE, dropped(OPTIONS), .payload = 64, .damage = options_most)}, .flows_left = 1, .family = 4},
	{"IP options in a SYN", {from_client(SYN, OPT_JOIN_SYN, dropped(OPTIONS), .damage = with_options)}, .flows_left = 0, .family = 4},
	{"IP options to another port", {JOINED, from_client(ACK, OPT_NONE, passed(OPTIONS), .payload = 64, .damage = ip_options), from_client(ACK, OPT_NONE, passed(OPTIONS), .lease_port = 22, .damage = with_options)}, .flows_left = 1, .family = 4},
	{"IP options to another address", {JOINED, from_client(ACK, OPT_NONE, passed(OPTIONS), .damage = options_elsewhere)}, .flows_left = 1, .family = 4},
	{"IP options before UDP", {from_client(ACK, OPT_NONE, passed(NOT_TCP), .damage = options_udp)}, .flows_left = 0, .family = 4},
	{"extension headers", {JOINED, from_client(ACK, OPT_NONE, dropped(OPTIONS), .damage = with_hop_by_hop), from_client(ACK, OPT_NONE, dropped(OPTIONS), .damage = with_routing), from_client(ACK, OPT_NONE, dropped(OPTIONS), .damage = with_destination), from_server(ACK, OPT_NONE, dropped(OPTIONS), .damage = with_mobility), from_server(ACK, OPT_NONE, dropped(OPTIONS), .damage = with_authentication)}, .flows_left = 1, .family = 6},
	{"extension headers to another port", {from_client(ACK, OPT_NONE, passed(NOT_TCP), .lease_port = 22, .damage = with_hop_by_hop)}, .flows_left = 0, .family = 6},
	{"extension headers before UDP", {from_client(ACK, OPT_NONE, passed(NOT_TCP), .damage = with_udp_behind)}, .flows_left = 0, .family = 6},
	{"more extension headers than anybody sends", {from_client(ACK, OPT_NONE, dropped(OPTIONS), .damage = with_endless_chain)}, .flows_left = 0, .family = 6},
	{"hop-by-hop options", {JOINED, from_client(ACK, OPT_NONE, passed(NOT_TCP), .damage = hop_by_hop)}, .flows_left = 1, .family = 6},
	{"a routing header", {JOINED, from_client(ACK, OPT_NONE, passed(NOT_TCP), .damage = routing_header)}, .flows_left = 1, .family = 6},
	{"v4-mapped on the wire", {from_client(SYN, OPT_JOIN_SYN, passed(NOT_TCP), .damage = mapped_source)}, .flows_left = 0, .family = 6},
	{"a header length of 4", {from_client(SYN, OPT_JOIN_SYN, passed(TRUNCATED), .damage = ihl_short)}, .flows_left = 0, .family = 4},
	{"a cut TCP header", {JOINED, from_client(ACK, OPT_NONE, passed(TRUNCATED), .payload = 10, .damage = cut_tcp)}, .flows_left = 1},
	{"a length beyond the end of the packet", {JOINED, from_client(ACK, OPT_NONE, passed(TRUNCATED), .damage = longer_than_it_is)}, .flows_left = 1},
	{"a length shorter than the headers", {JOINED, from_client(ACK, OPT_NONE, passed(TRUNCATED), .damage = shorter_than_headers)}, .flows_left = 1},
	{"a length of 0 without being an aggregate", {JOINED, from_client(ACK, OPT_NONE, passed(TRUNCATED), .damage = length_zero)}, .flows_left = 1},
	{"a data offset of 4", {JOINED, from_client(ACK, OPT_NONE, passed(TRUNCATED), .damage = doff_small)}, .flows_left = 1},
	{"a data offset beyond the end", {JOINED, from_client(ACK, OPT_NONE, passed(TRUNCATED), .damage = doff_large)}, .flows_left = 1},
	{"padded to the minimum frame", {JOINED, from_client(ACK, OPT_NONE, forwarded, .damage = padded)}, .flows_left = 1},
	{NULL},
};
/* clang-format on */
