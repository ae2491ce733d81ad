/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which subflows a connection should have: detours by the rules, and the plain ones it would have had without us. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "pm/interfaces.h"
#include "pm/pm.h"

static bool is_loopback(const struct dt_ip *ip)
{
	static const struct dt_ip loopback6 = {.b = {[15] = 1}};

	return dt_ip_is_v4(ip) ? ip->b[12] == 127 : dt_ip_equal(ip, &loopback6);
}

static bool stays_here(const struct dt_connection *c)
{
	return is_loopback(&c->remote.ip) || dt_ip_equal(&c->local.ip, &c->remote.ip);
}

struct dt_subflow *dt_detour_at(const struct dt_connection *c, const struct dt_pm_relay *relay)
{
	struct dt_subflow *s;

	DL_FOREACH(c->subflows, s)
		if (s->relay && s->relay == relay)
			return s;
	return NULL;
}

static unsigned detours_under_way(const struct dt_connection *c)
{
	const struct dt_subflow *s;
	unsigned count = 0;

	DL_FOREACH(c->subflows, s)
		count += s->relay && dt_subflow_is_under_way(s);
	return count;
}

/* Ends what goes over relays that are about to close, unless the connection has nothing else. */
void dt_detours_leave_draining(struct dt_connection *c)
{
	struct dt_subflow *s, *tmp;
	bool other = c->direct_established;

	DL_FOREACH(c->subflows, s)
		other = other || (s->state == DT_SUBFLOW_ESTABLISHED && !(s->relay && dt_pm_relay_draining(s->relay)));
	DL_FOREACH_SAFE(c->subflows, s, tmp)
		if (s->relay && dt_pm_relay_draining(s->relay) && (s->state != DT_SUBFLOW_ESTABLISHED || other))
			dt_subflow_free(s, true);
}

/* --- detours ----------------------------------------------------------------------------------- */

struct dt_plan dt_connection_plan(const struct dt_connection *c)
{
	return dt_rules_plan(c->pm->config, &c->remote, c->has_origin ? &c->origin : NULL);
}

enum dt_carrier dt_plan_carrier(const struct dt_plan *plan, const struct dt_pm_relay *relay, uint64_t now_ns)
{
	if (plan->carrier == DT_CARRIER_AUTO)
		return now_ns < relay->nat_blocked_ns ? DT_CARRIER_WIREGUARD : DT_CARRIER_NAT;
	return plan->carrier < 0 ? dt_pm_relay_carrier(relay, now_ns) : (enum dt_carrier)plan->carrier;
}

static bool tunnel_use(struct dt_connection *c, struct dt_pm_relay *relay, const struct dt_plan *plan,
		       struct dt_subflow *s, const struct dt_endpoint *server, uint64_t now_ns)
{
	struct dt_ip local;

	if (dt_pm_relay_state(relay) != DT_LINK_UP || !relay->tunnel ||
	    !dt_pm_tunnel_address(relay->tunnel, dt_ip_family(&server->ip), &local))
		return false;
	if (!s)
		s = dt_subflow_new(c, relay);
	if (!s)
		return false;
	dt_subflow_lease_set(s, NULL);
	s->carrier = DT_CARRIER_WIREGUARD;
	s->server = *server;
	s->backup_wanted = relay->conf->backup || plan->backup;
	return dt_subflow_join(s, now_ns);
}

/* True when this relay has, or will have in a moment, a detour of the connection. */
static bool relay_use(struct dt_connection *c, struct dt_pm_relay *relay, const struct dt_plan *plan,
		      const struct dt_endpoint *server, uint64_t now_ns)
{
	struct dt_subflow *s = dt_detour_at(c, relay);
	struct dt_relay_link *link;
	struct dt_pm_lease *lease;
	const char *why;

	if (s && dt_subflow_is_under_way(s))
		return true;
	if (dt_pm_relay_draining(relay))
		return false;
	if (s && now_ns < s->may_try_ns)
		return false; /* its timer is running */
	if (dt_plan_carrier(plan, relay, now_ns) == DT_CARRIER_WIREGUARD)
		return !c->device && tunnel_use(c, relay, plan, s, server, now_ns);
	if (dt_ip_is_unset(&c->source))
		return false;
	link = dt_pm_relay_link(relay, &c->source, &why);
	if (!link || dt_link_state(link->proto) != DT_LINK_UP)
		return false;
	lease = dt_pm_lease_get(link, server, now_ns);
	if (!s)
		s = lease ? dt_subflow_new(c, relay) : NULL;
	if (!s)
		return false;
	dt_subflow_lease_set(s, lease);
	s->carrier = DT_CARRIER_NAT;
	s->server = *server;
	s->backup_wanted = relay->conf->backup || plan->backup;
	if (lease->state == DT_LEASE_READY)
		return dt_subflow_join(s, now_ns);
	if (lease->state == DT_LEASE_REFUSED) {
		s->state = DT_SUBFLOW_IDLE;
		return false;
	}
	return dt_subflow_await_lease(s, now_ns);
}

