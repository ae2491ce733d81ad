/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/plan/roam.h"

#include <string.h>
#include <utlist.h>

#include "net/source.h"
#include "pm/act/end.h"
#include "pm/act/moves.h"
#include "pm/act/routes.h"
#include "pm/store/connection.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"
#include "pm/store/server.h"
#include "pm/store/subflow.h"
#include "pm/store/todo.h"

/* --- where new subflows start ------------------------------------------------------------------ */

void dt_roam_begin(struct dt_connection *c)
{
	if (!c->leaves_by && !c->device)
		c->leaves_by = dt_route_interface(c->pm, &c->local.ip, &c->remote.ip);
}

/*
 * The default route leads to another interface than before, such as a VPN's, and takes along packets from the
 * connection's own address, which that interface does not have. Few networks let such packets pass.
 */
static bool is_led_away(const struct dt_connection *c)
{
	uint32_t by = c->device ? 0 : dt_route_interface(c->pm, &c->local.ip, &c->remote.ip);

	return by && by != c->leaves_by && !dt_route_is_own(c->pm, &c->local.ip, by);
}

static void source_choose(struct dt_connection *c)
{
	if (!dt_connection_is_at(c, &c->local.ip)) {
		if (!dt_source_for(&c->remote, &c->source))
			memset(&c->source, 0, sizeof(c->source));
		return;
	}
	dt_route_hold(c->pm, &c->local.ip, &c->remote.ip);
	if (!is_led_away(c) || !dt_source_for(&c->remote, &c->source))
		c->source = c->local.ip;
}

/* --- subflows whose address is gone ------------------------------------------------------------ */

/* The last one stays until another works, or the kernel ends the connection. */
static void addressless_end(struct dt_connection *c, uint64_t now_ns)
{
	struct dt_subflow *s, *tmp;

	if (!dt_connection_has_way(c))
		return;
	if (c->direct_established && !dt_connection_is_at(c, &c->local.ip))
		dt_subflow_give_up_direct(c, DT_END_ADDRESS);
	DL_FOREACH_SAFE(c->subflows, s, tmp) {
		if (!dt_subflow_is_under_way(s))
			continue;
		if (s->relay && !dt_connection_is_at(c, &s->local.ip))
			dt_subflow_give_up(s, DT_END_ADDRESS, now_ns);
		else if (!s->relay && !dt_network_is_running(&c->pm->network, &s->local.ip))
			dt_subflow_free(s, true);
	}
}

/* Ends detours whose address is gone, so that new ones start at the address that the host has now. */
static void addressless_renew(struct dt_connection *c, uint64_t now_ns)
{
	struct dt_subflow *s;

	DL_FOREACH(c->subflows, s)
		if (s->relay && dt_subflow_is_under_way(s) && !dt_connection_is_at(c, &s->local.ip)) {
			s->backoff_ns = 0;
			dt_subflow_give_up(s, DT_END_ADDRESS, now_ns);
		}
}

/* --- subflows whose packets are led away ------------------------------------------------------- */

enum successor { AWAITED, WORKS, FAILED };

/* What became of the subflow that starts where the connection's packets leave now. */
static enum successor successor_of(const struct dt_connection *c, uint64_t now_ns)
{
	enum successor is = dt_server_has_room(c, now_ns) ? AWAITED : FAILED;
	const struct dt_subflow *s;

	if (c->direct_established && dt_ip_equal(&c->local.ip, &c->source))
		return WORKS;
	DL_FOREACH(c->subflows, s) {
		if (s->relay || s->unknown || !dt_ip_equal(&s->source, &c->source))
			continue;
		if (s->state == DT_SUBFLOW_ESTABLISHED)
			return WORKS;
		if (s->state == DT_SUBFLOW_IDLE && s->end != DT_END_NONE)
			is = FAILED;
	}
	return is;
}

/* A detour, or a subflow that took the initial one's place: not those of `interfaces`, which have routes of their own. */
static bool follows_source(const struct dt_subflow *s)
{
	return s->relay ? s->carrier == DT_CARRIER_NAT : !s->unknown && !*s->interface;
}

