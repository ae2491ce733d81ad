/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat.bpf, packet by packet (BPF_PROG_TEST_RUN). Every row is a short story told for both families: packets in
 * order, what becomes of each, and by which counter. What is forwarded is checked in full: addresses, ports, hops,
 * MSS, payload, both checksums.
 *
 * Both ends number their bytes as TCP does, across the wrap, unless a step says otherwise.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "bpf/scene.h"

/* ERROR_UP: an ICMP error from behind the relay about a packet UP; ERROR_DOWN: from before it about one DOWN */
enum what { END, UP, TUNNEL_UP, DOWN, CALL, ERROR_UP, ERROR_DOWN };
/* ANSWER: an ICMP error comes out instead, to the sender */
enum fate { FORWARD, PASS, DROP, ANSWER };

/* One step: a packet, or a change of the scene. */
struct step {
	enum what what;
	uint8_t flags;
	enum option_kind options;
	enum fate fate;
	unsigned counter; /* of PASS and DROP */
	void (*change)(struct scene *s, unsigned family);
	void (*damage)(uint8_t *frame, size_t *len, unsigned family);
	uint16_t payload;
	uint16_t mss;	  /* 0: 1460 or 1440 */
	uint16_t mss_out; /* 0: the same */
	uint8_t hops;	  /* 0: 64 */
	uint16_t sport;	  /* UP: of the client, 0: the usual */
	uint16_t dport;	  /* UP: 0: the lease's */
	uint32_t gso_size, gso_segs;
	int32_t seq_add, ack_add; /* to what TCP would send */
	uint16_t window;	  /* 0: 0xff00 */
	struct {
		uint8_t type, code;
		uint32_t rest;	/* MTU */
		uint16_t bytes; /* of the quoted packet's TCP segment; 0: all */
		bool elsewhere; /* to another address than the quoted packet's source */
	} icmp;			/* of errors; what an ANSWER is */
};
#define STEPS 14
struct row {
	const char *name;
	struct step steps[STEPS];
	unsigned flows; /* entries left at the end, 2 a flow */
	unsigned only;	/* family; 0: both */
};

#define up(f, o, ...)                 \
	{                             \
		UP, f, o, __VA_ARGS__ \
	}
#define down(f, o, ...)                 \
	{                               \
		DOWN, f, o, __VA_ARGS__ \
	}
#define tup(f, o, ...)                       \
	{                                    \
		TUNNEL_UP, f, o, __VA_ARGS__ \
	}
#define error_up(...)                                \
	{                                            \
		ERROR_UP, ACK, OPT_NONE, __VA_ARGS__ \
	}
#define error_down(...)                                \
	{                                              \
		ERROR_DOWN, ACK, OPT_NONE, __VA_ARGS__ \
	}
#define forward FORWARD, 0
#define answer(c) ANSWER, DT_NAT_DROP_##c
#define TIME_EXCEEDED .icmp = {11}
#define TOO_BIG(mtu) .icmp = {3, 4, mtu}
#define pass(c) PASS, DT_NAT_PASS_##c
#define drop(c) DROP, DT_NAT_DROP_##c
#define call(f)                   \
	{                         \
		CALL, .change = f \
	}
/* the start of most stories: a flow that is established */
#define JOINED up(SYN, OPT_JOIN_SYN, forward), down(SYN | ACK, OPT_JOIN_SYNACK, forward), up(ACK, OPT_JOIN_ACK, forward)

#define TUNNELLED                                                                                              \
	call(from_tunnel), tup(SYN, OPT_JOIN_SYN, forward), call(from_uplink),                                 \
		down(SYN | ACK, OPT_JOIN_SYNACK, forward), call(from_tunnel), tup(ACK, OPT_JOIN_ACK, forward), \
		call(from_uplink)

/* What follows are tables and one-liners, a line each. */
/* clang-format off */
/* --- changes of the scene ---------------------------------------------------------------------- */