static void relays_plan(struct dt_connection *c, unsigned unsure, uint64_t now_ns)
{
	struct dt_plan plan = dt_connection_plan(c);
	unsigned used = detours_under_way(c) + unsure;
	struct dt_pm_relay *relays[DT_POLICY_PATHS_MAX];
	struct dt_endpoint server;
	size_t nrelays;

	if (!dt_server_address(c, &server))
		return;
	nrelays = used < plan.detours ? dt_choice_order(c, relays) : 0;
	for (size_t i = 0; i < nrelays && used < plan.detours && dt_server_has_room(c, now_ns); i++) {
		struct dt_subflow *s = dt_detour_at(c, relays[i]);

		if (!(s && dt_subflow_is_under_way(s)))
			used += relay_use(c, relays[i], &plan, &server, now_ns);
	}
}

bool dt_detours_open(struct dt_connection *c, struct dt_pm_relay *relay, uint64_t now_ns)
{
	struct dt_plan plan = dt_connection_plan(c);
	struct dt_endpoint server;

	return !c->pm->stopping && !stays_here(c) && dt_server_address(c, &server) && dt_server_has_room(c, now_ns) &&
	       relay_use(c, relay, &plan, &server, now_ns);
}

/* --- subflows of an earlier run ---------------------------------------------------------------- */

/* Subflows from here join this relay at the address of this link. NULL: not known yet. */
static struct dt_relay_link *link_up(struct dt_pm_relay *relay, const struct dt_ip *local)
{
	const char *why;
	struct dt_relay_link *link = dt_pm_relay_link(relay, local, &why);

	return link && dt_link_state(link->proto) == DT_LINK_UP ? link : NULL;
}

static void known_now(struct dt_subflow *s, struct dt_relay_link *link, uint64_t now_ns)
{
	s->relay = link->relay;
	s->unknown = false;
	s->carrier = DT_CARRIER_NAT;
	dt_server_address(s->connection, &s->server);
	s->backup_wanted = s->relay->conf->backup;
	/* the relay gives the same client the same port again */
	dt_subflow_lease_set(s, dt_pm_lease_get(link, &s->server, now_ns));
	dt_pm_publish_subflow(s->connection->pm, s->connection, s, "taken over");
}

/*
 * Over which relay they go is known once it has named the address that clients join at. Returns how many may yet be
 * those of relays that have not answered: they count as detours until then.
 */
static unsigned unknown_resolve(struct dt_connection *c, uint64_t now_ns)
{
	unsigned unsure = 0;
	struct dt_subflow *s;

	DL_FOREACH(c->subflows, s) {
		bool all_answered = true;

		for (struct dt_pm_relay *relay = c->pm->relays; relay && s->unknown; relay = relay->next) {
			struct dt_relay_link *link = link_up(relay, &s->local.ip);
			struct dt_ip nat;

			if (!link) {
				all_answered = false;
				continue;
			}
			nat = dt_relay_link_nat_address(link);
			if (dt_ip_equal(&nat, &s->remote.ip) && !dt_detour_at(c, relay))
				known_now(s, link, now_ns);
		}
		unsure += s->unknown && !all_answered;
	}
	return unsure;
}

/* --- planning ---------------------------------------------------------------------------------- */

void dt_detours_plan(struct dt_connection *c)
{
	uint64_t now_ns = dt_now_ns();
	unsigned unsure;

	if (c->pm->stopping || c->foreign || stays_here(c))
		return;
	unsure = unknown_resolve(c, now_ns);
	if (c->young)
		return;
	dt_plain_plan(c, now_ns);
	relays_plan(c, unsure, now_ns);
}

void dt_detours_plan_all(struct dt_pm *pm)
{
	struct dt_connection *c, *tmp;

	HASH_ITER(hh, pm->connections, c, tmp)
		dt_detours_plan(c);
}

void dt_detours_lease_changed(struct dt_pm_lease *lease, uint64_t now_ns)
{
	struct dt_subflow *s, *tmp;

	DL_FOREACH_SAFE2(lease->subflows, s, tmp, lease_next) {
		/* the relay gave another port: nobody answers at the old one */
		if (s->state == DT_SUBFLOW_PENDING && lease->state == DT_LEASE_READY && s->remote.port != lease->dpt) {
			dt_subflow_give_up(s, DT_END_NONE, now_ns);
			s->may_try_ns = now_ns;
		}
		if (dt_subflow_is_under_way(s))
			continue;
		if (lease->state == DT_LEASE_REFUSED)
			s->state = DT_SUBFLOW_IDLE;
		dt_detours_plan(s->connection);
	}
}

