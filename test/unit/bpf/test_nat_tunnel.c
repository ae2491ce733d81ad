/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.bpf, packet by packet. Packets from the tunnel's device, and back into it. */
#include <criterion/criterion.h>

#include "bpf/story.h"

/* clang-format off */
static void tunnel_lease_gone(struct scene *s, unsigned family)
{
	struct dt_lease_key key = {0};

	dt_ip_parse(&key.client, scene_client(family));
	bpf_map__delete_elem(s->skel->maps.leases, &key, sizeof(key), 0);
}
static void tunnel_is_99(struct scene *s, unsigned family)
{
	from_uplink(s, family);
	s->config.route_generation++;
	scene_config_store(s);
}
static void down_leaves_by_99(struct scene *s, unsigned family)
{
	struct dt_flow f;

	cr_assert(scene_flow(s, DT_DIR_DOWN, &f));
	cr_assert_eq(f.oif, 99);
}

const struct row tunnel_rows[] = {
	{"a join from a tunnel", {call(from_tunnel), tup(SYN, OPT_JOIN_SYN, forward)}, 2},
	{"the whole handshake by a tunnel", {TUNNELLED, call(flow_is_established)}, 2},
	{"a tunnel whose device is another now", {TUNNELLED, call(tunnel_is_99), down(ACK, OPT_NONE, forward), call(down_leaves_by_99)}, 2},
	{"data by a tunnel", {TUNNELLED, call(from_tunnel), tup(ACK, OPT_NONE, forward, .payload = 900), call(from_uplink), down(ACK, OPT_NONE, forward, .payload = 1200)}, 2},
	{"a plain SYN from a tunnel", {call(from_tunnel), tup(SYN, OPT_MSS, drop(GATE_SYN))}, 0},
	{"a SYN-ACK without MP_JOIN by a tunnel", {call(from_tunnel), tup(SYN, OPT_JOIN_SYN, forward), call(from_uplink), down(SYN | ACK, OPT_MSS, pass(REFUSED))}, 2},
	{"a tunnel address without a lease", {call(from_tunnel), call(tunnel_lease_gone), tup(SYN, OPT_JOIN_SYN, drop(NO_LEASE))}, 0},
	{"a denied destination from a tunnel", {call(denied), call(from_tunnel), tup(SYN, OPT_JOIN_SYN, drop(DESTINATION))}, 0},
	{"a segment without a flow from a tunnel", {call(from_tunnel), tup(ACK, OPT_NONE, drop(TUNNEL), .payload = 9)}, 0},
	{"UDP from a tunnel", {call(from_tunnel), tup(SYN, OPT_JOIN_SYN, drop(TUNNEL), .damage = udp)}, 0},
	{"a fragment from a tunnel", {TUNNELLED, call(from_tunnel), tup(ACK, OPT_NONE, drop(TUNNEL), .payload = 64, .damage = fragment)}, 2, 4},
	{"a tunnel's flow by the uplink", {TUNNELLED, tup(ACK, OPT_NONE, pass(NO_FLOW), .payload = 9)}, 2},
	{"a lease's port from a tunnel is no lease", {call(from_tunnel), call(tunnel_lease_gone), up(SYN, OPT_JOIN_SYN, drop(NO_LEASE))}, 0},
	{"an uplink's flow from a tunnel", {JOINED, call(from_tunnel), up(ACK, OPT_NONE, drop(TUNNEL), .payload = 9)}, 2},
	{"max-flows by a tunnel", {call(max_flows_1), TUNNELLED, call(from_tunnel), tup(SYN, OPT_JOIN_SYN, drop(MAX_FLOWS), .sport = 2000)}, 2},
	{"the last hop from a tunnel", {call(from_tunnel), tup(SYN, OPT_JOIN_SYN, answer(TTL), .hops = 1, TIME_EXCEEDED)}, 0},
	{"the last hop in a tunnel's flow", {TUNNELLED, call(from_tunnel), tup(ACK, OPT_NONE, answer(TTL), .hops = 1, TIME_EXCEEDED)}, 2},
	{NULL},
};
/* clang-format on */