static void lease_gone(struct scene *s, unsigned family) { scene_lease_delete(s, family); }
static void lease_over(struct scene *s, unsigned family) { scene_lease_put(s, family, dt_now_ns() - 1); }
static void lease_back(struct scene *s, unsigned family) { scene_lease_put(s, family, dt_now_ns() + DT_SEC * 100); }
static void plain_tcp(struct scene *s, unsigned family)
{
	s->limits.flags = DT_CLIENT_PLAIN_TCP;
	scene_limits_store(s);
}
static void revoked(struct scene *s, unsigned family)
{
	uint64_t id = SCENE_CLIENT_ID;

	bpf_map__delete_elem(s->skel->maps.clients, &id, sizeof(id), 0);
}
static void daemon_away(struct scene *s, unsigned family)
{
	s->config.alive_until_ns = dt_now_ns() - 1;
	scene_config_store(s);
}
static void daemon_back(struct scene *s, unsigned family)
{
	s->config.alive_until_ns = dt_now_ns() + 60 * DT_SEC;
	s->config.dead_after_ns = dt_now_ns() + 660 * DT_SEC;
	scene_config_store(s);
}
static void daemon_dead(struct scene *s, unsigned family)
{
	daemon_away(s, family);
	s->config.dead_after_ns = dt_now_ns() - 1;
	scene_config_store(s);
}
static void age_9(struct scene *s, unsigned family) { scene_flows_age(s, 9 * DT_SEC); }
static void age_11(struct scene *s, unsigned family) { scene_flows_age(s, 11 * DT_SEC); }
static void age_60(struct scene *s, unsigned family) { scene_flows_age(s, 60 * DT_SEC); }
static void age_239(struct scene *s, unsigned family) { scene_flows_age(s, 239 * DT_SEC); }
static void age_241(struct scene *s, unsigned family) { scene_flows_age(s, 241 * DT_SEC); }
static void age_7439(struct scene *s, unsigned family) { scene_flows_age(s, 7439 * DT_SEC); }
static void age_7441(struct scene *s, unsigned family) { scene_flows_age(s, 7441 * DT_SEC); }
static void age_7460(struct scene *s, unsigned family) { scene_flows_age(s, 7460 * DT_SEC); }
static void denied(struct scene *s, unsigned family)
{
	scene_policy_put(s, 0, DT_POLICY_DENY, family == 4 ? "203.0.113.0/24" : "2001:db8:5::/48");
}
static void builtin(struct scene *s, unsigned family)
{
	scene_policy_put(s, 0, DT_POLICY_BUILTIN, family == 4 ? "203.0.113.0/24" : "2001:db8::/32");
}
static void allowed(struct scene *s, unsigned family)
{
	scene_policy_put(s, 0, DT_POLICY_ALLOW, family == 4 ? "203.0.113.2" : "2001:db8:5::2");
}
static void allowed_other(struct scene *s, unsigned family)
{
	scene_policy_put(s, 0, DT_POLICY_ALLOW, family == 4 ? "203.0.113.3" : "2001:db8:5::3");
}
static void client_denied(struct scene *s, unsigned family)
{
	scene_policy_put(s, SCENE_CLIENT_ID, DT_POLICY_DENY, family == 4 ? "203.0.113.2" : "2001:db8:5::2");
}
static void client_allows_other(struct scene *s, unsigned family)
{
	scene_policy_put(s, SCENE_CLIENT_ID, DT_POLICY_ALLOW, NULL);
	scene_policy_put(s, SCENE_CLIENT_ID, DT_POLICY_ALLOW, family == 4 ? "203.0.113.3" : "2001:db8:5::3");
}
static void client_allows(struct scene *s, unsigned family)
{
	scene_policy_put(s, SCENE_CLIENT_ID, DT_POLICY_ALLOW, NULL);
	scene_policy_put(s, SCENE_CLIENT_ID, DT_POLICY_ALLOW, family == 4 ? "203.0.113.0/29" : "2001:db8:5::/64");
}
static void stranger_denied(struct scene *s, unsigned family)
{
	scene_policy_put(s, 7, DT_POLICY_DENY, family == 4 ? "203.0.113.2" : "2001:db8:5::2");
}
static void other_family_denied(struct scene *s, unsigned family)
{
	scene_policy_put(s, 0, DT_POLICY_DENY, family == 4 ? "::/0" : "0.0.0.0/0");
}
static void policy_outdated(struct scene *s, unsigned family)
{
	denied(s, family);
	s->config.policy_generation++;
	scene_config_store(s);
}
static void max_flows_1(struct scene *s, unsigned family)
{
	s->limits.max_flows = 1;
	s->config.source_max = SCENE_SOURCE + 9;
	scene_config_store(s);
	scene_limits_store(s);
}
static void relay_max_flows_0(struct scene *s, unsigned family)
{
	s->config.max_flows = 0;
	scene_config_store(s);
}
static void half_open_1(struct scene *s, unsigned family)
{
	s->limits.max_half_open = 1;
	s->config.source_max = SCENE_SOURCE + 9;
	scene_config_store(s);
	scene_limits_store(s);
}
static void new_flows_1(struct scene *s, unsigned family)
{
	s->limits.max_new_flows = 1;
	s->config.source_max = SCENE_SOURCE + 9;
	scene_config_store(s);
	scene_limits_store(s);
}
static void new_flows_0(struct scene *s, unsigned family)
{
	s->limits.max_new_flows = 0;
	scene_limits_store(s);
}
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
static void small_mtu(struct scene *s, unsigned family)
{
	struct dt_route route = {.oif = 1, .mtu = 1400};
	struct dt_route_key key = {.prefixlen = DT_ROUTE_PREFIX_BASE + (family == 4 ? 96 : 0), .family = family};

	if (family == 4)
		key.ip = dt_ip_from_v4(0);
	bpf_map__update_elem(s->skel->maps.routes, &key, sizeof(key), &route, sizeof(route), 0);
}
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
static void no_credit(struct scene *s)
{
	struct dt_flow_key key, next;
	struct dt_flow f;
	bool more = bpf_map__get_next_key(s->skel->maps.flows, NULL, &next, sizeof(next)) == 0;

	while (more) {
		key = next;
		more = bpf_map__get_next_key(s->skel->maps.flows, &key, &next, sizeof(next)) == 0;
		bpf_map__lookup_elem(s->skel->maps.flows, &key, sizeof(key), &f, sizeof(f), 0);
		f.credit = 0;
		bpf_map__update_elem(s->skel->maps.flows, &key, sizeof(key), &f, sizeof(f), BPF_EXIST);
	}
}
static void buckets_full(struct scene *s, unsigned family)
{
	struct dt_client_usage u;
	uint64_t ids[] = {0, SCENE_CLIENT_ID};

	for (int i = 0; i < 2; i++) {
		bpf_map__lookup_elem(s->skel->maps.usage, &ids[i], sizeof(ids[i]), &u, sizeof(u), 0);
		memset(u.rate_ns, 0, sizeof(u.rate_ns));
		bpf_map__update_elem(s->skel->maps.usage, &ids[i], sizeof(ids[i]), &u, sizeof(u), 0);
	}
	no_credit(s);
}
/* At a byte a second nothing flows back while the test runs. */
static void bucket_of(struct scene *s, uint64_t bytes)
{
	s->limits.rate = 1;
	s->limits.bucket_ns = bytes * DT_SEC;
	scene_limits_store(s);
	buckets_full(s, 0);
}
static void bucket_of_2500(struct scene *s, unsigned family) { bucket_of(s, 2500); }
static void bucket_of_500(struct scene *s, unsigned family) { bucket_of(s, 500); }
static void rate_of_nothing(struct scene *s, unsigned family)
{
	s->limits.rate = 0;
	scene_limits_store(s);
	no_credit(s);
}
static void relay_rate_of_nothing(struct scene *s, unsigned family)
{
	s->config.rate = 0;
	scene_config_store(s);
	no_credit(s);
}
static void revoked_without_credit(struct scene *s, unsigned family)
{
	revoked(s, family);
	no_credit(s);
}
static void ports_moved(struct scene *s, unsigned family)
{
	s->config.port_min = 55000;
	s->config.source_min = s->config.source_max = 45000;
	scene_config_store(s);
}
static void address_gone(struct scene *s, unsigned family)
{
	struct dt_ip ip;

	dt_ip_parse(&ip, scene_relay(family));
	bpf_map__delete_elem(s->skel->maps.addresses, &ip, sizeof(ip), 0);
}
/* The scene's interface is the tunnel: packets UP come from it, to the server itself. */
static void from_tunnel(struct scene *s, unsigned family)
{
	struct dt_lease_key key = {0};
	struct dt_lease lease = {.client_id = SCENE_CLIENT_ID, .expires_ns = dt_now_ns() + 300 * DT_SEC};

	dt_ip_parse(&key.client, scene_client(family));
	dt_ip_parse(&lease.server, scene_relay(family));
	bpf_map__update_elem(s->skel->maps.leases, &key, sizeof(key), &lease, sizeof(lease), 0);
	s->config.tunnel_ifindex = 1;
	scene_config_store(s);
}
static void from_uplink(struct scene *s, unsigned family)
{
	s->config.tunnel_ifindex = 99;
	scene_config_store(s);
}
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
static void flow_is_established(struct scene *s, unsigned family)
{
	struct dt_flow f;

	cr_assert(scene_flow(s, DT_DIR_UP, &f) && f.state == DT_FLOW_ESTABLISHED, "the flow is not established");
}
static void flow_is_closing(struct scene *s, unsigned family)
{
	struct dt_flow f;

	cr_assert(scene_flow(s, DT_DIR_UP, &f) && f.state == DT_FLOW_CLOSING, "the flow is not closing");
	cr_assert(scene_flow(s, DT_DIR_DOWN, &f) && f.state == DT_FLOW_CLOSING, "the other entry is not closing");
}
static void flow_is_half_open(struct scene *s, unsigned family)
{
	struct dt_flow f;

	cr_assert(scene_flow(s, DT_DIR_UP, &f) && f.state == DT_FLOW_HALF_OPEN, "the flow is not half open");
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

/* --- damage to packets ------------------------------------------------------------------------- */

static void fragment(uint8_t *frame, size_t *len, unsigned family) { frame[14 + 6] = 0x20; }
static void fragment_later(uint8_t *frame, size_t *len, unsigned family) { frame[14 + 7] = 0x08; }
static void fragment6(uint8_t *frame, size_t *len, unsigned family) { frame[14 + 6] = 44; }
static void udp(uint8_t *frame, size_t *len, unsigned family) { frame[14 + (family == 4 ? 9 : 6)] = 17; }
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

/* --- the stories ------------------------------------------------------------------------------- */

static const struct row rows[] = {
	/* handshake and gate */
	{"a join is forwarded", {up(SYN, OPT_JOIN_SYN, forward), call(flow_is_half_open)}, 2},
	{"the whole handshake", {JOINED, call(flow_is_established)}, 2},
	{"data both ways", {JOINED, up(ACK | PSH, OPT_NONE, forward, .payload = 1000), down(ACK | PSH, OPT_NONE, forward, .payload = 1400)}, 2},
	{"odd payload", {JOINED, up(ACK, OPT_NONE, forward, .payload = 333), down(ACK, OPT_NONE, forward, .payload = 1)}, 2},
	{"a SYN again", {up(SYN, OPT_JOIN_SYN, forward), up(SYN, OPT_JOIN_SYN, forward)}, 2},
	{"a SYN-ACK again", {JOINED, down(SYN | ACK, OPT_JOIN_SYNACK, forward)}, 2},
	{"a join without MSS", {up(SYN, OPT_JOIN_NO_MSS, forward)}, 2},
	{"a plain SYN", {up(SYN, OPT_MSS, drop(GATE_SYN))}, 0},
	{"a bare SYN", {up(SYN, OPT_NONE, drop(GATE_SYN))}, 0},
	{"MP_CAPABLE", {up(SYN, OPT_CAPABLE, drop(GATE_SYN))}, 0},
	{"MP_JOIN of a wrong length", {up(SYN, OPT_JOIN_SHORT, drop(GATE_SYN))}, 0},
	{"MP_JOIN of a SYN-ACK's length in a SYN", {up(SYN, OPT_JOIN_SYNACK, drop(GATE_SYN))}, 0},
	{"MP_JOIN behind the end of options", {up(SYN, OPT_JOIN_LAST, drop(GATE_SYN))}, 0},
	{"MP_JOIN beyond the header", {up(SYN, OPT_JOIN_CUT, drop(GATE_SYN))}, 0},
	{"an option of length 0", {up(SYN, OPT_ZERO_LEN, drop(GATE_SYN))}, 0},
	{"a plain SYN in a join's flow", {JOINED, up(SYN, OPT_MSS, drop(GATE_SYN))}, 2},
	{"SYN and FIN", {up(SYN | FIN, OPT_JOIN_SYN, pass(NO_FLOW))}, 0},
	{"SYN and RST", {up(SYN | RST, OPT_JOIN_SYN, pass(NO_FLOW))}, 0},
	{"SYN-ACK from the client", {up(SYN | ACK, OPT_JOIN_SYN, pass(NO_FLOW))}, 0},
	{"SYN-ACK from the client in a flow", {JOINED, up(SYN | ACK, OPT_JOIN_SYN, drop(GATE_STATE))}, 2},
	{"SYN and FIN in a flow", {JOINED, up(SYN | FIN, OPT_JOIN_SYN, drop(GATE_STATE))}, 2},
	{"SYN from the server", {JOINED, down(SYN, OPT_JOIN_SYN, drop(GATE_STATE))}, 2},
	{"SYN, ACK and FIN from the server", {up(SYN, OPT_JOIN_SYN, forward), down(SYN | ACK | FIN, OPT_JOIN_SYNACK, drop(GATE_STATE))}, 2},
	{"an ACK before the SYN-ACK", {up(SYN, OPT_JOIN_SYN, forward), up(ACK, OPT_NONE, drop(GATE_STATE))}, 2},
	{"data before the SYN-ACK", {up(SYN, OPT_JOIN_SYN, forward), up(ACK | PSH, OPT_NONE, drop(GATE_STATE), .payload = 100)}, 2},
	{"data from the server before its SYN-ACK", {up(SYN, OPT_JOIN_SYN, forward), down(ACK, OPT_NONE, drop(GATE_STATE), .payload = 100)}, 2},
	{"a SYN-ACK without MP_JOIN goes to the host", {up(SYN, OPT_JOIN_SYN, forward), down(SYN | ACK, OPT_MSS, pass(REFUSED)), up(ACK, OPT_NONE, pass(REFUSED)), down(ACK, OPT_NONE, pass(REFUSED))}, 2},
	{"a SYN-ACK with MP_CAPABLE goes to the host", {up(SYN, OPT_JOIN_SYN, forward), down(SYN | ACK, OPT_CAPABLE, pass(REFUSED))}, 2},
	{"a SYN-ACK with a SYN's MP_JOIN goes to the host", {up(SYN, OPT_JOIN_SYN, forward), down(SYN | ACK, OPT_JOIN_SYN, pass(REFUSED))}, 2},
	{"no second attempt while refused", {up(SYN, OPT_JOIN_SYN, forward), down(SYN | ACK, OPT_MSS, pass(REFUSED)), up(SYN, OPT_JOIN_SYN, pass(REFUSED))}, 2},
	{"a later SYN-ACK without MP_JOIN", {JOINED, down(SYN | ACK, OPT_MSS, drop(GATE_STATE))}, 2},
	{"a RST answers the SYN", {up(SYN, OPT_JOIN_SYN, forward), down(RST | ACK, OPT_NONE, forward), call(flow_is_closing)}, 2},
	{"plain TCP where it is allowed", {call(plain_tcp), up(SYN, OPT_MSS, forward), down(SYN | ACK, OPT_MSS, forward), up(ACK, OPT_NONE, forward, .payload = 10)}, 2},
	{"MP_CAPABLE where plain TCP is allowed", {call(plain_tcp), up(SYN, OPT_CAPABLE, forward), down(SYN | ACK, OPT_CAPABLE, forward)}, 2},
	/* leases */
	{"no lease", {call(lease_gone), up(SYN, OPT_JOIN_SYN, drop(NO_LEASE))}, 0},
	{"a lease that is over", {call(lease_over), up(SYN, OPT_JOIN_SYN, drop(NO_LEASE))}, 0},
	{"another lease port", {up(SYN, OPT_JOIN_SYN, drop(NO_LEASE), .dport = 50001)}, 0},
	{"the highest lease port", {up(SYN, OPT_JOIN_SYN, drop(NO_LEASE), .dport = 59999)}, 0},
	{"a flow outlives its lease", {JOINED, call(lease_gone), up(ACK, OPT_NONE, forward, .payload = 5), down(ACK, OPT_NONE, forward)}, 2},
	{"no second flow after the lease", {JOINED, call(lease_over), up(SYN, OPT_JOIN_SYN, drop(NO_LEASE), .sport = 2000)}, 2},
	{"a revoked client", {call(revoked), up(SYN, OPT_JOIN_SYN, drop(REVOKED))}, 0},
	{"a segment without a flow goes to the host", {up(ACK, OPT_NONE, pass(NO_FLOW), .payload = 10)}, 0},
	{"a RST without a flow goes to the host", {up(RST, OPT_NONE, pass(NO_FLOW))}, 0},
	{"a segment for a source port without a flow", {down(ACK, OPT_NONE, pass(NO_FLOW))}, 0},
	{"a SYN for a source port goes to the host", {down(SYN, OPT_JOIN_SYN, pass(NO_FLOW))}, 0},
	{"another port of the host", {up(SYN, OPT_JOIN_SYN, pass(NO_FLOW), .dport = 22)}, 0},
	{"below the lease ports", {up(SYN, OPT_JOIN_SYN, pass(NO_FLOW), .dport = 49999 + 10001)}, 0},
	{"an address that is no NAT address", {call(address_gone), up(SYN, OPT_JOIN_SYN, pass(NO_FLOW))}, 0},
	{"ports that were moved away", {JOINED, call(ports_moved), up(ACK, OPT_NONE, pass(NO_FLOW)), down(ACK, OPT_NONE, pass(NO_FLOW))}, 2},
	/* destinations */
	{"deny", {call(denied), up(SYN, OPT_JOIN_SYN, drop(DESTINATION))}, 0},
	{"deny beats allow", {call(denied), call(allowed), up(SYN, OPT_JOIN_SYN, drop(DESTINATION))}, 0},
	{"the built-in table", {call(builtin), up(SYN, OPT_JOIN_SYN, drop(DESTINATION))}, 0},
	{"allow opens the built-in table", {call(builtin), call(allowed), up(SYN, OPT_JOIN_SYN, forward)}, 2},
	{"allow of another opens nothing", {call(builtin), call(allowed_other), up(SYN, OPT_JOIN_SYN, drop(DESTINATION))}, 0},
	{"the client's deny", {call(client_denied), up(SYN, OPT_JOIN_SYN, drop(DESTINATION))}, 0},
	{"the client's allow list holds others", {call(client_allows_other), up(SYN, OPT_JOIN_SYN, drop(DESTINATION))}, 0},
	{"the client's allow list holds it", {call(client_allows), up(SYN, OPT_JOIN_SYN, forward)}, 2},
	{"the client's allow does not widen", {call(builtin), call(client_allows), up(SYN, OPT_JOIN_SYN, drop(DESTINATION))}, 0},
	{"another client's deny", {call(stranger_denied), up(SYN, OPT_JOIN_SYN, forward)}, 2},
	{"the other family's deny", {call(other_family_denied), up(SYN, OPT_JOIN_SYN, forward)}, 2},
	{"a policy of yesterday", {call(policy_outdated), up(SYN, OPT_JOIN_SYN, forward)}, 2},
	{"deny holds for new flows only", {JOINED, call(denied), up(ACK, OPT_NONE, forward)}, 2},
	/* quotas */
	{"max-flows", {call(max_flows_1), JOINED, up(SYN, OPT_JOIN_SYN, drop(MAX_FLOWS), .sport = 2000)}, 2},
	{"max-flows counts the half-open", {call(max_flows_1), up(SYN, OPT_JOIN_SYN, forward), up(SYN, OPT_JOIN_SYN, drop(MAX_FLOWS), .sport = 2000)}, 2},
	{"the relay's max-flows", {call(relay_max_flows_0), up(SYN, OPT_JOIN_SYN, drop(MAX_FLOWS))}, 0},
	{"half-open flows", {call(half_open_1), up(SYN, OPT_JOIN_SYN, forward), up(SYN, OPT_JOIN_SYN, drop(HALF_OPEN), .sport = 2000)}, 2},
	{"an established one is not half open", {call(half_open_1), JOINED, up(SYN, OPT_JOIN_SYN, forward, .sport = 2000)}, 4},
	{"max-new-flows", {call(new_flows_1), up(SYN, OPT_JOIN_SYN, forward), up(SYN, OPT_JOIN_SYN, drop(NEW_FLOWS), .sport = 2000)}, 2},
	{"max-new-flows of 0", {call(new_flows_0), up(SYN, OPT_JOIN_SYN, drop(NEW_FLOWS))}, 0},
	{"a SYN again costs nothing", {call(new_flows_1), up(SYN, OPT_JOIN_SYN, forward), up(SYN, OPT_JOIN_SYN, forward), up(SYN, OPT_JOIN_SYN, forward)}, 2},
	{"source ports run out", {up(SYN, OPT_JOIN_SYN, forward), up(SYN, OPT_JOIN_SYN, drop(NO_PORT), .sport = 2000), up(SYN, OPT_JOIN_SYN, forward)}, 2},
	/* the daemon's absence */
	{"60 s without a daemon: no new flow", {call(daemon_away), up(SYN, OPT_JOIN_SYN, drop(NO_DAEMON))}, 0},
	{"60 s without a daemon: flows go on", {JOINED, call(daemon_away), up(ACK, OPT_NONE, forward), down(ACK, OPT_NONE, forward)}, 2},
	{"660 s without a daemon: nothing passes", {JOINED, call(daemon_dead), up(ACK, OPT_NONE, pass(DEAD)), down(ACK, OPT_NONE, pass(DEAD)), up(SYN, OPT_JOIN_SYN, pass(DEAD), .sport = 2000)}, 2},
	{"the daemon is back", {JOINED, call(daemon_dead), up(ACK, OPT_NONE, pass(DEAD)), call(daemon_back), up(ACK, OPT_NONE, forward)}, 2},
	/* time */
	{"half open for 9 s", {up(SYN, OPT_JOIN_SYN, forward), call(age_9), down(SYN | ACK, OPT_JOIN_SYNACK, forward)}, 2},
	{"half open for 11 s", {up(SYN, OPT_JOIN_SYN, forward), call(age_11), down(SYN | ACK, OPT_JOIN_SYNACK, pass(EXPIRED))}, 2},
	{"half open for 11 s, then a SYN begins anew", {up(SYN, OPT_JOIN_SYN, forward), call(age_11), up(SYN, OPT_JOIN_SYN, forward), down(SYN | ACK, OPT_JOIN_SYNACK, forward), call(flow_is_established)}, 2},
	{"half open for 60 s: the sweep's", {up(SYN, OPT_JOIN_SYN, forward), call(age_60), up(SYN, OPT_JOIN_SYN, drop(STALE))}, 2},
	{"idle for 7439 s", {JOINED, call(age_7439), up(ACK, OPT_NONE, forward), down(ACK, OPT_NONE, forward)}, 2},
	{"idle for 7441 s", {JOINED, call(age_7441), up(ACK, OPT_NONE, pass(EXPIRED)), down(ACK, OPT_NONE, pass(EXPIRED))}, 2},
	{"one direction keeps a flow alive", {JOINED, call(age_7439), down(ACK, OPT_NONE, forward), call(age_60), up(ACK, OPT_NONE, forward)}, 2},
	{"idle for 7441 s, then a join begins anew", {JOINED, call(age_7441), up(SYN, OPT_JOIN_SYN, forward), call(flow_is_half_open)}, 2},
	{"idle for 7460 s: the sweep's", {JOINED, call(age_7460), up(SYN, OPT_JOIN_SYN, drop(STALE))}, 2},
	{"FIN both ways, acknowledged, closes", {JOINED, up(FIN | ACK, OPT_NONE, forward), call(flow_is_established), down(FIN | ACK, OPT_NONE, forward), call(flow_is_established), up(ACK, OPT_NONE, forward), call(flow_is_closing), up(ACK, OPT_NONE, forward)}, 2},
	{"FIN one way leaves it open", {JOINED, up(FIN | ACK, OPT_NONE, forward), down(ACK, OPT_NONE, forward, .payload = 500), call(flow_is_established)}, 2},
	{"FIN twice is one", {JOINED, up(FIN | ACK, OPT_NONE, forward), up(FIN | ACK, OPT_NONE, forward), call(flow_is_established)}, 2},
	{"RST closes", {JOINED, up(RST, OPT_NONE, forward), call(flow_is_closing), down(ACK, OPT_NONE, forward)}, 2},
	{"RST from the server closes", {JOINED, down(RST | ACK, OPT_NONE, forward), call(flow_is_closing)}, 2},
	{"closing for 239 s", {JOINED, down(RST, OPT_NONE, forward), call(age_239), up(ACK, OPT_NONE, forward)}, 2},
	{"closing for 241 s", {JOINED, down(RST, OPT_NONE, forward), call(age_241), up(ACK, OPT_NONE, pass(EXPIRED))}, 2},
	{"a new join on a closing four-tuple", {JOINED, down(RST, OPT_NONE, forward), up(SYN, OPT_JOIN_SYN, forward), call(flow_is_half_open), down(SYN | ACK, OPT_JOIN_SYNACK, forward), call(flow_is_established)}, 2},
	{"a new join needs a lease again", {JOINED, down(RST, OPT_NONE, forward), call(lease_gone), up(SYN, OPT_JOIN_SYN, drop(NO_LEASE)), call(lease_back), up(SYN, OPT_JOIN_SYN, forward)}, 2},
	{"a plain SYN on a closing four-tuple", {JOINED, down(RST, OPT_NONE, forward), up(SYN, OPT_MSS, drop(GATE_SYN))}, 2},
	{"restarts do not eat the quota", {call(max_flows_1), JOINED, down(RST, OPT_NONE, forward), up(SYN, OPT_JOIN_SYN, forward)}, 2},
	/* routes, hops, MSS */
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
	/* windows */
	{"a RST beyond the window", {JOINED, down(RST, OPT_NONE, drop(WINDOW), .seq_add = 0x10000000), call(flow_is_established)}, 2},
	{"a RST before the window", {JOINED, up(RST | ACK, OPT_NONE, drop(WINDOW), .seq_add = -0x10000000), call(flow_is_established)}, 2},
	{"a RST within the window ends nothing", {JOINED, down(RST, OPT_NONE, forward, .seq_add = 1), call(flow_is_established), up(RST, OPT_NONE, forward, .seq_add = 5000), call(flow_is_established)}, 2},
	{"a RST answers a segment", {JOINED, up(ACK, OPT_NONE, forward, .payload = 900), down(ACK, OPT_NONE, forward), up(ACK, OPT_NONE, forward, .payload = 900), up(RST, OPT_NONE, forward, .seq_add = -900), call(flow_is_closing)}, 2},
	{"a RST answers another SYN", {up(SYN, OPT_JOIN_SYN, forward), down(RST | ACK, OPT_NONE, drop(WINDOW), .ack_add = 1), down(RST, OPT_NONE, drop(WINDOW)), call(flow_is_half_open)}, 2},
	{"the client resets its SYN", {up(SYN, OPT_JOIN_SYN, forward), up(RST, OPT_NONE, drop(WINDOW), .seq_add = 2), up(RST, OPT_NONE, forward), call(flow_is_closing)}, 2},
	{"a SYN-ACK for another SYN", {up(SYN, OPT_JOIN_SYN, forward), down(SYN | ACK, OPT_JOIN_SYNACK, drop(WINDOW), .ack_add = 1), down(SYN | ACK, OPT_MSS, drop(WINDOW), .ack_add = -1), call(flow_is_half_open), down(SYN | ACK, OPT_JOIN_SYNACK, forward)}, 2},
	{"FIN beyond the window", {JOINED, up(FIN | ACK, OPT_NONE, drop(WINDOW), .seq_add = 0x20000000), down(FIN | ACK, OPT_NONE, drop(WINDOW), .seq_add = 0x20000000), up(ACK, OPT_NONE, forward), call(flow_is_established)}, 2},
	{"FIN within the window, but not the next", {JOINED, up(FIN | ACK, OPT_NONE, forward, .seq_add = 3000), down(FIN | ACK, OPT_NONE, forward, .seq_add = 3000, .ack_add = -3001), up(ACK, OPT_NONE, forward, .seq_add = -3001, .ack_add = -3001), call(flow_is_established)}, 2},
	{"data beyond the window", {JOINED, up(ACK, OPT_NONE, drop(WINDOW), .payload = 100, .seq_add = 0x4000000), down(ACK, OPT_NONE, drop(WINDOW), .payload = 100, .seq_add = 0x4000000)}, 2},
	{"data before the window", {JOINED, up(ACK, OPT_NONE, drop(WINDOW), .payload = 100, .seq_add = -0x4000000)}, 2},
	{"an acknowledgement of what was not sent", {JOINED, up(ACK, OPT_NONE, drop(WINDOW), .ack_add = 1), down(ACK, OPT_NONE, drop(WINDOW), .ack_add = 1)}, 2},
	{"an acknowledgement of long ago", {JOINED, up(ACK, OPT_NONE, drop(WINDOW), .ack_add = -0x10000000)}, 2},
	{"a keep-alive", {JOINED, up(ACK, OPT_NONE, forward, .seq_add = -1), down(ACK, OPT_NONE, forward, .seq_add = -1)}, 2},
	{"a retransmission", {JOINED, down(ACK, OPT_NONE, forward, .payload = 1400), down(ACK, OPT_NONE, forward, .payload = 1400), down(ACK, OPT_NONE, forward, .payload = 1400, .seq_add = -2800), down(ACK, OPT_NONE, forward, .payload = 1400)}, 2},
	{"a segment that overtakes", {JOINED, down(ACK, OPT_NONE, forward, .payload = 1400, .seq_add = 60000), down(ACK, OPT_NONE, forward, .payload = 1400, .seq_add = -61400)}, 2},
	{"a subflow may use the window of the others", {JOINED, down(ACK, OPT_NONE, forward, .payload = 1000, .seq_add = 300000)}, 2},
	{"plain TCP may not", {call(plain_tcp), up(SYN, OPT_MSS, forward, .window = 4000), down(SYN | ACK, OPT_MSS, forward), up(ACK, OPT_NONE, forward, .window = 4000), down(ACK, OPT_NONE, drop(WINDOW), .payload = 100, .seq_add = 4001), down(ACK, OPT_NONE, forward, .payload = 100, .seq_add = 4000)}, 2},
	{"without window scaling", {call(plain_tcp), up(SYN, OPT_JOIN_SYN, forward), down(SYN | ACK, OPT_MSS, forward), up(ACK, OPT_NONE, forward), down(ACK, OPT_NONE, drop(WINDOW), .payload = 100, .seq_add = 70000)}, 2},
	{"with window scaling", {call(plain_tcp), up(SYN, OPT_JOIN_SYN, forward), down(SYN | ACK, OPT_JOIN_SYNACK, forward), up(ACK, OPT_NONE, forward), down(ACK, OPT_NONE, forward, .payload = 100, .seq_add = 70000)}, 2},
	{"a forged SYN changes nothing", {JOINED, up(SYN, OPT_JOIN_SYN, forward, .seq_add = 0x30000000), call(flow_is_established), up(ACK, OPT_NONE, forward, .payload = 100)}, 2},
	{"a forged SYN-ACK", {JOINED, down(SYN | ACK, OPT_JOIN_SYNACK, drop(WINDOW), .seq_add = 0x30000000)}, 2},
	{"both closed, the last acknowledgement lost, for 239 s", {JOINED, up(FIN | ACK, OPT_NONE, forward), down(FIN | ACK, OPT_NONE, forward), call(age_239), up(ACK, OPT_NONE, forward)}, 2},
	{"both closed, the last acknowledgement lost, for 241 s", {JOINED, up(FIN | ACK, OPT_NONE, forward), down(FIN | ACK, OPT_NONE, forward), call(age_241), up(ACK, OPT_NONE, pass(EXPIRED))}, 2},
	/* rates */
	{"max-rate of the client", {JOINED, call(rate_of_nothing), up(ACK, OPT_NONE, drop(RATE), .payload = 1000), down(ACK, OPT_NONE, drop(RATE), .payload = 1000)}, 2},
	{"max-rate of the relay", {JOINED, call(relay_rate_of_nothing), up(ACK, OPT_NONE, drop(RATE), .payload = 1000), down(ACK, OPT_NONE, drop(RATE), .payload = 1000)}, 2},
	{"a bucket of two packets", {JOINED, call(bucket_of_2500), up(ACK, OPT_NONE, forward, .payload = 1000), up(ACK, OPT_NONE, forward, .payload = 1000), up(ACK, OPT_NONE, drop(RATE), .payload = 1000), down(ACK, OPT_NONE, forward, .payload = 1000), call(buckets_full), up(ACK, OPT_NONE, forward, .payload = 1000)}, 2},
	{"a packet larger than the bucket", {JOINED, call(bucket_of_500), up(ACK, OPT_NONE, forward, .payload = 1000), up(ACK, OPT_NONE, drop(RATE), .payload = 100)}, 2},
	{"revoked in mid-flow", {JOINED, call(revoked_without_credit), up(ACK, OPT_NONE, drop(REVOKED), .payload = 1000)}, 2},
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
	/* tunnels */
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
	/* not ours */
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
};

/* clang-format on */
/* --- the telling ------------------------------------------------------------------------------- */

static struct scene scene;

static void packet_check(const char *row, const struct step *st, const struct packet_spec *in, const uint8_t *frame,
			 size_t len)
{
	unsigned family = in->family;
	bool is_up = st->what != DOWN, tunnelled = scene.config.tunnel_ifindex != 0;
	uint8_t original[2048];
	struct packet_seen out, was;
	uint16_t mss = in->mss;

	packet_read(original, packet_build(in, original), &was);
	cr_assert(packet_read(frame, len, &out), "%s: no TCP comes out", row);
	cr_assert_str_eq(out.src, tunnelled && !is_up ? scene_server(family) : scene_relay(family), "%s: from %s", row,
			 out.src);
	cr_assert_str_eq(out.dst, is_up ? scene_server(family) : scene_client(family), "%s: to %s", row, out.dst);
	if (is_up)
		cr_assert(out.sport >= scene.config.source_min && out.sport <= scene.config.source_max, "%s: port %u",
			  row, out.sport);
	else
		cr_assert_eq(out.sport, tunnelled ? SCENE_RPT : SCENE_DPT, "%s: port %u", row, out.sport);
	cr_assert_eq(out.dport, is_up ? SCENE_RPT : SCENE_SPORT, "%s: to port %u", row, out.dport);
	cr_assert_eq(out.hops, in->hops - 1, "%s: hops %u", row, out.hops);
	cr_assert_eq(out.flags, in->flags, "%s: flags", row);
	cr_assert(out.ip_sum_ok, "%s: IP checksum", row);
	cr_assert(out.tcp_sum_ok, "%s: TCP checksum", row);
	cr_assert(out.payload == was.payload && out.payload_hash == was.payload_hash, "%s: payload", row);
	if (st->mss_out)
		mss = (uint16_t)((st->mss_out == 1 ? 1400 : st->mss_out == 3 ? 1420 : 1500) - (family == 4 ? 40 : 60));
	if (out.mss)
		cr_assert_eq(out.mss, mss, "%s: MSS %u, not %u", row, out.mss, mss);
}

/* Both ends' sequence numbers, by enum dt_flow_dir. */
static struct {
	uint32_t first, next;
} ends[2];

static void ends_reset(void)
{
	ends[DT_DIR_UP].first = ends[DT_DIR_UP].next = 0xfffffffaU;
	ends[DT_DIR_DOWN].first = ends[DT_DIR_DOWN].next = 0x7ffffff0U;
}

static struct packet_spec spec_of(const struct step *st, unsigned family)
{
	bool is_down = st->what == DOWN || st->what == ERROR_DOWN, tunnelled = scene.config.tunnel_ifindex != 0;
	struct packet_spec spec = {
		.family = family,
		.src = !is_down ? scene_client(family) : scene_server(family),
		.dst = st->what == TUNNEL_UP ? scene_server(family) : scene_relay(family),
		.sport = !is_down ? (st->sport ? st->sport : SCENE_SPORT) : SCENE_RPT,
		.dport = st->what == TUNNEL_UP ? SCENE_RPT
			 : st->what == UP      ? (st->dport ? st->dport : SCENE_DPT)
					       : SCENE_SOURCE,
		.flags = st->flags,
		.options = st->options,
		.mss = st->mss	     ? st->mss
		       : family == 4 ? 1460
				     : 1440,
		.hops = st->hops ? st->hops : 64,
		.payload = st->payload,
		.window = st->window ? st->window : 0xff00,
	};
	struct dt_flow f;

	spec.seq = (st->flags & SYN ? ends[is_down].first : ends[is_down].next) + (uint32_t)st->seq_add;
	if (st->flags & ACK)
		spec.ack = ends[!is_down].next + (uint32_t)st->ack_add;
	/* with several source ports, the answer goes to the one the flow has */
	if (st->what == DOWN && scene_flow(&scene, DT_DIR_UP, &f))
		spec.dport = (uint16_t)(f.new_sport_be16 << 8 | f.new_sport_be16 >> 8);
	/* what is quoted has been rewritten */
	if (st->what == ERROR_UP) {
		spec.src = scene_relay(family);
		spec.dst = scene_server(family);
		spec.sport = SCENE_SOURCE;
		spec.dport = SCENE_RPT;
	} else if (st->what == ERROR_DOWN) {
		spec.src = tunnelled ? scene_server(family) : scene_relay(family);
		spec.dst = scene_client(family);
		spec.sport = tunnelled ? SCENE_RPT : SCENE_DPT;
		spec.dport = SCENE_SPORT;
	}
	return spec;
}

static void ends_advance(const struct step *st, const struct packet_spec *spec)
{
	bool is_down = st->what == DOWN;
	uint32_t end = spec->seq + spec->payload + !!(spec->flags & SYN) + !!(spec->flags & FIN);

	if (st->sport || (spec->flags & SYN && st->seq_add))
		return;
	if (spec->flags & SYN && !(spec->flags & ACK))
		ends[0].next = end;
	else if ((int32_t)(end - ends[is_down].next) > 0)
		ends[is_down].next = end;
}

static uint8_t icmp_type(unsigned family, uint8_t type, uint8_t code)
{
	if (family == 4 || type >= 128)
		return type;
	return type == 11 ? 3 : code == 4 ? 2 : 1;
}

static struct icmp_spec error_of(const struct step *st, const struct packet_spec *quoted)
{
	unsigned family = quoted->family;
	bool is_big = st->icmp.type == 3 && st->icmp.code == 4;

	return (struct icmp_spec){
		.src = family == 4 ? "192.0.2.77" : "2001:db8:77::77",
		.dst = st->icmp.elsewhere ? scene_client(family) : quoted->src,
		.type = icmp_type(family, st->icmp.type, st->icmp.code),
		.code = family == 6 ? 0 : st->icmp.code,
		.rest = is_big ? st->icmp.rest : 0,
		.hops = st->hops ? st->hops : 64,
		.quoted = *quoted,
		.quoted_tcp = st->icmp.bytes ? st->icmp.bytes : (uint16_t)(20 + quoted->payload),
	};
}

/* A translated error: from the relay to the sender, who finds in it the packet as he sent it. */
static void error_check(const char *row, const struct step *st, const struct icmp_spec *in, const uint8_t *frame,
			size_t len)
{
	unsigned family = in->quoted.family;
	bool tunnelled = scene.config.tunnel_ifindex != 0;
	const char *client = scene_client(family), *relay = scene_relay(family), *server = scene_server(family);
	struct icmp_seen out;

	cr_assert(icmp_read(frame, len, &out), "%s: no ICMP error comes out", row);
	cr_assert_str_eq(out.src, relay, "%s: from %s", row, out.src);
	cr_assert_str_eq(out.dst, st->what == ERROR_UP ? client : server, "%s: to %s", row, out.dst);
	cr_assert(out.type == in->type && out.code == in->code && out.rest == in->rest, "%s: other ICMP", row);
	cr_assert_eq(out.hops, in->hops - 1, "%s: hops", row);
	cr_assert(out.ip_sum_ok, "%s: IP checksum", row);
	cr_assert(out.icmp_sum_ok, "%s: ICMP checksum", row);
	cr_assert(out.quoted.ip_sum_ok, "%s: quoted IP checksum", row);
	if (in->quoted_tcp == 20 + in->quoted.payload && in->quoted.options == OPT_NONE)
		cr_assert(out.quoted.tcp_sum_ok, "%s: quoted TCP checksum", row);
	cr_assert_eq(out.quoted_seq, in->quoted.seq, "%s: quoted sequence number", row);
	if (st->what == ERROR_UP) {
		cr_assert_str_eq(out.quoted.src, client, "%s: quotes one from %s", row, out.quoted.src);
		cr_assert_str_eq(out.quoted.dst, tunnelled ? server : relay, "%s: quotes one to %s", row,
				 out.quoted.dst);
		cr_assert_eq(out.quoted.sport, SCENE_SPORT, "%s: quoted port", row);
		cr_assert_eq(out.quoted.dport, tunnelled ? SCENE_RPT : SCENE_DPT, "%s: quoted port", row);
	} else {
		cr_assert_str_eq(out.quoted.src, server, "%s: quotes one from %s", row, out.quoted.src);
		cr_assert_str_eq(out.quoted.dst, relay, "%s: quotes one to %s", row, out.quoted.dst);
		cr_assert_eq(out.quoted.sport, SCENE_RPT, "%s: quoted port", row);
		cr_assert_eq(out.quoted.dport, SCENE_SOURCE, "%s: quoted port", row);
	}
}

/* An error made here: about the packet as it came, to its sender. */
static void answer_check(const char *row, const struct step *st, const struct packet_spec *in, const uint8_t *frame,
			 size_t len)
{
	struct icmp_seen out;

	cr_assert(icmp_read(frame, len, &out), "%s: no ICMP error comes out (%zu bytes)", row, len);
	cr_assert_str_eq(out.src, scene_relay(in->family), "%s: from %s", row, out.src);
	cr_assert_str_eq(out.dst, in->src, "%s: to %s", row, out.dst);
	cr_assert_eq(out.type, icmp_type(in->family, st->icmp.type, st->icmp.code), "%s: type %u", row, out.type);
	cr_assert_eq(out.code, in->family == 4 ? st->icmp.code : 0, "%s: code %u", row, out.code);
	cr_assert_eq(out.rest, st->icmp.rest, "%s: MTU %u", row, out.rest);
	cr_assert(out.ip_sum_ok, "%s: IP checksum", row);
	cr_assert(out.icmp_sum_ok, "%s: ICMP checksum", row);
	cr_assert_str_eq(out.quoted.src, in->src, "%s: quotes one from %s", row, out.quoted.src);
	cr_assert_str_eq(out.quoted.dst, in->dst, "%s: quotes one to %s", row, out.quoted.dst);
	cr_assert(out.quoted.sport == in->sport && out.quoted.dport == in->dport, "%s: quoted ports", row);
	cr_assert_eq(out.quoted_seq, in->seq, "%s: quoted sequence number", row);
}

static void step_run(const char *row, const struct step *st, unsigned family)
{
	static const int verdicts[] = {
		[FORWARD] = TC_ACT_REDIRECT,
		[PASS] = TC_ACT_UNSPEC,
		[DROP] = TC_ACT_SHOT,
		[ANSWER] = TC_ACT_REDIRECT,
	};
	bool is_error = st->what == ERROR_UP || st->what == ERROR_DOWN;
	struct packet_spec spec = spec_of(st, family);
	struct icmp_spec error = error_of(st, &spec);
	unsigned counter = st->fate != FORWARD ? st->counter
			   : is_error	       ? DT_NAT_FORWARDED_ICMP
			   : st->what != DOWN  ? DT_NAT_FORWARDED_UP
					       : DT_NAT_FORWARDED_DOWN;
	uint64_t before[DT_NAT_COUNTERS];
	uint8_t frame[2048], original[2048];
	size_t len = is_error ? icmp_build(&error, frame) : packet_build(&spec, frame), original_len;
	int verdict;

	if (st->damage)
		st->damage(frame, &len, family);
	memcpy(original, frame, sizeof(original));
	original_len = len;
	for (unsigned i = 0; i < DT_NAT_COUNTERS; i++)
		before[i] = scene_counter(&scene, i);
	verdict = scene_run(&scene, frame, &len, st->gso_size, st->gso_segs);
	for (unsigned i = 0; i < DT_NAT_COUNTERS; i++)
		if (i != DT_NAT_FLOWS_STARTED)
			cr_assert_eq(scene_counter(&scene, i) - before[i], i == counter,
				     "%s (IPv%u): counter %u rose by %llu, expected %u to rise", row, family, i,
				     (unsigned long long)(scene_counter(&scene, i) - before[i]), counter);
	cr_assert_eq(verdict, verdicts[st->fate], "%s (IPv%u): verdict %d, not %d", row, family, verdict,
		     verdicts[st->fate]);
	if (st->fate == ANSWER)
		answer_check(row, st, &spec, frame, len);
	else if (st->fate != FORWARD)
		cr_assert(len == original_len && memcmp(frame, original, len) == 0,
			  "%s (IPv%u): changed, though not forwarded", row, family);
	else if (is_error)
		error_check(row, st, &error, frame, len);
	else
		packet_check(row, st, &spec, frame, len);
	if (!is_error && (st->fate == FORWARD || st->counter == DT_NAT_PASS_REFUSED))
		ends_advance(st, &spec);
}

static void row_run(const struct row *row, unsigned family)
{
	scene_reset(&scene);
	ends_reset();
	for (const struct step *st = row->steps; st < row->steps + STEPS && st->what != END; st++) {
		if (st->what == CALL)
			st->change(&scene, family);
		else
			step_run(row->name, st, family);
	}
	cr_assert_eq(scene_flows(&scene), row->flows, "%s (IPv%u): %u entries left, not %u", row->name, family,
		     scene_flows(&scene), row->flows);
}

static void open_scene(void)
{
	int err;

	if (geteuid() != 0)
		cr_skip_test("loading BPF needs root");
	err = scene_open(&scene);
	cr_assert_eq(err, 0, "cannot load nat.bpf: %s", strerror(-err));
}

static void close_scene(void)
{
	scene_close(&scene);
}

TestSuite(nat, .init = open_scene, .fini = close_scene, .timeout = 120);

Test(nat, rows)
{
	unsigned told = 0, packets = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned family = 4; family <= 6; family += 2) {
			if (rows[i].only && rows[i].only != family)
				continue;
			row_run(&rows[i], family);
			told++;
			for (const struct step *st = rows[i].steps; st < rows[i].steps + STEPS && st->what != END; st++)
				packets += st->what != CALL;
		}
	cr_log_info("%u rows, %u packets", told, packets);
	cr_assert_geq(told, 290);
}