void dt_detours_relay_up(struct dt_pm_relay *relay, uint64_t now_ns)
{
	struct dt_connection *c, *tmp;

	HASH_ITER(hh, relay->pm->connections, c, tmp) {
		struct dt_subflow *s = dt_detour_at(c, relay);

		if (s && !dt_subflow_is_under_way(s)) {
			s->backoff_ns = 0;
			s->may_try_ns = 0;
		}
		dt_detours_plan(c);
	}
}

/* The old one would wait for its time-out, which has doubled with each try: a new one starts at once. */
static void stalled_renew(struct dt_subflow *s, uint64_t now_ns)
{
	if (s->state != DT_SUBFLOW_ESTABLISHED || !dt_subflow_stalls(s, now_ns))
		return;
	s->backoff_ns = 0;
	dt_subflow_give_up(s, DT_END_DEAD, now_ns);
}

void dt_detours_relay_back(struct dt_pm_relay *relay, uint64_t now_ns)
{
	struct dt_connection *c, *tmp;

	HASH_ITER(hh, relay->pm->connections, c, tmp) {
		struct dt_subflow *s = dt_detour_at(c, relay);

		if (s)
			stalled_renew(s, now_ns);
	}
	dt_detours_relay_up(relay, now_ns);
}

void dt_detours_relay_down(struct dt_pm_relay *relay, uint64_t now_ns)
{
	struct dt_connection *c, *tmp;

	HASH_ITER(hh, relay->pm->connections, c, tmp) {
		struct dt_subflow *s = dt_detour_at(c, relay);
		uint64_t moved_ns;

		if (!s || !dt_subflow_is_under_way(s))
			continue;
		/* data that still comes through knows better than the relay's daemon */
		moved_ns = dt_subflow_moved_ns(c->pm, &s->local, &s->remote);
		if (moved_ns && now_ns - moved_ns < 2 * DT_SEC)
			continue;
		dt_subflow_give_up(s, DT_END_DEAD, now_ns);
		dt_detours_plan(c);
	}
}

void dt_detours_leave(struct dt_pm_relay *relay)
{
	struct dt_connection *c, *tmp;

	HASH_ITER(hh, relay->pm->connections, c, tmp) {
		dt_detours_leave_draining(c);
		dt_detours_plan(c);
	}
}

void dt_detours_relay_gone(struct dt_pm_relay *relay)
{
	struct dt_connection *c, *tmp;

	HASH_ITER(hh, relay->pm->connections, c, tmp) {
		struct dt_subflow *s = dt_detour_at(c, relay);

		if (s)
			dt_subflow_free(s, true);
	}
}

static bool is_planned(const struct dt_plan *plan, size_t index)
{
	for (size_t i = 0; i < plan->nrelays; i++)
		if ((plan->relays ? plan->relays[i] : i) == index)
			return true;
	return false;
}

/* Over a carrier that is not the rule's any more. */
static bool other_carrier(const struct dt_plan *plan, const struct dt_subflow *s)
{
	int wanted = plan->carrier < 0 ? (int)s->relay->conf->carrier : plan->carrier;

	return wanted != DT_CARRIER_AUTO && (int)s->carrier != wanted;
}

/* Those over the relays that are liked least. */
static void surplus_end(struct dt_connection *c, unsigned detours)
{
	struct dt_pm_relay *relays[DT_POLICY_PATHS_MAX];
	unsigned have = detours_under_way(c);

	for (size_t i = have > detours ? dt_choice_order(c, relays) : 0; i > 0 && have > detours; i--) {
		struct dt_subflow *s = dt_detour_at(c, relays[i - 1]);

		if (!s || !dt_subflow_is_under_way(s))
			continue;
		dt_subflow_free(s, true);
		have--;
	}
}

void dt_detours_rules_changed(struct dt_connection *c)
{
	struct dt_plan plan = dt_connection_plan(c);
	struct dt_subflow *s, *tmp;

	if (c->foreign)
		return;
	DL_FOREACH_SAFE(c->subflows, s, tmp) {
		if (!s->relay)
			continue;
		if (!is_planned(&plan, s->relay->index) || (dt_subflow_is_under_way(s) && other_carrier(&plan, s))) {
			dt_subflow_free(s, true);
			continue;
		}
		s->backup_wanted = s->relay->conf->backup || plan.backup || s->choice.by_policy;
		dt_subflow_prefer(s);
	}
	surplus_end(c, plan.detours);
	dt_plain_rules_changed(c);
	dt_detours_plan(c);
}

