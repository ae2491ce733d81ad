/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/plan/changes.h"

#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "pm/act/end.h"
#include "pm/act/moves.h"
#include "pm/act/prio.h"
#include "pm/conf/client_conf.h"
#include "pm/plan/order.h"
#include "pm/plan/plain.h"
#include "pm/plan/roam.h"
#include "pm/store/connection.h"
#include "pm/store/lease.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"
#include "pm/store/subflow.h"
#include "pm/store/todo.h"

/* Data moved over a relay this lately: its flows work, even if its daemon does not answer. */
#define STILL_MOVING_NS (2 * DT_SEC)

/* --- relays ------------------------------------------------------------------------------------ */

/* Replaces a stalled subflow: it would wait for its RTO, which has doubled with each try. A new one sends at once. */
static void stalled_renew(struct dt_subflow *s, uint64_t now_ns)
{
	if (s->state != DT_SUBFLOW_ESTABLISHED || !dt_subflow_stalls(s, now_ns))
		return;
	s->backoff_ns = 0;
	dt_subflow_give_up(s, DT_END_DEAD, now_ns);
}

/* Replaces a join that was sent while the relay was silent. Its SYN is repeated only after seconds. */
static void pending_renew(struct dt_subflow *s, uint64_t now_ns)
{
	if (s->state == DT_SUBFLOW_PENDING)
		dt_subflow_give_up(s, DT_END_NONE, now_ns);
}

/* If the relay still has the flow, the segment does no harm. If not, its host answers with RST: the subflow ends. */
static void relay_stir(const struct dt_pm_relay *relay)
{
	struct dt_connection *c, *tmp;

	HASH_ITER(hh, relay->pm->connections, c, tmp) {
		const struct dt_subflow *s = dt_connection_detour(c, relay);

		if (s)
			dt_subflow_stir(s);
	}
}

/* Ends its detours, so that they do not count towards the server's limit. */
static void relay_down(const struct dt_pm_relay *relay, uint64_t now_ns)
{
	struct dt_connection *c, *tmp;

	HASH_ITER(hh, relay->pm->connections, c, tmp) {
		struct dt_subflow *s = dt_connection_detour(c, relay);
		uint64_t moved_ns;

		if (!s || !dt_subflow_is_under_way(s))
			continue;
		/* only the relay's daemon is silent: data still comes through */
		moved_ns = dt_subflow_moved_ns(c->pm, &s->local, &s->remote);
		if (moved_ns && now_ns - moved_ns < STILL_MOVING_NS)
			continue;
		dt_subflow_give_up(s, DT_END_DEAD, now_ns);
		dt_todo_connection(c, DT_CONNECTION_PLAN);
	}
}

/* Replaces the subflows that stalled over it, and joins that were not answered. */
static void relay_back(const struct dt_pm_relay *relay, uint64_t now_ns)
{
	struct dt_connection *c, *tmp;

	HASH_ITER(hh, relay->pm->connections, c, tmp) {
		struct dt_subflow *s = dt_connection_detour(c, relay);

		if (!s)
			continue;
		stalled_renew(s, now_ns);
		pending_renew(s, now_ns);
	}
}

/* Ends back-off: its detours may be tried at once. */
static void relay_retry(const struct dt_pm_relay *relay)
{
	struct dt_connection *c, *tmp;

	HASH_ITER(hh, relay->pm->connections, c, tmp) {
		struct dt_subflow *s = dt_connection_detour(c, relay);

		if (s && !dt_subflow_is_under_way(s)) {
			s->backoff_ns = 0;
			s->may_try_ns = 0;
		}
		dt_todo_connection(c, DT_CONNECTION_PLAN);
	}
}

/* Ends subflows over relays that are about to close, unless the connection has no other. */
static void leave_draining(struct dt_connection *c)
{
	struct dt_subflow *s, *tmp;
	bool other = c->direct_established;

	DL_FOREACH(c->subflows, s)
		other = other || (s->state == DT_SUBFLOW_ESTABLISHED && !(s->relay && dt_pm_relay_draining(s->relay)));
	DL_FOREACH_SAFE(c->subflows, s, tmp)
		if (s->relay && dt_pm_relay_draining(s->relay) && (s->state != DT_SUBFLOW_ESTABLISHED || other))
			dt_subflow_free(s, true);
}

/* The relay is about to close: each detour over it ends once its connection has another subflow. */
static void relay_drain(const struct dt_pm_relay *relay)
{
	struct dt_connection *c, *tmp;

	HASH_ITER(hh, relay->pm->connections, c, tmp) {
		leave_draining(c);
		dt_todo_connection(c, DT_CONNECTION_PLAN);
	}
}

