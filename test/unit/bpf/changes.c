/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes and checks of the scene, and damage to packets, that more than one test_nat_*.c uses. */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "bpf/story.h"

/* clang-format off */
void lease_gone(struct scene *s, unsigned family) { scene_lease_delete(s, family); }
void plain_tcp(struct scene *s, unsigned family)
{
	s->limits.flags = DT_CLIENT_PLAIN_TCP;
	scene_limits_store(s);
}
void revoked(struct scene *s, unsigned family)
{
	uint64_t id = SCENE_CLIENT_ID;

	bpf_map__delete_elem(s->skel->maps.clients, &id, sizeof(id), 0);
}
void daemon_away(struct scene *s, unsigned family)
{
	s->config.alive_until_ns = dt_now_ns() - 1;
	scene_config_store(s);
}
void daemon_dead(struct scene *s, unsigned family)
{
	daemon_away(s, family);
	s->config.dead_after_ns = dt_now_ns() - 1;
	s->config.dead_awake_ns = dt_awake_ns() - 1;
	scene_config_store(s);
}
void age_239(struct scene *s, unsigned family) { scene_flows_age(s, 239 * DT_SEC); }
void age_241(struct scene *s, unsigned family) { scene_flows_age(s, 241 * DT_SEC); }
void denied(struct scene *s, unsigned family)
{
	scene_policy_put(s, 0, DT_POLICY_DENY, family == 4 ? "203.0.113.0/24" : "2001:db8:5::/48");
}
void max_flows_1(struct scene *s, unsigned family)
{
	s->limits.max_flows = 1;
	s->config.source_max = SCENE_SOURCE + 9;
	scene_config_store(s);
	scene_limits_store(s);
}
void small_mtu(struct scene *s, unsigned family)
{
	struct dt_route route = {.oif = 1, .mtu = SMALL_MTU};
	struct dt_route_key key = {.prefixlen = DT_ROUTE_PREFIX_BASE + (family == 4 ? 96 : 0), .family = family};

	if (family == 4)
		key.ip = dt_ip_from_v4(0);
	bpf_map__update_elem(s->skel->maps.routes, &key, sizeof(key), &route, sizeof(route), 0);
}
static void each_flow(struct scene *s, void (*change)(struct dt_flow *f))
{
	struct dt_flow_key key, next;
	struct dt_flow f;
	bool more = bpf_map__get_next_key(s->skel->maps.flows, NULL, &next, sizeof(next)) == 0;

	while (more) {
		key = next;
		more = bpf_map__get_next_key(s->skel->maps.flows, &key, &next, sizeof(next)) == 0;
		bpf_map__lookup_elem(s->skel->maps.flows, &key, sizeof(key), &f, sizeof(f), 0);
		change(&f);
		bpf_map__update_elem(s->skel->maps.flows, &key, sizeof(key), &f, sizeof(f), BPF_EXIST);
	}
}
static void spent(struct dt_flow *f) { f->credit = 0; }
void no_credit(struct scene *s) { each_flow(s, spent); }
/* expired ten units ago */
static void expired(struct dt_flow *f) { f->credit_until = (uint32_t)(dt_now_ns() >> 20) - 10; }
void credit_old(struct scene *s, unsigned family) { each_flow(s, expired); }
void rate_of_nothing(struct scene *s, unsigned family)
{
	s->limits.rate = 0;
	scene_limits_store(s);
	no_credit(s);
}
/* Makes the scene's interface the tunnel, with a lease of the client's tunnel address. */
void interface_is_tunnel(struct scene *s, unsigned family)
{
	struct dt_lease_key key = {0};
	struct dt_lease lease = {.client_id = SCENE_CLIENT_ID, .expires_ns = dt_now_ns() + 300 * DT_SEC};

	dt_ip_parse(&key.client, scene_client(family));
	dt_ip_parse(&lease.server, scene_relay(family));
	bpf_map__update_elem(s->skel->maps.leases, &key, sizeof(key), &lease, sizeof(lease), 0);
	s->config.tunnel_ifindex = 1;
	scene_config_store(s);
}
void interface_is_uplink(struct scene *s, unsigned family)
{
	s->config.tunnel_ifindex = 99;
	scene_config_store(s);
}
void flow_is_established(struct scene *s, unsigned family)
{
	struct dt_flow f;

	cr_assert(scene_flow(s, DT_DIR_UP, &f) && f.state == DT_FLOW_ESTABLISHED, "the flow is not established");
}
void flow_is_closing(struct scene *s, unsigned family)
{
	struct dt_flow f;

	cr_assert(scene_flow(s, DT_DIR_UP, &f) && f.state == DT_FLOW_CLOSING, "the flow is not closing");
	cr_assert(scene_flow(s, DT_DIR_DOWN, &f) && f.state == DT_FLOW_CLOSING, "the other entry is not closing");
}
void flow_is_half_open(struct scene *s, unsigned family)
{
	struct dt_flow f;

	cr_assert(scene_flow(s, DT_DIR_UP, &f) && f.state == DT_FLOW_HALF_OPEN, "the flow is not half open");
}

void fragment(uint8_t *frame, size_t *len, unsigned family) { frame[14 + 6] = 0x20; }
void udp(uint8_t *frame, size_t *len, unsigned family) { frame[14 + (family == 4 ? 9 : 6)] = 17; }
/* clang-format on */