/* --- the host's network ------------------------------------------------------------------------ */

static bool is_here(const struct dt_connection *c, const struct dt_ip *ip)
{
	return dt_network_is_local(&c->pm->network, ip);
}

bool dt_detours_has_way(const struct dt_connection *c)
{
	const struct dt_subflow *s;

	if (c->direct_established && dt_network_is_running(&c->pm->network, &c->local.ip))
		return true;
	DL_FOREACH(c->subflows, s)
		if (s->state == DT_SUBFLOW_ESTABLISHED && dt_network_is_running(&c->pm->network, &s->local.ip))
			return true;
	return false;
}

/* The last way there is stays until another works: without a subflow the kernel ends the connection in a while. */
void dt_detours_homeless_end(struct dt_connection *c, uint64_t now_ns)
{
	struct dt_subflow *s, *tmp;

	if (!dt_detours_has_way(c))
		return;
	if (c->direct_established && !is_here(c, &c->local.ip))
		dt_subflow_give_up_direct(c, DT_END_ADDRESS);
	DL_FOREACH_SAFE(c->subflows, s, tmp) {
		if (!dt_subflow_is_under_way(s))
			continue;
		if (s->relay && !is_here(c, &s->local.ip))
			dt_subflow_give_up(s, DT_END_ADDRESS, now_ns);
		else if (!s->relay && !dt_network_is_running(&c->pm->network, &s->local.ip))
			dt_subflow_free(s, true);
	}
}

/* A detour that starts at an address that is gone makes room for one from where we are now. */
static void homeless_renew(struct dt_connection *c, uint64_t now_ns)
{
	struct dt_subflow *s;

	DL_FOREACH(c->subflows, s)
		if (s->relay && dt_subflow_is_under_way(s) && !is_here(c, &s->local.ip)) {
			s->backoff_ns = 0;
			dt_subflow_give_up(s, DT_END_ADDRESS, now_ns);
		}
}

void dt_detours_network_changed(struct dt_connection *c, bool link_returned, uint64_t now_ns)
{
	struct dt_subflow *s;

	if (c->foreign || stays_here(c))
		return;
	if (is_here(c, &c->local.ip)) {
		c->source = c->local.ip;
		dt_interfaces_hold(c->pm, &c->source, &c->remote.ip);
	} else if (!dt_interfaces_source_for(&c->remote, &c->source))
		memset(&c->source, 0, sizeof(c->source));
	dt_detours_homeless_end(c, now_ns);
	if (!dt_ip_is_unset(&c->source) && c->direct_established) /* its socket holds the connection meanwhile */
		homeless_renew(c, now_ns);
	DL_FOREACH(c->subflows, s) {
		if (!link_returned)
			break;
		stalled_renew(s, now_ns);
		s->may_try_ns = 0;
	}
	dt_detours_plan(c);
}

/* --- stirring ---------------------------------------------------------------------------------- */

void dt_detours_stir(struct dt_pm_relay *relay)
{
	struct dt_connection *c, *tmp;

	HASH_ITER(hh, relay->pm->connections, c, tmp) {
		const struct dt_subflow *s = dt_detour_at(c, relay);

		if (s)
			dt_subflow_stir(s);
	}
}

void dt_detours_stir_lease(const struct dt_pm_lease *lease)
{
	const struct dt_subflow *s;

	DL_FOREACH2(lease->subflows, s, lease_next)
		dt_subflow_stir(s);
}

/* --- explaining -------------------------------------------------------------------------------- */

