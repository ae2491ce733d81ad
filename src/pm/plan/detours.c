/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/plan/detours.h"

#include <string.h>
#include <utlist.h>

#include "pm/act/join.h"
#include "pm/conf/client_conf.h"
#include "pm/decide/rules.h"
#include "pm/link/leases.h"
#include "pm/link/relays.h"
#include "pm/plan/order.h"
#include "pm/store/connection.h"
#include "pm/store/lease.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"
#include "pm/store/report.h"
#include "pm/store/server.h"
#include "pm/store/subflow.h"
#include "pm/store/tally.h"
#include "pm/store/tunnel.h"

static bool tunnel_use(struct dt_connection *c, struct dt_pm_relay *relay, const struct dt_plan *plan,
		       struct dt_subflow *s, const struct dt_endpoint *server, uint64_t now_ns)
{
	struct dt_ip local;

	if (dt_pm_relay_state(relay) != DT_LINK_UP || !relay->tunnel ||
	    !dt_pm_tunnel_address(relay->tunnel, dt_ip_family(&server->ip), &local))
		return false;
	if (!s)
		s = dt_connection_add(c, relay);
	if (!s)
		return false;
	dt_subflow_lease_set(s, NULL);
	s->carrier = DT_CARRIER_WIREGUARD;
	s->server = *server;
	s->backup_wanted = relay->conf->backup || plan->backup;
	return dt_order_join(s, now_ns);
}

/* A relay makes no detour to itself. */
static bool is_converter_of(const struct dt_connection *c, const struct dt_pm_relay *relay)
{
	return *c->converter && strncmp(relay->conf->name, c->converter, sizeof(c->converter) - 1) == 0;
}

/* Of a connection that is converted, other relays learn the address of a relay, which the user named. */
static bool may_tell(const struct dt_connection *c, const struct dt_plan *plan, const struct dt_endpoint *server)
{
	return *c->converter || dt_plan_may_tell(plan, &server->ip);
}

/* Begins a detour over this relay. True if there is one, or will be in a moment. */
static bool relay_use(struct dt_connection *c, struct dt_pm_relay *relay, const struct dt_plan *plan,
		      const struct dt_endpoint *server, uint64_t now_ns)
{
	struct dt_subflow *s = dt_connection_detour(c, relay);
	struct dt_relay_link *link;
	struct dt_pm_lease *lease;

	if (s && dt_subflow_is_under_way(s))
		return true;
	if (dt_pm_relay_draining(relay) || is_converter_of(c, relay))
		return false;
	if (s && now_ns < s->may_try_ns)
		return false; /* its timer is running */
	if (dt_pm_relay_carrier(relay, plan->carrier, now_ns) == DT_CARRIER_WIREGUARD)
		return !c->device && tunnel_use(c, relay, plan, s, server, now_ns);
	if (dt_ip_is_unset(&c->source))
		return false;
	link = dt_pm_relay_link(relay, &c->source, now_ns);
	if (!link || dt_client_link_state(link->proto) != DT_LINK_UP)
		return false;
	lease = dt_pm_lease_get(link, server, now_ns);
	if (!s)
		s = lease ? dt_connection_add(c, relay) : NULL;
	if (!s)
		return false;
	dt_subflow_lease_set(s, lease);
	s->carrier = DT_CARRIER_NAT;
	s->server = *server;
	s->backup_wanted = relay->conf->backup || plan->backup;
	if (lease->state == DT_LEASE_READY)
		return dt_order_join(s, now_ns);
	if (lease->state == DT_LEASE_REFUSED) {
		s->state = DT_SUBFLOW_IDLE;
		return false;
	}
	return dt_subflow_await_lease(s, now_ns);
}

void dt_detours_plan(struct dt_connection *c, unsigned unsure, uint64_t now_ns)
{
	struct dt_plan plan = dt_connection_plan(c);
	unsigned used = dt_connection_detours(c) + unsure;
	struct dt_pm_relay *relays[DT_POLICY_PATHS_MAX];
	struct dt_endpoint server;
	size_t nrelays;

	if (!dt_server_address(c, &server) || !may_tell(c, &plan, &server))
		return;
	if (used < plan.detours)
		dt_order_way_look(c);
	nrelays = used < plan.detours ? dt_order_relays(c, relays) : 0;
	for (size_t i = 0; i < nrelays && used < plan.detours && dt_server_has_room(c, now_ns); i++) {
		struct dt_subflow *s = dt_connection_detour(c, relays[i]);

		if (!(s && dt_subflow_is_under_way(s)))
			used += relay_use(c, relays[i], &plan, &server, now_ns);
	}
}

bool dt_detours_open(struct dt_connection *c, struct dt_pm_relay *relay, uint64_t now_ns)
{
	struct dt_plan plan = dt_connection_plan(c);
	struct dt_endpoint server;

	return !c->pm->stopping && !dt_connection_stays_here(c) && dt_server_address(c, &server) &&
	       may_tell(c, &plan, &server) && dt_server_has_room(c, now_ns) &&
	       relay_use(c, relay, &plan, &server, now_ns);
}

/* --- subflows of an earlier run ---------------------------------------------------------------- */

/* The link from this local address, if it is up. It tells at which address such subflows join. NULL: not known yet. */
static struct dt_relay_link *link_up(struct dt_pm_relay *relay, const struct dt_ip *local, uint64_t now_ns)
{
	struct dt_relay_link *link = dt_pm_relay_link(relay, local, now_ns);

	return link && dt_client_link_state(link->proto) == DT_LINK_UP ? link : NULL;
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
	dt_tally_follow(s);
	dt_report_subflow(s->connection, s, "taken over");
}

unsigned dt_detours_resolve(struct dt_connection *c, uint64_t now_ns)
{
	unsigned unsure = 0;
	struct dt_subflow *s;

	DL_FOREACH(c->subflows, s) {
		bool all_answered = true;

		for (struct dt_pm_relay *relay = c->pm->relays; relay && s->unknown; relay = relay->next) {
			struct dt_relay_link *link = link_up(relay, &s->local.ip, now_ns);
			struct dt_ip nat;

			if (!link) {
				all_answered = false;
				continue;
			}
			nat = dt_relay_link_nat_address(link);
			if (dt_ip_equal(&nat, &s->remote.ip) && !dt_connection_detour(c, relay))
				known_now(s, link, now_ns);
		}
		unsure += s->unknown && !all_answered;
	}
	return unsure;
}
