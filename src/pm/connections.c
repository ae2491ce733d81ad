/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "pm/pm.h"

static struct dt_connection *connection_find(struct dt_pm *pm, dt_mptcp_token token)
{
	struct dt_connection *c;

	HASH_FIND(hh, pm->connections, &token, sizeof(token), c);
	return c;
}

static void id_mark(struct dt_connection *c, uint8_t id)
{
	c->ids[id / 32] |= 1U << id % 32;
}

uint8_t dt_connection_id_take(struct dt_connection *c)
{
	/* going round: an id given up may still be under way to the server in a RM_ADDR */
	for (unsigned i = 0; i < 255; i++) {
		uint8_t id = (uint8_t)((c->last_id + i) % 255 + 1);

		if (c->ids[id / 32] & 1U << id % 32)
			continue;
		id_mark(c, id);
		c->last_id = id;
		return id;
	}
	return 0;
}

void dt_connection_id_free(struct dt_connection *c, uint8_t id)
{
	c->ids[id / 32] &= ~(1U << id % 32);
}

static void connection_free(struct dt_connection *c, bool close_detours)
{
	struct dt_detour *d, *tmp;

	DL_FOREACH_SAFE(c->detours, d, tmp)
		dt_detour_free(d, close_detours);
	if (c->doubt_wait_ns)
		DL_DELETE2(c->pm->doubtful, c, doubt_prev, doubt_next);
	HASH_DELETE(hh, c->pm->connections, c);
	dt_track_forget(c->pm->track, &c->local, &c->remote);
	free(c);
}

static void established(struct dt_pm *pm, const struct dt_mptcp_event *e)
{
	struct dt_connection *c = connection_find(pm, e->token);

	if (e->server_side)
		return; /* whoever connected here makes the subflows */
	if (c)
		connection_free(c, false); /* the token was used again: its CLOSED got lost */
	c = calloc(1, sizeof(*c));
	if (!c) {
		dt_log_err("out of memory: a connection is not followed");
		return;
	}
	c->pm = pm;
	c->token = e->token;
	c->number = ++pm->next_number;
	c->local = e->local;
	c->remote = e->remote;
	c->deny_join_id0 = e->deny_join_id0;
	c->direct_established = true;
	c->since_ns = dt_now_ns();
	id_mark(c, e->local_id);
	HASH_ADD(hh, pm->connections, token, sizeof(c->token), c);
	pm->counters[DT_PM_CONNECTIONS]++;
	dt_pm_publish(pm, "connection", c, NULL, "established");
	dt_detours_plan(c);
}

static bool is_initial(const struct dt_connection *c, const struct dt_mptcp_event *e)
{
	return dt_endpoint_equal(&c->local, &e->local) && dt_endpoint_equal(&c->remote, &e->remote);
}

void dt_connections_event(struct dt_pm *pm, const struct dt_mptcp_event *e)
{
	struct dt_connection *c = connection_find(pm, e->token);
	struct dt_detour *d;

	switch (e->type) {
	case DT_MPTCP_ESTABLISHED:
		established(pm, e);
		break;
	case DT_MPTCP_CLOSED:
		if (!c)
			break;
		dt_pm_publish(pm, "connection", c, NULL, "closed");
		connection_free(c, false);
		break;
	case DT_MPTCP_SUB_ESTABLISHED:
		if (!c)
			break;
		id_mark(c, e->local_id);
		d = dt_detour_find(c, &e->local, &e->remote);
		if (d)
			dt_detour_established(d);
		break;
	case DT_MPTCP_SUB_CLOSED:
		if (!c)
			break;
		if (is_initial(c, e)) {
			c->direct_established = false;
			dt_pm_publish(pm, "subflow", c, NULL, "direct closed");
			break;
		}
		d = dt_detour_find(c, &e->local, &e->remote);
		if (d)
			dt_detour_closed(d, e->error);
		dt_track_forget(pm->track, &e->local, &e->remote);
		break;
	case DT_MPTCP_CREATED:
	case DT_MPTCP_ANNOUNCED:
	case DT_MPTCP_REMOVED:
	case DT_MPTCP_SUB_PRIORITY:
		break;
	}
}

/* --- connections that ended without a word ---------------------------------------------------- */

#define DOUBT_FIRST_NS (1 * DT_SEC)
#define DOUBT_LAST_NS (60 * DT_SEC)

void dt_connections_subflow_closed(struct dt_pm *pm, dt_mptcp_token token, const struct dt_endpoint *local,
				   const struct dt_endpoint *remote, uint64_t now_ns)
{
	struct dt_connection *c = connection_find(pm, token);

	if (!c) {
		dt_track_forget(pm->track, local, remote);
		return;
	}
	if (dt_endpoint_equal(&c->local, local) && dt_endpoint_equal(&c->remote, remote))
		c->direct_established = false;
	if (c->doubt_wait_ns)
		return;
	c->doubt_wait_ns = DOUBT_FIRST_NS;
	c->doubt_due_ns = now_ns + DOUBT_FIRST_NS;
	DL_APPEND2(pm->doubtful, c, doubt_prev, doubt_next);
}

/* Without a subflow a connection either ends soon, or waits for a new one. */
static bool has_subflow(const struct dt_connection *c)
{
	const struct dt_detour *d;

	DL_FOREACH(c->detours, d)
		if (d->state == DT_DETOUR_ESTABLISHED)
			return true;
	return c->direct_established;
}

void dt_connections_tick(struct dt_pm *pm, uint64_t now_ns)
{
	struct dt_connection *c, *tmp;

	DL_FOREACH_SAFE2(pm->doubtful, c, tmp, doubt_next) {
		if (now_ns < c->doubt_due_ns)
			continue;
		if (dt_mptcp_alive(&pm->mptcp, c->token) == 0) {
			dt_pm_publish(pm, "connection", c, NULL, "closed");
			connection_free(c, false);
		} else if (has_subflow(c)) {
			c->doubt_wait_ns = 0;
			DL_DELETE2(pm->doubtful, c, doubt_prev, doubt_next);
		} else {
			c->doubt_wait_ns = c->doubt_wait_ns * 2 < DOUBT_LAST_NS ? c->doubt_wait_ns * 2 : DOUBT_LAST_NS;
			c->doubt_due_ns = now_ns + c->doubt_wait_ns;
		}
	}
}

void dt_connections_drop(struct dt_pm *pm, bool close_detours)
{
	struct dt_connection *c, *tmp;

	HASH_ITER(hh, pm->connections, c, tmp)
		connection_free(c, close_detours);
}