/* 64 clients' ports at once: every flow gets a source port of its own, and the 65th none. */
Test(nat, source_ports_are_claimed_once)
{
	bool taken[64] = {false};
	unsigned got = 0;

	scene_reset(&scene);
	scene.config.source_max = SCENE_SOURCE + 31;
	scene_config_store(&scene);
	for (unsigned i = 0; i < 40; i++) {
		struct packet_spec spec = {4,
					   scene_client(4),
					   scene_relay(4),
					   (uint16_t)(1024 + i),
					   SCENE_DPT,
					   SYN,
					   OPT_JOIN_SYN,
					   1460,
					   64,
					   0};
		struct packet_seen out;
		uint8_t frame[2048];
		size_t len = packet_build(&spec, frame);

		if (scene_run(&scene, frame, &len, 0, 0) != TC_ACT_REDIRECT)
			continue;
		got++;
		packet_read(frame, len, &out);
		cr_assert(out.sport >= SCENE_SOURCE && out.sport < SCENE_SOURCE + 32);
		cr_assert(!taken[out.sport - SCENE_SOURCE], "port %u twice", out.sport);
		taken[out.sport - SCENE_SOURCE] = true;
	}
	cr_assert_eq(got, 32, "%u flows", got);
}

/* The new-flow bucket refills at its rate. */
Test(nat, new_flows_refill)
{
	unsigned made = 0;

	scene_reset(&scene);
	scene.config.source_max = SCENE_SOURCE + 999;
	scene.limits.max_new_flows = 20;
	scene_config_store(&scene);
	scene_limits_store(&scene);
	for (unsigned i = 0; i < 40; i++) {
		struct packet_spec spec = {6,
					   scene_client(6),
					   scene_relay(6),
					   (uint16_t)(1024 + i),
					   SCENE_DPT,
					   SYN,
					   OPT_JOIN_SYN,
					   1440,
					   64,
					   0};
		uint8_t frame[2048];
		size_t len = packet_build(&spec, frame);

		made += scene_run(&scene, frame, &len, 0, 0) == TC_ACT_REDIRECT;
	}
	cr_assert(made >= 20 && made <= 24, "%u flows at once", made);
	usleep(300000);
	for (unsigned i = 0; i < 40; i++) {
		struct packet_spec spec = {6,
					   scene_client(6),
					   scene_relay(6),
					   (uint16_t)(2024 + i),
					   SCENE_DPT,
					   SYN,
					   OPT_JOIN_SYN,
					   1440,
					   64,
					   0};
		uint8_t frame[2048];
		size_t len = packet_build(&spec, frame);

		made += scene_run(&scene, frame, &len, 0, 0) == TC_ACT_REDIRECT;
	}
	cr_assert(made >= 25, "%u flows after 0.3 s", made);
}