static bool was_led_away(const struct dt_connection *c, const struct dt_ip *from, const struct dt_ip *to)
{
	uint32_t by;

	if (dt_ip_equal(from, &c->source) || !dt_connection_is_at(c, from))
		return false;
	by = dt_route_interface(c->pm, from, to);
	return by && !dt_route_is_own(c->pm, from, by);
}

/*
 * They stay until the server can be told of their end by a subflow that works. If there will be none, waiting is no use:
 * then the detours, at least, start anew.
 */
static void led_away_end(struct dt_connection *c, uint64_t now_ns)
{
	enum successor successor;
	struct dt_subflow *s, *tmp;

	if (c->device || dt_ip_is_unset(&c->source))
		return;
	successor = successor_of(c, now_ns);
	if (successor == AWAITED)
		return;
	/* the initial one first, because the kernel sends RM_ADDR of the others over it while it is there */
	if (successor == WORKS && c->direct_established && was_led_away(c, &c->local.ip, &c->remote.ip))
		dt_subflow_give_up_direct(c, DT_END_LED_AWAY);
	DL_FOREACH_SAFE(c->subflows, s, tmp) {
		if (!dt_subflow_is_under_way(s) || !follows_source(s) || !was_led_away(c, &s->local.ip, &s->remote.ip))
			continue;
		if (s->relay) {
			s->backoff_ns = 0;
			dt_subflow_give_up(s, DT_END_LED_AWAY, now_ns);
			s->may_try_ns = now_ns;
			dt_todo_connection(c, DT_CONNECTION_PLAN);
		} else if (successor == WORKS) {
			dt_subflow_free(s, true);
		}
	}
}

void dt_roam_leave(struct dt_connection *c, uint64_t now_ns)
{
	if (c->foreign || dt_connection_stays_here(c))
		return;
	addressless_end(c, now_ns);
	led_away_end(c, now_ns);
}

/* --- interfaces that came back ----------------------------------------------------------------- */

/* The interface by which its packets leave, or those of its tunnel; or would leave, if it is not under way. */
static uint32_t leaves_by(const struct dt_subflow *s)
{
	const struct dt_connection *c = s->connection;
	const struct dt_relay_link *link = s->relay ? s->relay->links : NULL;

	if (link && s->carrier == DT_CARRIER_WIREGUARD)
		return dt_route_interface(c->pm, &link->local.ip, &link->remote.ip);
	if (dt_subflow_is_under_way(s))
		return dt_route_interface(c->pm, &s->local.ip, &s->remote.ip);
	if (s->relay)
		return link ? dt_route_interface(c->pm, &c->source, &link->remote.ip) : 0;
	return dt_route_interface(c->pm, &s->source, &s->server.ip);
}

/* What hangs would wait for its time-out, which has doubled with each try. A new subflow sends at once. */
static void returned_renew(struct dt_connection *c, uint64_t now_ns)
{
	struct dt_subflow *s;

	DL_FOREACH(c->subflows, s) {
		const struct dt_return *back = dt_todo_return_of(&c->pm->todo, leaves_by(s));

		if (!back)
			continue;
		if (s->state == DT_SUBFLOW_ESTABLISHED && dt_subflow_hangs(s, back->lost_ns, now_ns)) {
			s->backoff_ns = 0;
			dt_subflow_give_up(s, DT_END_DEAD, now_ns);
		}
		s->may_try_ns = 0;
	}
}

void dt_roam_network_changed(struct dt_connection *c, uint64_t now_ns)
{
	if (c->foreign || dt_connection_stays_here(c))
		return;
	source_choose(c);
	addressless_end(c, now_ns);
	if (!dt_ip_is_unset(&c->source) && c->direct_established) /* its socket keeps the connection alive meanwhile */
		addressless_renew(c, now_ns);
	led_away_end(c, now_ns);
	if (c->pm->todo.nreturns)
		returned_renew(c, now_ns);
	dt_todo_connection(c, DT_CONNECTION_PLAN);
}
