/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.bpf, packet by packet. Who may have a flow, and to where: leases, clients, destinations. */
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
	{NULL},
};
/* clang-format on */
