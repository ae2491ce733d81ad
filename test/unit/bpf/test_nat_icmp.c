/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.bpf, packet by packet. ICMP errors: those that the relay makes, and those that it translates. */
#include <criterion/criterion.h>
#include <linux/pkt_cls.h>

#include "base/clock.h"
#include "bpf/fixture.h"
#include "bpf/story.h"

/* clang-format off */
static void small_mtu_now(struct scene *s, unsigned family)
{
	small_mtu(s, family);
	s->config.route_generation++;
	scene_config_store(s);
}
static void small_tunnel_soon(struct scene *s, unsigned family)
{
	s->config.tunnel_mtu = SMALL_TUNNEL_MTU;
	scene_config_store(s);
}
static void small_tunnel(struct scene *s, unsigned family)
{
	s->config.route_generation++;
	small_tunnel_soon(s, family);
}

static void longer_than_it_is(uint8_t *frame, size_t *len, unsigned family) { frame[14 + (family == 4 ? 2 : 4)] = 0x20; }
static void shorter_than_headers(uint8_t *frame, size_t *len, unsigned family)
{
	frame[14 + (family == 4 ? 2 : 4)] = 0;
	frame[14 + (family == 4 ? 3 : 5)] = 50;
}
static void quoted_too_short(uint8_t *frame, size_t *len, unsigned family)
{
	size_t quoted = 14 + (family == 4 ? 20 : 40) + 8;

	frame[quoted + (family == 4 ? 2 : 4)] = 0;
	frame[quoted + (family == 4 ? 3 : 5)] = family == 4 ? 39 : 19;
}

