/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/act/end.h"

#include <stdlib.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "pm/act/leave.h"
#include "pm/act/moves.h"
#include "pm/decide/history.h"
#include "pm/link/leases.h"
#include "pm/store/connection.h"
#include "pm/store/lease.h"
#include "pm/store/pm.h"
#include "pm/store/server.h"
#include "pm/store/relay.h"
#include "pm/store/report.h"
#include "pm/store/subflow.h"
#include "pm/store/tally.h"
#include "pm/store/todo.h"

#define BACKOFF_MIN_NS (1 * DT_SEC)
#define BACKOFF_MAX_NS (60 * DT_SEC)
/* In place of the initial subflow: that path is free and should be used again soon after it works. */
#define BACKOFF_MAX_PLAIN_NS (4 * DT_SEC)
/* A subflow that carried data and lived this long has worked: its back-off starts again at the shortest. */
#define WORKED_NS (1 * DT_SEC)
/* A server at its limit accepts a join and closes it at once (RFC 8684, 3.8). */
#define REFUSAL_NS (2 * DT_SEC)
/* Refusals in a row after which the server is taken to be at its limit. */
#define REFUSALS_LIMIT 2

static void plan_due(uv_timer_t *timer)
{
	struct dt_subflow *s = timer->data;

	dt_todo_connection(s->connection, DT_CONNECTION_PLAN);
}

void dt_subflow_plan_after(struct dt_subflow *s, uint64_t ms)
{
	dt_timer_arm(&s->timer, plan_due, ms, 0);
}

void dt_subflow_direct_ended(struct dt_connection *c, enum dt_subflow_end end, uint64_t now_ns)
{
	c->direct_established = false;
	c->pm->tallies->direct.by[DT_CARRIER_DIRECT].ends[end]++;
	dt_connection_settle(c, now_ns);
	dt_report_subflow(c, NULL, dt_subflow_end_word(end));
}

void dt_subflow_give_up_direct(struct dt_connection *c, enum dt_subflow_end end)
{
	if (!c->direct_established)
		return;
	dt_leave_direct(c);
	dt_subflow_direct_ended(c, end, dt_now_ns());
}

static uint64_t backoff_max_ns(const struct dt_subflow *s)
{
	return s->relay || s->interface[0] ? BACKOFF_MAX_NS : BACKOFF_MAX_PLAIN_NS;
}

static void history_failed(const struct dt_subflow *s)
{
	if (s->relay && s->connection->pm->config->choose_measured)
		dt_history_failed(s->connection->pm->history, &s->connection->remote.ip, s->relay->conf->public_key,
				  dt_now_s());
}

/* The first retry of a subflow that had worked waits only until the connection has settled. Later waits double. */
void dt_subflow_rest(struct dt_subflow *s, enum dt_subflow_end end, int error, uint64_t now_ns)
{
	bool worked = s->state == DT_SUBFLOW_ESTABLISHED && end != DT_END_REFUSED;
	uint64_t wait_ns;

	if (s->state == DT_SUBFLOW_ESTABLISHED)
		dt_connection_settle(s->connection, now_ns);
	if (worked && now_ns - s->since_ns >= WORKED_NS && dt_subflow_carried_data(s))
		s->backoff_ns = 0;
	wait_ns = worked || s->backoff_ns ? s->backoff_ns : BACKOFF_MIN_NS;

	s->backoff_ns = wait_ns ? wait_ns * 2 : BACKOFF_MIN_NS;
	if (s->backoff_ns > backoff_max_ns(s))
		s->backoff_ns = backoff_max_ns(s);
	s->may_try_ns = now_ns + wait_ns;
	dt_tally_ended(s, end);
	s->state = DT_SUBFLOW_IDLE;
	s->end = end;
	s->error = error;
	s->since_ns = now_ns;
	s->backup = false;
	dt_subflow_plan_after(s, wait_ns / DT_MS + 1);
	if (end == DT_END_TIMEOUT || end == DT_END_DEAD || end == DT_END_LATE || (end == DT_END_CLOSED && error))
		history_failed(s);
	if (s->lease && end == DT_END_REFUSED)
		s->lease->ask_why = true;
	if (s->lease && (end == DT_END_REFUSED || end == DT_END_TIMEOUT || end == DT_END_CLOSED))
		dt_pm_lease_verify(s->lease, now_ns);
	dt_report_subflow(s->connection, s, dt_subflow_end_word(end));
}

void dt_subflow_end(struct dt_subflow *s, enum dt_subflow_end end, int error, uint64_t now_ns)
{
	dt_subflow_rest(s, end, error, now_ns);
	dt_leave_subflow(s);
}

void dt_subflow_server_took(struct dt_connection *c)
{
	unsigned count = dt_connection_established(c);

	c->refusals = 0;
	if (count > c->server_took)
		c->server_took = count;
}

/*
 * This is the server's limit only if it never accepted more. Else it refuses for another reason: its kernel's worker has
 * not cleaned up the last subflow yet, or it is Linux 6.1 or 6.12 and busy receiving.
 */
static void refused(struct dt_connection *c, uint64_t now_ns)
{
	unsigned count = dt_connection_established(c);

	c->pm->counters[DT_PM_JOIN_REFUSED]++;
	if (++c->refusals < REFUSALS_LIMIT || count < c->server_took)
		return;
	dt_server_limit_met(c, count, now_ns);
	c->refusals = 0;
}

void dt_subflow_closed(struct dt_subflow *s, int error)
{
	struct dt_connection *c = s->connection;
	uint64_t now_ns = dt_now_ns();
	bool closed_early =
		s->state == DT_SUBFLOW_ESTABLISHED && now_ns - s->since_ns < REFUSAL_NS && !dt_subflow_carried_data(s);
	bool early = s->state == DT_SUBFLOW_PENDING || closed_early;

	if (c->foreign) {
		dt_subflow_free(s, false);
		return;
	}
	if (!early)
		dt_subflow_server_took(c);
	dt_subflow_end(s, early ? DT_END_REFUSED : DT_END_CLOSED, error, now_ns);
	if (closed_early)
		refused(c, now_ns);
	else if (early)
		c->pm->counters[DT_PM_JOIN_REFUSED]++;
	else
		c->server_limit_ns = 0; /* the server has room again */
	dt_todo_connection(c, DT_CONNECTION_PLAN);
}

void dt_subflow_give_up(struct dt_subflow *s, enum dt_subflow_end end, uint64_t now_ns)
{
	if (!dt_subflow_is_under_way(s))
		return;
	dt_subflow_end(s, end, 0, now_ns);
	s->connection->server_limit_ns = 0;
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void dt_subflow_free(struct dt_subflow *s, bool close)
{
	if (close && dt_subflow_is_under_way(s) && !s->connection->foreign)
		dt_leave_subflow(s);
	dt_subflow_lease_set(s, NULL);
	DL_DELETE(s->connection->subflows, s);
	uv_close((uv_handle_t *)&s->timer, timer_closed);
}
