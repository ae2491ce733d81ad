/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.bpf, packet by packet. ICMP errors: those made here, and those translated. */
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
	s->config.tunnel_mtu = 1420;
	scene_config_store(s);
}
static void small_tunnel(struct scene *s, unsigned family)
{
	s->config.route_generation++;
	small_tunnel_soon(s, family);
}

const struct row icmp_rows[] = {
	/* path MTU */
	{"too big for the way up", {JOINED, call(small_mtu_now), up(ACK, OPT_NONE, answer(TOO_BIG), .payload = 1400, TOO_BIG(1400)), up(ACK, OPT_NONE, forward, .payload = 1300)}, 2},
	{"too big for the way down", {JOINED, call(small_mtu_now), down(ACK, OPT_NONE, answer(TOO_BIG), .payload = 1400, TOO_BIG(1400)), down(ACK, OPT_NONE, forward, .payload = 1300)}, 2},
	{"an aggregate of segments too big", {JOINED, call(small_mtu_now), up(ACK, OPT_NONE, answer(TOO_BIG), .payload = 1940, .gso_size = 1380, .gso_segs = 2, TOO_BIG(1400)), up(ACK, OPT_NONE, forward, .payload = 1800, .gso_size = 900, .gso_segs = 2)}, 2},
	{"too big for the tunnel", {TUNNELLED, call(small_tunnel), down(ACK, OPT_NONE, answer(TOO_BIG), .payload = 1400, TOO_BIG(1420)), down(ACK, OPT_NONE, forward, .payload = 1350)}, 2},
	{"too big from the tunnel", {TUNNELLED, call(small_mtu_now), call(from_tunnel), tup(ACK, OPT_NONE, answer(TOO_BIG), .payload = 1380, TOO_BIG(1400))}, 2},
	{"MSS is clamped for a tunnel", {call(small_tunnel_soon), call(from_tunnel), tup(SYN, OPT_JOIN_SYN, forward, .mss_out = 3), call(from_uplink), down(SYN | ACK, OPT_JOIN_SYNACK, forward, .mss_out = 3)}, 2},
	/* ICMP errors */
	{"packet too big behind the relay", {JOINED, up(ACK, OPT_NONE, forward, .payload = 1400), error_up(forward, .payload = 1400, .seq_add = -1400, .icmp = {3, 4, 1300})}, 2},
	{"packet too big before the relay", {JOINED, down(ACK, OPT_NONE, forward, .payload = 1400), error_down(forward, .payload = 1400, .seq_add = -1400, .icmp = {3, 4, 1300})}, 2},
	{"eight bytes of TCP quoted", {JOINED, up(ACK, OPT_NONE, forward, .payload = 1400), error_up(forward, .payload = 1400, .seq_add = -1400, .icmp = {3, 4, 1300, 8}), down(ACK, OPT_NONE, forward, .payload = 500), error_down(forward, .payload = 500, .seq_add = -500, .icmp = {3, 1, 0, 8})}, 2},
	{"seventeen bytes of TCP quoted", {JOINED, up(ACK, OPT_NONE, forward, .payload = 1400), error_up(forward, .payload = 1400, .seq_add = -1400, .icmp = {3, 4, 1300, 17})}, 2},
	{"an odd quote", {JOINED, up(ACK, OPT_NONE, forward, .payload = 1401), error_up(forward, .payload = 1401, .seq_add = -1401, .icmp = {3, 4, 1300, 555})}, 2},
	{"unreachable answers a SYN", {up(SYN, OPT_JOIN_SYN, forward), error_up(forward, .seq_add = -1, .icmp = {3, 1, 0, 20})}, 2},
	{"time exceeded for a SYN", {up(SYN, OPT_JOIN_SYN, forward), error_up(forward, .seq_add = -1, .icmp = {11, 0, 0, 8})}, 2},
	{"an error about another SYN", {up(SYN, OPT_JOIN_SYN, forward), error_up(drop(ICMP), .seq_add = 5, .icmp = {3, 1, 0, 20})}, 2},
	{"an error about what was not sent", {JOINED, error_up(drop(ICMP), .seq_add = 1, .icmp = {3, 4, 576}), error_down(drop(ICMP), .seq_add = 70000, .icmp = {3, 1})}, 2},
	{"an error about what was sent long ago", {JOINED, error_up(drop(ICMP), .seq_add = -0x4000000, .icmp = {3, 4, 576})}, 2},
	{"an error about no flow", {error_up(pass(NO_FLOW), .icmp = {3, 4, 576})}, 0},
	{"an error for another address", {JOINED, up(ACK, OPT_NONE, forward, .payload = 9), error_up(pass(NO_FLOW), .seq_add = -9, .icmp = {3, 1, .elsewhere = true})}, 2},
	{"an error about a flow that is over", {JOINED, down(RST, OPT_NONE, forward), call(age_241), error_up(pass(EXPIRED), .seq_add = -1, .icmp = {3, 1})}, 2},
	{"an error about a refused flow", {up(SYN, OPT_JOIN_SYN, forward), down(SYN | ACK, OPT_MSS, pass(REFUSED)), error_up(pass(REFUSED), .seq_add = -1, .icmp = {3, 1})}, 2},
	{"an error without a daemon", {JOINED, call(daemon_dead), error_up(pass(DEAD), .seq_add = -1, .icmp = {3, 1})}, 2},
	{"the last hop of an error", {JOINED, up(ACK, OPT_NONE, forward, .payload = 9), error_up(drop(TTL), .seq_add = -9, .hops = 1, .icmp = {3, 1})}, 2},
	{"an echo request", {JOINED, error_up(pass(NOT_TCP), .icmp = {128})}, 2, 6},
	{"an ICMP query", {JOINED, error_up(pass(NOT_TCP), .icmp = {8})}, 2, 4},
	{"errors count for max-rate", {JOINED, up(ACK, OPT_NONE, forward, .payload = 9), call(rate_of_nothing), error_up(drop(RATE), .seq_add = -9, .icmp = {3, 1})}, 2},
	{"an error by a tunnel's flow", {TUNNELLED, call(from_tunnel), tup(ACK, OPT_NONE, forward, .payload = 900), call(from_uplink), error_up(forward, .payload = 900, .seq_add = -900, .icmp = {3, 4, 1000})}, 2},
	{"an error from a tunnel", {TUNNELLED, down(ACK, OPT_NONE, forward, .payload = 900), call(from_tunnel), error_down(forward, .payload = 900, .seq_add = -900, .icmp = {3, 4, 1000})}, 2},
	{"an error about a tunnel's flow by the uplink", {TUNNELLED, down(ACK, OPT_NONE, forward, .payload = 900), error_down(pass(NO_FLOW), .payload = 900, .seq_add = -900, .icmp = {3, 4, 1000})}, 2},
	{"an error about nothing from a tunnel", {call(from_tunnel), error_down(drop(TUNNEL), .icmp = {3, 4, 1000})}, 0},
	{NULL},
};
/* clang-format on */

/* A burst of errors of our own, then one a millisecond. */
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