const struct row icmp_rows[] = {
	/* path MTU */
	{"too big for the way to the server", {JOINED, call(small_mtu_now), from_client(ACK, OPT_NONE, answered(TOO_BIG), .payload = 1400, TOO_BIG(SMALL_MTU)), from_client(ACK, OPT_NONE, forwarded, .payload = 1300)}, .flows_left = 1},
	{"too big for the way to the client", {JOINED, call(small_mtu_now), from_server(ACK, OPT_NONE, answered(TOO_BIG), .payload = 1400, TOO_BIG(SMALL_MTU)), from_server(ACK, OPT_NONE, forwarded, .payload = 1300)}, .flows_left = 1},
	{"an aggregate of segments too big", {JOINED, call(small_mtu_now), from_client(ACK, OPT_NONE, answered(TOO_BIG), .payload = 1940, .gso_size = 1380, .gso_segs = 2, TOO_BIG(SMALL_MTU)), from_client(ACK, OPT_NONE, forwarded, .payload = 1800, .gso_size = 900, .gso_segs = 2)}, .flows_left = 1},
	{"too big for the tunnel", {JOINED_BY_TUNNEL, call(small_tunnel), from_server(ACK, OPT_NONE, answered(TOO_BIG), .payload = 1400, TOO_BIG(SMALL_TUNNEL_MTU)), from_server(ACK, OPT_NONE, forwarded, .payload = 1350)}, .flows_left = 1},
	{"too big from the tunnel", {JOINED_BY_TUNNEL, call(small_mtu_now), call(interface_is_tunnel), from_tunnel(ACK, OPT_NONE, answered(TOO_BIG), .payload = 1380, TOO_BIG(SMALL_MTU))}, .flows_left = 1},
	{"MSS is clamped for a tunnel", {call(small_tunnel_soon), call(interface_is_tunnel), from_tunnel(SYN, OPT_JOIN_SYN, forwarded, .mss_fits = SMALL_TUNNEL_MTU), call(interface_is_uplink), from_server(SYN | ACK, OPT_JOIN_SYNACK, forwarded, .mss_fits = SMALL_TUNNEL_MTU)}, .flows_left = 1},
	/* ICMP errors */
	{"packet too big behind the relay", {JOINED, from_client(ACK, OPT_NONE, forwarded, .payload = 1400), error_to_client(forwarded, .payload = 1400, .seq_add = -1400, TOO_BIG(1300))}, .flows_left = 1},
	{"packet too big before the relay", {JOINED, from_server(ACK, OPT_NONE, forwarded, .payload = 1400), error_to_server(forwarded, .payload = 1400, .seq_add = -1400, TOO_BIG(1300))}, .flows_left = 1},
	{"eight bytes of TCP quoted", {JOINED, from_client(ACK, OPT_NONE, forwarded, .payload = 1400), error_to_client(forwarded, .payload = 1400, .seq_add = -1400, TOO_BIG(1300, .quoted_tcp = 8)), from_server(ACK, OPT_NONE, forwarded, .payload = 500), error_to_server(forwarded, .payload = 500, .seq_add = -500, UNREACHABLE(.quoted_tcp = 8))}, .flows_left = 1},
	{"seventeen bytes of TCP quoted", {JOINED, from_client(ACK, OPT_NONE, forwarded, .payload = 1400), error_to_client(forwarded, .payload = 1400, .seq_add = -1400, TOO_BIG(1300, .quoted_tcp = 17))}, .flows_left = 1},
	{"an odd quote", {JOINED, from_client(ACK, OPT_NONE, forwarded, .payload = 1401), error_to_client(forwarded, .payload = 1401, .seq_add = -1401, TOO_BIG(1300, .quoted_tcp = 555))}, .flows_left = 1},
	{"unreachable answers a SYN", {from_client(SYN, OPT_JOIN_SYN, forwarded), error_to_client(forwarded, .seq_add = -1, UNREACHABLE(.quoted_tcp = 20))}, .flows_left = 1},
	{"time exceeded for a SYN", {from_client(SYN, OPT_JOIN_SYN, forwarded), error_to_client(forwarded, .seq_add = -1, TIME_EXCEEDED(.quoted_tcp = 8))}, .flows_left = 1},
	{"an error about another SYN", {from_client(SYN, OPT_JOIN_SYN, forwarded), error_to_client(dropped(ICMP), .seq_add = 5, UNREACHABLE(.quoted_tcp = 20))}, .flows_left = 1},
	{"an error about what was not sent", {JOINED, error_to_client(dropped(ICMP), .seq_add = 1, TOO_BIG(576)), error_to_server(dropped(ICMP), .seq_add = 70000, UNREACHABLE())}, .flows_left = 1},
	{"an error about what was sent long ago", {JOINED, error_to_client(dropped(ICMP), .seq_add = -0x4000000, TOO_BIG(576))}, .flows_left = 1},
	{"an error about no flow", {error_to_client(passed(NO_FLOW), TOO_BIG(576))}, .flows_left = 0},
	{"an error for another address", {JOINED, from_client(ACK, OPT_NONE, forwarded, .payload = 9), error_to_client(passed(NO_FLOW), .seq_add = -9, UNREACHABLE(.elsewhere = true))}, .flows_left = 1},
	{"an error about a flow that is over", {JOINED, from_server(RST, OPT_NONE, forwarded), call(age_241), error_to_client(passed(EXPIRED), .seq_add = -1, UNREACHABLE())}, .flows_left = 1},
	{"an error about a refused flow", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_server(SYN | ACK, OPT_MSS, passed(REFUSED)), error_to_client(passed(NO_FLOW), .seq_add = -1, UNREACHABLE())}, .refused_left = 1},
	{"an error without a daemon", {JOINED, call(daemon_dead), error_to_client(passed(DEAD), .seq_add = -1, UNREACHABLE())}, .flows_left = 1},
	{"the last hop of an error", {JOINED, from_client(ACK, OPT_NONE, forwarded, .payload = 9), error_to_client(dropped(TTL), .seq_add = -9, .hops = 1, UNREACHABLE())}, .flows_left = 1},
	{"an error longer than it is", {JOINED, from_client(ACK, OPT_NONE, forwarded, .payload = 1400), error_to_client(passed(TRUNCATED), .payload = 1400, .seq_add = -1400, TOO_BIG(1300), .damage = longer_than_it_is)}, .flows_left = 1},
	{"an error shorter than its headers", {JOINED, from_client(ACK, OPT_NONE, forwarded, .payload = 1400), error_to_client(passed(TRUNCATED), .payload = 1400, .seq_add = -1400, TOO_BIG(1300), .damage = shorter_than_headers)}, .flows_left = 1},
	{"an error that quotes less than a TCP header", {JOINED, from_client(ACK, OPT_NONE, forwarded, .payload = 1400), error_to_client(passed(TRUNCATED), .payload = 1400, .seq_add = -1400, TOO_BIG(1300), .damage = quoted_too_short)}, .flows_left = 1},
	{"an echo request", {JOINED, error_to_client(passed(NOT_TCP), .icmp = {.type = ICMPV6_ECHO_REQUEST})}, .flows_left = 1, .family = 6},
	{"an ICMP query", {JOINED, error_to_client(passed(NOT_TCP), .icmp = {.type = ICMP_ECHO})}, .flows_left = 1, .family = 4},
	{"errors count for max-rate", {JOINED, from_client(ACK, OPT_NONE, forwarded, .payload = 9), call(rate_of_nothing), error_to_client(dropped(RATE), .seq_add = -9, UNREACHABLE())}, .flows_left = 1},
	{"an error about a tunnel's flow", {JOINED_BY_TUNNEL, call(interface_is_tunnel), from_tunnel(ACK, OPT_NONE, forwarded, .payload = 900), call(interface_is_uplink), error_to_client(forwarded, .payload = 900, .seq_add = -900, TOO_BIG(1000))}, .flows_left = 1},
	{"an error from a tunnel", {JOINED_BY_TUNNEL, from_server(ACK, OPT_NONE, forwarded, .payload = 900), call(interface_is_tunnel), error_to_server(forwarded, .payload = 900, .seq_add = -900, TOO_BIG(1000))}, .flows_left = 1},
	{"an error about a tunnel's flow that comes by the uplink", {JOINED_BY_TUNNEL, from_server(ACK, OPT_NONE, forwarded, .payload = 900), error_to_server(passed(NO_FLOW), .payload = 900, .seq_add = -900, TOO_BIG(1000))}, .flows_left = 1},
	{"an error about no flow from a tunnel", {call(interface_is_tunnel), error_to_server(dropped(TUNNEL), TOO_BIG(1000))}, .flows_left = 0},
	{NULL},
};
/* clang-format on */

/* The relay's own errors: a burst of 50, then one per millisecond. */
Test(nat, errors_are_limited)
{
	unsigned told = 0, most;
	struct packet_seen out;
	uint64_t begin_ns;

	scene_reset(&scene);
	begin_ns = dt_now_ns();
	for (unsigned i = 0; i < 500; i++)
		told += story_join(4, (uint16_t)(1024 + i), 1, &out) == TC_ACT_REDIRECT;
	most = 50 + (unsigned)((dt_now_ns() - begin_ns) / DT_MS) + 1;
	cr_assert(told >= 50 && told <= most, "%u errors, at most %u", told, most);
	cr_assert_eq(scene_counter(&scene, DT_NAT_DROP_TTL), 500);
}
