/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.bpf, packet by packet. Packets that come from the tunnel's interface, and that leave by it. */
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
	interface_is_uplink(s, family);
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
	{"a join from a tunnel", {call(interface_is_tunnel), from_tunnel(SYN, OPT_JOIN_SYN, forwarded)}, .flows_left = 1},
	{"the whole handshake by a tunnel", {JOINED_BY_TUNNEL, call(flow_is_established)}, .flows_left = 1},
	{"the tunnel's interface has changed", {JOINED_BY_TUNNEL, call(tunnel_is_99), from_server(ACK, OPT_NONE, forwarded), call(down_leaves_by_99)}, .flows_left = 1},
	{"data by a tunnel", {JOINED_BY_TUNNEL, call(interface_is_tunnel), from_tunnel(ACK, OPT_NONE, forwarded, .payload = 900), call(interface_is_uplink), from_server(ACK, OPT_NONE, forwarded, .payload = 1200)}, .flows_left = 1},
	{"a plain SYN from a tunnel", {call(interface_is_tunnel), from_tunnel(SYN, OPT_MSS, dropped(GATE_SYN))}, .flows_left = 0},
	{"a SYN-ACK without MP_JOIN by a tunnel", {call(interface_is_tunnel), from_tunnel(SYN, OPT_JOIN_SYN, forwarded), call(interface_is_uplink), from_server(SYN | ACK, OPT_MSS, passed(REFUSED))}, .refused_left = 1},
	{"a tunnel address without a lease", {call(interface_is_tunnel), call(tunnel_lease_gone), from_tunnel(SYN, OPT_JOIN_SYN, dropped(NO_LEASE))}, .flows_left = 0},
	{"a denied destination from a tunnel", {call(denied), call(interface_is_tunnel), from_tunnel(SYN, OPT_JOIN_SYN, dropped(DESTINATION))}, .flows_left = 0},
	{"a segment without a flow from a tunnel", {call(interface_is_tunnel), from_tunnel(ACK, OPT_NONE, dropped(TUNNEL), .payload = 9)}, .flows_left = 0},
	{"UDP from a tunnel", {call(interface_is_tunnel), from_tunnel(SYN, OPT_JOIN_SYN, dropped(TUNNEL), .damage = udp)}, .flows_left = 0},
	{"a fragment from a tunnel", {JOINED_BY_TUNNEL, call(interface_is_tunnel), from_tunnel(ACK, OPT_NONE, dropped(TUNNEL), .payload = 64, .damage = fragment)}, .flows_left = 1, .family = 4},
	{"a tunnel's flow arrives by the uplink", {JOINED_BY_TUNNEL, from_tunnel(ACK, OPT_NONE, passed(NO_FLOW), .payload = 9)}, .flows_left = 1},
	{"a lease's port from a tunnel is no lease", {call(interface_is_tunnel), call(tunnel_lease_gone), from_client(SYN, OPT_JOIN_SYN, dropped(NO_LEASE))}, .flows_left = 0},
	{"an uplink's flow arrives from the tunnel", {JOINED, call(interface_is_tunnel), from_client(ACK, OPT_NONE, dropped(TUNNEL), .payload = 9)}, .flows_left = 1},
	{"max-flows by a tunnel", {call(max_flows_1), JOINED_BY_TUNNEL, call(interface_is_tunnel), from_tunnel(SYN, OPT_JOIN_SYN, dropped(MAX_FLOWS), .client_port = 2000)}, .flows_left = 1},
	{"the last hop from a tunnel", {call(interface_is_tunnel), from_tunnel(SYN, OPT_JOIN_SYN, answered(TTL), .hops = 1, TIME_EXCEEDED())}, .flows_left = 0},
	{"the last hop in a tunnel's flow", {JOINED_BY_TUNNEL, call(interface_is_tunnel), from_tunnel(ACK, OPT_NONE, answered(TTL), .hops = 1, TIME_EXCEEDED())}, .flows_left = 1},
	{NULL},
};
/* clang-format on */
