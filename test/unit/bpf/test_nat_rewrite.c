/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.bpf, packet by packet. How a packet is changed and where it leaves: routes, hops, MSS, aggregates. */
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
static void counts_five_packets(struct scene *s, unsigned family)
{
	struct dt_flow f;
	unsigned headers = (family == 4 ? 20 : 40) + 20;

	cr_assert(scene_flow(s, DT_DIR_UP, &f));
	cr_assert_eq(f.packets, 3 + 2, "%llu packets", (unsigned long long)f.packets);
	/* the aggregate has three segments of 400 bytes, and each counts with headers of its own */
	cr_assert_geq(f.bytes, 1200 + 3 * headers);
}
static void leaves_by_2(struct scene *s, unsigned family)
{
	struct dt_flow f;

	cr_assert(scene_flow(s, DT_DIR_UP, &f));
	cr_assert_eq(f.oif, 2);
}

const struct row rewrite_rows[] = {
	{"no route", {call(no_routes), from_client(SYN, OPT_JOIN_SYN, dropped(NO_ROUTE))}, .flows_left = 0},
	{"no route to the server", {call(route_to_client_only), from_client(SYN, OPT_JOIN_SYN, dropped(NO_ROUTE))}, .flows_left = 0},
	{"routes lost in mid-flow", {JOINED, call(routes_lost), from_client(ACK, OPT_NONE, dropped(NO_ROUTE)), from_server(ACK, OPT_NONE, dropped(NO_ROUTE))}, .flows_left = 1},
	{"routes changed in mid-flow", {JOINED, call(routes_changed), from_client(ACK, OPT_NONE, forwarded), call(leaves_by_2)}, .flows_left = 1},
	{"the last hop of a SYN", {from_client(SYN, OPT_JOIN_SYN, answered(TTL), .hops = 1, TIME_EXCEEDED())}, .flows_left = 0},
	{"the last hop of a SYN without a lease", {call(lease_gone), from_client(SYN, OPT_JOIN_SYN, dropped(NO_LEASE), .hops = 1)}, .flows_left = 0},
	{"the last hop in a flow", {JOINED, from_client(ACK, OPT_NONE, answered(TTL), .hops = 1, TIME_EXCEEDED())}, .flows_left = 1},
	{"the last hop towards the client", {JOINED, from_server(ACK, OPT_NONE, answered(TTL), .hops = 1, .payload = 700, TIME_EXCEEDED())}, .flows_left = 1},
	{"the last hop but one", {JOINED, from_server(ACK, OPT_NONE, forwarded, .hops = 2)}, .flows_left = 1},
	{"a high hop count", {JOINED, from_server(ACK, OPT_NONE, forwarded, .hops = 255)}, .flows_left = 1},
	{"MSS is clamped", {call(small_mtu), from_client(SYN, OPT_JOIN_SYN, forwarded, .mss = 1460, .mss_fits = SMALL_MTU), from_server(SYN | ACK, OPT_JOIN_SYNACK, forwarded, .mss = 9000, .mss_fits = SMALL_MTU)}, .flows_left = 1},
	{"MSS at an odd offset", {call(small_mtu), from_client(SYN, OPT_MSS_ODD, forwarded, .mss = 1460, .mss_fits = SMALL_MTU)}, .flows_left = 1},
	{"a small MSS stays", {call(small_mtu), from_client(SYN, OPT_JOIN_SYN, forwarded, .mss = 536)}, .flows_left = 1},
	{"a jumbo MSS", {from_client(SYN, OPT_JOIN_SYN, forwarded, .mss = 8960, .mss_fits = USUAL_MTU)}, .flows_left = 1},
	{"aggregates stay whole", {JOINED, from_client(ACK, OPT_NONE, forwarded, .payload = 1200, .gso_size = 400, .gso_segs = 3), call(counts_five_packets)}, .flows_left = 1},
	{NULL},
};
/* clang-format on */
