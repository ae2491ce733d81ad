/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.bpf, packet by packet. Which flows are permitted: leases, clients, destinations. */
#include "base/clock.h"
#include "bpf/story.h"

/* clang-format off */
static void lease_over(struct scene *s, unsigned family) { scene_lease_put(s, family, dt_now_ns() - 1); }
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

const struct row policy_rows[] = {
	/* leases */
	{"no lease", {call(lease_gone), from_client(SYN, OPT_JOIN_SYN, dropped(NO_LEASE))}, .flows_left = 0},
	{"an expired lease", {call(lease_over), from_client(SYN, OPT_JOIN_SYN, dropped(NO_LEASE))}, .flows_left = 0},
	{"another lease port", {from_client(SYN, OPT_JOIN_SYN, dropped(NO_LEASE), .lease_port = 50001)}, .flows_left = 0},
	{"the highest lease port", {from_client(SYN, OPT_JOIN_SYN, dropped(NO_LEASE), .lease_port = 59999)}, .flows_left = 0},
	{"a flow outlives its lease", {JOINED, call(lease_gone), from_client(ACK, OPT_NONE, forwarded, .payload = 5), from_server(ACK, OPT_NONE, forwarded)}, .flows_left = 1},
	{"no second flow after the lease", {JOINED, call(lease_over), from_client(SYN, OPT_JOIN_SYN, dropped(NO_LEASE), .client_port = 2000)}, .flows_left = 1},
	{"a revoked client", {call(revoked), from_client(SYN, OPT_JOIN_SYN, dropped(REVOKED))}, .flows_left = 0},
	{"a segment without a flow goes to the host", {from_client(ACK, OPT_NONE, passed(NO_FLOW), .payload = 10)}, .flows_left = 0},
	{"a RST without a flow goes to the host", {from_client(RST, OPT_NONE, passed(NO_FLOW))}, .flows_left = 0},
	{"a segment for a source port without a flow", {from_server(ACK, OPT_NONE, passed(NO_FLOW))}, .flows_left = 0},
	{"a SYN for a source port goes to the host", {from_server(SYN, OPT_JOIN_SYN, passed(NO_FLOW))}, .flows_left = 0},
	{"another port of the host", {from_client(SYN, OPT_JOIN_SYN, passed(NO_FLOW), .lease_port = 22)}, .flows_left = 0},
	{"below the lease ports", {from_client(SYN, OPT_JOIN_SYN, passed(NO_FLOW), .lease_port = 49999)}, .flows_left = 0},
	{"above the lease ports", {from_client(SYN, OPT_JOIN_SYN, passed(NO_FLOW), .lease_port = 60000)}, .flows_left = 0},
	{"an address that is not a NAT address", {call(address_gone), from_client(SYN, OPT_JOIN_SYN, passed(NO_FLOW))}, .flows_left = 0},
	{"port ranges that have changed", {JOINED, call(ports_moved), from_client(ACK, OPT_NONE, passed(NO_FLOW)), from_server(ACK, OPT_NONE, passed(NO_FLOW))}, .flows_left = 1},
	/* destinations */
	{"deny", {call(denied), from_client(SYN, OPT_JOIN_SYN, dropped(DESTINATION))}, .flows_left = 0},
	{"deny beats allow", {call(denied), call(allowed), from_client(SYN, OPT_JOIN_SYN, dropped(DESTINATION))}, .flows_left = 0},
	{"denied by the built-in table", {call(builtin), from_client(SYN, OPT_JOIN_SYN, dropped(DESTINATION))}, .flows_left = 0},
	{"allow opens the built-in table", {call(builtin), call(allowed), from_client(SYN, OPT_JOIN_SYN, forwarded)}, .flows_left = 1},
	{"allow of another server does not open it", {call(builtin), call(allowed_other), from_client(SYN, OPT_JOIN_SYN, dropped(DESTINATION))}, .flows_left = 0},
	{"the client's deny", {call(client_denied), from_client(SYN, OPT_JOIN_SYN, dropped(DESTINATION))}, .flows_left = 0},
	{"the client's allow list holds others", {call(client_allows_other), from_client(SYN, OPT_JOIN_SYN, dropped(DESTINATION))}, .flows_left = 0},
	{"the client's allow list holds it", {call(client_allows), from_client(SYN, OPT_JOIN_SYN, forwarded)}, .flows_left = 1},
	{"the client's allow does not widen", {call(builtin), call(client_allows), from_client(SYN, OPT_JOIN_SYN, dropped(DESTINATION))}, .flows_left = 0},
	{"another client's deny", {call(stranger_denied), from_client(SYN, OPT_JOIN_SYN, forwarded)}, .flows_left = 1},
	{"the other family's deny", {call(other_family_denied), from_client(SYN, OPT_JOIN_SYN, forwarded)}, .flows_left = 1},
	{"a policy of an old generation", {call(policy_outdated), from_client(SYN, OPT_JOIN_SYN, forwarded)}, .flows_left = 1},
	{"deny holds for new flows only", {JOINED, call(denied), from_client(ACK, OPT_NONE, forwarded)}, .flows_left = 1},
	{NULL},
};
/* clang-format on */
