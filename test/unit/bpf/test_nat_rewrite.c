/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.bpf, packet by packet. What changes in a packet and where it leaves: routes, hops, MSS, aggregates. */
#include <criterion/criterion.h>

#include "bpf/story.h"

/* clang-format off */
static void no_routes(struct scene *s, unsigned family) { scene_routes_clear(s); }
static void route_to_client_only(struct scene *s, unsigned family)
{
	scene_routes_clear(s);
	scene_route_put(s, family == 4 ? "192.0.2.0/24" : "2001:db8:c::/64", 1);
}
static void routes_lost(struct scene *s, unsigned family)
{
	scene_routes_clear(s);
	s->config.route_generation++;
	scene_config_store(s);
}
static void routes_changed(struct scene *s, unsigned family)
{
	scene_route_put(s, family == 4 ? "203.0.113.0/24" : "2001:db8:5::/64", 2);
	s->config.route_generation++;
	scene_config_store(s);
}
static void counts_of_45_segments(struct scene *s, unsigned family)
{
	struct dt_flow f;
	unsigned headers = (family == 4 ? 20 : 40) + 20;

	cr_assert(scene_flow(s, DT_DIR_UP, &f));
	cr_assert_eq(f.packets, 3 + 2, "%llu packets", (unsigned long long)f.packets);
	/* three segments of 400 bytes, the first two as an aggregate have headers each */
	cr_assert_geq(f.bytes, 1200 + 3 * headers);
}
static void leaves_by_2(struct scene *s, unsigned family)
{
	struct dt_flow f;

	cr_assert(scene_flow(s, DT_DIR_UP, &f));
	cr_assert_eq(f.oif, 2);
}

const struct row rewrite_rows[] = {
	{"no route", {call(no_routes), up(SYN, OPT_JOIN_SYN, drop(NO_ROUTE))}, 0},
	{"no route to the server", {call(route_to_client_only), up(SYN, OPT_JOIN_SYN, drop(NO_ROUTE))}, 0},
	{"routes lost in mid-flow", {JOINED, call(routes_lost), up(ACK, OPT_NONE, drop(NO_ROUTE)), down(ACK, OPT_NONE, drop(NO_ROUTE))}, 2},
	{"routes changed in mid-flow", {JOINED, call(routes_changed), up(ACK, OPT_NONE, forward), call(leaves_by_2)}, 2},
	{"the last hop of a SYN", {up(SYN, OPT_JOIN_SYN, answer(TTL), .hops = 1, TIME_EXCEEDED)}, 0},
	{"the last hop of a SYN without a lease", {call(lease_gone), up(SYN, OPT_JOIN_SYN, drop(NO_LEASE), .hops = 1)}, 0},
	{"the last hop in a flow", {JOINED, up(ACK, OPT_NONE, answer(TTL), .hops = 1, TIME_EXCEEDED)}, 2},
	{"the last hop towards the client", {JOINED, down(ACK, OPT_NONE, answer(TTL), .hops = 1, .payload = 700, TIME_EXCEEDED)}, 2},
	{"the last hop but one", {JOINED, down(ACK, OPT_NONE, forward, .hops = 2)}, 2},
	{"a high hop count", {JOINED, down(ACK, OPT_NONE, forward, .hops = 255)}, 2},
	{"MSS is clamped", {call(small_mtu), up(SYN, OPT_JOIN_SYN, forward, .mss = 1460, .mss_out = 1), down(SYN | ACK, OPT_JOIN_SYNACK, forward, .mss = 9000, .mss_out = 1)}, 2},
	{"MSS at an odd offset", {call(small_mtu), up(SYN, OPT_MSS_ODD, forward, .mss = 1460, .mss_out = 1)}, 2},
	{"a small MSS stays", {call(small_mtu), up(SYN, OPT_JOIN_SYN, forward, .mss = 536)}, 2},
	{"a jumbo MSS", {up(SYN, OPT_JOIN_SYN, forward, .mss = 8960, .mss_out = 2)}, 2},
	{"aggregates stay whole", {JOINED, up(ACK, OPT_NONE, forward, .payload = 1200, .gso_size = 400, .gso_segs = 3), call(counts_of_45_segments)}, 2},
	{NULL},
};
/* clang-format on */