/* A burst of errors of our own, then one a millisecond. */
Test(nat, errors_are_limited)
{
	unsigned told = 0, most;
	uint64_t begin_ns;

	scene_reset(&scene);
	begin_ns = dt_now_ns();
	for (unsigned i = 0; i < 500; i++) {
		struct packet_spec spec = {
			4, scene_client(4), scene_relay(4), (uint16_t)(1024 + i), SCENE_DPT, SYN, OPT_JOIN_SYN, 1460, 1,
			0};
		uint8_t frame[2048];
		size_t len = packet_build(&spec, frame);

		told += scene_run(&scene, frame, &len, 0, 0) == TC_ACT_REDIRECT;
	}
	most = 50 + (unsigned)((dt_now_ns() - begin_ns) / DT_MS) + 1;
	cr_assert(told >= 50 && told <= most, "%u errors, at most %u", told, most);
	cr_assert_eq(scene_counter(&scene, DT_NAT_DROP_TTL), 500);
}

/* A SYN on an established flow may be anybody's. */
Test(nat, a_syn_keeps_no_flow_alive)
{
	struct dt_flow before, after;
	struct row row = {"joined", {JOINED}, 2};
	struct packet_spec spec = {4,	scene_client(4), scene_relay(4), SCENE_SPORT, SCENE_DPT,
				   SYN, OPT_JOIN_SYN,	 1460,		 64,	      0};
	uint8_t frame[2048];
	size_t len;

	row_run(&row, 4);
	cr_assert(scene_flow(&scene, DT_DIR_UP, &before));
	len = packet_build(&spec, frame);
	cr_assert_eq(scene_run(&scene, frame, &len, 0, 0), TC_ACT_REDIRECT);
	cr_assert(scene_flow(&scene, DT_DIR_UP, &after));
	cr_assert_eq(after.packets, before.packets + 1);
	cr_assert_eq(after.seen_ns, before.seen_ns);
}