static void relay_why(const struct dt_connection *c, const struct dt_plan *plan, struct dt_pm_relay *relay, char *out,
		      size_t cap)
{
	const struct dt_subflow *s;
	const char *why = relay->problem;
	uint64_t now_ns = dt_now_ns();

	DL_FOREACH(c->subflows, s)
		if (s->relay == relay)
			break;
	if (dt_pm_relay_state(relay) != DT_LINK_UP)
		why = dt_pm_relay_state(relay) == DT_LINK_DOWN ? "down"
		      : *relay->problem			       ? relay->problem
							       : "connecting";
	else if (s && dt_subflow_is_under_way(s))
		why = "";
	else if (dt_pm_relay_draining(relay))
		why = dt_reason_text(DT_REASON_DRAINING);
	else if (dt_plan_carrier(plan, relay, now_ns) == DT_CARRIER_WIREGUARD && c->device)
		why = "the socket is bound to a device, which the tunnel is not";
	else if (dt_plan_carrier(plan, relay, now_ns) == DT_CARRIER_WIREGUARD && relay->tunnel &&
		 (relay->tunnel->state != DT_TUNNEL_READY || *relay->tunnel->problem))
		why = *relay->tunnel->problem ? relay->tunnel->problem : "the tunnel is being set up";
	else if (s && s->state == DT_SUBFLOW_WAITING)
		why = "waiting for a lease";
	else if (s && s->state == DT_SUBFLOW_SETTLING)
		why = "waits for a moment, because another subflow has just ended";
	else if (s && s->lease && s->lease->state == DT_LEASE_REFUSED)
		why = s->lease->reason == DT_REASON_OK ? "no answer to the lease request"
						       : dt_reason_text(s->lease->reason);
	else if (s && s->end != DT_END_NONE) {
		snprintf(out, cap, "%s%s%s, next try in %llu s", dt_subflow_end_word(s->end),
			 s->end == DT_END_ERROR ? ": " : "", s->end == DT_END_ERROR ? strerror(-s->error) : "",
			 (unsigned long long)(s->may_try_ns > now_ns ? (s->may_try_ns - now_ns) / DT_SEC + 1 : 0));
		return;
	} else if (!s && !dt_ip_is_unset(&c->source) && !dt_pm_relay_link(relay, &c->source, &why) && *why == '\0')
		why = "no link";
	snprintf(out, cap, "%s",
		 *why				   ? why
		 : s && dt_subflow_is_under_way(s) ? ""
						   : "no link from this address is up yet");
}

/* Made by an earlier run, over a relay that is not known yet. */
static unsigned unknown_count(const struct dt_connection *c)
{
	const struct dt_subflow *s;
	unsigned count = 0;

	DL_FOREACH(c->subflows, s)
		count += s->unknown && dt_subflow_is_under_way(s);
	return count;
}

/* What holds for all relays alike; "" if nothing does. */
static const char *common_why(const struct dt_connection *c, const struct dt_plan *plan, unsigned have)
{
	struct dt_endpoint server;

	if (!dt_server_address(c, &server))
		return "; the server wants no joins at this address (C flag) and has announced no other";
	if (dt_ip_is_unset(&c->source))
		return "; this host has no address now from which the server can be reached";
	if (plan->nrelays == 0)
		return "; no relays are configured";
	if (plan->nrelays < plan->detours && have == plan->nrelays)
		return "; at most one a relay";
	return "";
}

/* Why there are not as many detours as planned; how much was written. */
static size_t fewer_why(const struct dt_connection *c, const struct dt_plan *plan, unsigned have, char *out, size_t cap)
{
	struct dt_endpoint server;
	size_t len = (size_t)snprintf(out, cap, "%s", common_why(c, plan, have));

	if (len < cap && c->server_limit_ns)
		len += (size_t)snprintf(
			out + len, cap - len,
			"; the server's limit is reached: it took %u additional subflows and refused more",
			c->server_limit);
	for (size_t i = 0; i < plan->nrelays && len < cap && dt_server_address(c, &server); i++) {
		struct dt_pm_relay *relay = dt_pm_relay_at(c->pm, plan->relays ? plan->relays[i] : i);
		char why[320];

		if (!relay)
			continue;
		relay_why(c, plan, relay, why, sizeof(why));
		if (*why)
			len += (size_t)snprintf(out + len, cap - len, "; %s: %s", relay->conf->name, why);
	}
	return len;
}

void dt_detours_why(const struct dt_connection *c, char *out, size_t cap)
{
	struct dt_plan plan = dt_connection_plan(c);
	unsigned have = detours_under_way(c), unknown = unknown_count(c);
	size_t len;

	if (stays_here(c)) {
		snprintf(out, cap, "the connection does not leave this host");
		return;
	}
	if (c->foreign) {
		snprintf(out, cap,
			 "the connection is under the kernel's path manager, from before detourd: left alone");
		return;
	}
	len = (size_t)snprintf(out, cap, "%u of %u detours%s%s", have, plan.detours, plan.rule ? " by rule " : "",
			       plan.rule ? plan.rule->name : "");
	if (c->young && have < plan.detours) {
		snprintf(out + len, cap - len, "; the connection is young: see detour-after");
		return;
	}
	if (unknown && len < cap)
		len += (size_t)snprintf(out + len, cap - len,
					"; and %u of an earlier run, not known yet over which relay", unknown);
	if (have + unknown < plan.detours)
		len += fewer_why(c, &plan, have, out + len, cap - len);
	if (len < cap)
		dt_plain_why(c, out + len, cap - len);
}