void dt_changes_relay(struct dt_pm_relay *relay, unsigned flags, uint64_t now_ns)
{
	if (flags & DT_RELAY_STIR)
		relay_stir(relay);
	if (flags & DT_RELAY_DOWN && dt_pm_relay_state(relay) == DT_LINK_DOWN)
		relay_down(relay, now_ns);
	if (flags & DT_RELAY_BACK)
		relay_back(relay, now_ns);
	if (flags & (DT_RELAY_BACK | DT_RELAY_RETRY))
		relay_retry(relay);
	if (flags & DT_RELAY_DRAIN && dt_pm_relay_draining(relay))
		relay_drain(relay);
}

void dt_changes_relay_gone(const struct dt_pm_relay *relay)
{
	struct dt_connection *c, *tmp;

	HASH_ITER(hh, relay->pm->connections, c, tmp) {
		struct dt_subflow *s = dt_connection_detour(c, relay);

		if (s)
			dt_subflow_free(s, true);
	}
}

/* --- leases ------------------------------------------------------------------------------------ */

static void lease_changed(struct dt_pm_lease *lease, uint64_t now_ns)
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
		dt_todo_connection(s->connection, DT_CONNECTION_PLAN);
	}
}

void dt_changes_lease(struct dt_pm_lease *lease, unsigned flags, uint64_t now_ns)
{
	const struct dt_subflow *s;

	if (flags & DT_LEASE_STIR)
		DL_FOREACH2(lease->subflows, s, lease_next)
			dt_subflow_stir(s);
	if (flags & DT_LEASE_CHANGED)
		lease_changed(lease, now_ns);
	if (lease->server.converts)
		lease->link->relay->pm->conversions.due = true;
}

/* --- the rules --------------------------------------------------------------------------------- */

/* True if it uses a carrier that the rules no longer allow. */
static bool other_carrier(const struct dt_plan *plan, const struct dt_subflow *s)
{
	int wanted = plan->carrier < 0 ? (int)s->relay->conf->carrier : plan->carrier;

	return wanted != DT_CARRIER_AUTO && (int)s->carrier != wanted;
}

/* Ends detours beyond that number, over the least preferred relays first. */
static void surplus_end(struct dt_connection *c, unsigned detours)
{
	struct dt_pm_relay *relays[DT_POLICY_PATHS_MAX];
	unsigned have = dt_connection_detours(c);

	for (size_t i = have > detours ? dt_order_relays(c, relays) : 0; i > 0 && have > detours; i--) {
		struct dt_subflow *s = dt_connection_detour(c, relays[i - 1]);

		if (!s || !dt_subflow_is_under_way(s))
			continue;
		dt_subflow_free(s, true);
		have--;
	}
}

/* Ends what the new rules do not give this connection. */
static void rules_changed(struct dt_connection *c)
{
	struct dt_plan plan = dt_connection_plan(c);
	struct dt_subflow *s, *tmp;

	if (c->foreign)
		return;
	DL_FOREACH_SAFE(c->subflows, s, tmp) {
		if (!s->relay)
			continue;
		if (!dt_plan_has_relay(&plan, s->relay->index) ||
		    (dt_subflow_is_under_way(s) && other_carrier(&plan, s))) {
			dt_subflow_free(s, true);
			continue;
		}
		s->backup_wanted = s->relay->conf->backup || plan.backup || s->choice.by_policy;
		dt_subflow_prefer(s);
	}
	surplus_end(c, plan.detours);
	dt_plain_rules_changed(c);
	dt_todo_connection(c, DT_CONNECTION_PLAN);
}

/* --- the host ---------------------------------------------------------------------------------- */

void dt_changes_host(struct dt_pm *pm, unsigned flags, uint64_t now_ns)
{
	struct dt_connection *c, *tmp;

	HASH_ITER(hh, pm->connections, c, tmp) {
		if (flags & DT_HOST_RULES)
			rules_changed(c);
		if (flags & DT_HOST_NETWORK)
			dt_roam_network_changed(c, now_ns);
	}
	dt_todo_returns_end(&pm->todo);
}

/* --- one connection ---------------------------------------------------------------------------- */

void dt_changes_connection(struct dt_connection *c, unsigned flags, uint64_t now_ns)
{
	dt_roam_leave(c, now_ns);
	if (flags & DT_CONNECTION_LEAVE)
		leave_draining(c);
}
