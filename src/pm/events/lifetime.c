/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/events/lifetime.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "pm/act/end.h"
#include "pm/act/leave.h"
#include "pm/events/watch.h"
#include "pm/events/young.h"
#include "pm/kernel/arrivals.h"
#include "pm/kernel/track.h"
#include "pm/store/connection.h"
#include "pm/store/conversion.h"
#include "pm/store/pm.h"
#include "pm/store/server.h"
#include "pm/store/report.h"
#include "pm/store/subflow.h"
#include "pm/store/todo.h"

#define DOUBT_FIRST_NS (1 * DT_SEC)
#define DOUBT_LAST_NS (60 * DT_SEC)

/* A connection of which a subflow closed. The kernel does not report every end, so it is asked until that is clear. */
struct dt_doubt {
	struct dt_connection *connection;
	uint64_t due_ns;  /* when to ask the kernel */
	uint64_t wait_ns; /* the last wait; doubles */
	struct dt_doubt *prev, *next;
};

struct dt_doubts {
	struct dt_doubt *all;
};

static void doubt_end(struct dt_doubt *d)
{
	DL_DELETE(d->connection->pm->doubts->all, d);
	d->connection->doubt = NULL;
	free(d);
}

static void converted_note(struct dt_connection *c, const struct dt_endpoint *server, const char *relay)
{
	c->server = *server;
	snprintf(c->converter, sizeof(c->converter), "%s", relay);
	c->pm->counters[DT_PM_CONVERTED]++;
}

/* Whether its other end is a converter, and for which server. */
static void converted_find(struct dt_connection *c)
{
	struct dt_conversion *conversion = dt_conversion_at(c->pm, &c->remote);
	const struct dt_conversion_earlier *earlier;
	struct dt_endpoint server;

	if (!conversion) {
		earlier = dt_conversion_earlier_at(c->pm, &c->remote);
		if (earlier)
			converted_note(c, &earlier->server, earlier->relay);
		return;
	}
	server = dt_conversion_server(conversion);
	converted_note(c, &server, conversion->relay);
	conversion->used_ns = dt_now_ns();
	conversion->connections++;
	dt_worth_began(&conversion->worth, conversion->used_ns);
}

struct dt_connection *dt_connection_new(struct dt_pm *pm, dt_mptcp_token token, const struct dt_endpoint *local,
					const struct dt_endpoint *remote)
{
	struct dt_connection *c = calloc(1, sizeof(*c));

	if (!c) {
		dt_log_err("out of memory: a connection is not followed");
		return NULL;
	}
	c->pm = pm;
	c->token = token;
	c->number = ++pm->next_number;
	c->local = *local;
	c->remote = c->server = *remote;
	converted_find(c);
	c->source = local->ip;
	c->since_ns = dt_now_ns();
	dt_server_limit_recall(c, c->since_ns);
	c->has_origin = dt_track_origin_take(pm->track, token, &c->origin) == 0;
	HASH_ADD(hh, pm->connections, token, sizeof(c->token), c);
	pm->counters[DT_PM_CONNECTIONS]++;
	dt_destination_speaks(&pm->destinations, remote, c->since_ns);
	return c;
}

/* If its socket is still to be closed by TCP, track tells when that is over: see dt_connections_subflow_closed(). */
static void initial_finish(const struct dt_connection *c)
{
	struct dt_subflow_stats stats;

	if (dt_track_get(c->pm->track, &c->local, &c->remote, &stats) == 0 && stats.state == BPF_TCP_CLOSE)
		dt_arrivals_finish(c->pm->arrivals, &c->local, &c->remote);
}

void dt_connection_free(struct dt_connection *c, bool close_detours)
{
	struct dt_subflow *s, *tmp;

	DL_FOREACH_SAFE(c->subflows, s, tmp)
		dt_subflow_free(s, close_detours);
	dt_leave_at_once(c);
	dt_young_end(c);
	dt_connection_early_set(c, false);
	dt_watch_forget(c);
	if (c->doubt)
		doubt_end(c->doubt);
	dt_todo_forget_connection(c);
	HASH_DELETE(hh, c->pm->connections, c);
	initial_finish(c);
	free(c);
}

void dt_connection_over(struct dt_connection *c)
{
	dt_report(c->pm, "connection", c, NULL, "closed");
	dt_connection_free(c, false);
}

void dt_connection_doubt(struct dt_connection *c, uint64_t now_ns)
{
	struct dt_doubt *d;

	if (c->doubt)
		return;
	d = calloc(1, sizeof(*d));
	if (!d) {
		dt_log_err("out of memory: the end of a connection may go unnoticed");
		return;
	}
	d->connection = c;
	d->wait_ns = DOUBT_FIRST_NS;
	d->due_ns = now_ns + DOUBT_FIRST_NS;
	DL_APPEND(c->pm->doubts->all, d);
	c->doubt = d;
}

void dt_connections_tick(struct dt_pm *pm, uint64_t now_ns)
{
	struct dt_doubt *d, *tmp;

	DL_FOREACH_SAFE(pm->doubts->all, d, tmp) {
		if (now_ns < d->due_ns)
			continue;
		if (dt_mptcp_alive(&pm->mptcp, d->connection->token) == 0) {
			dt_connection_over(d->connection);
		} else if (dt_connection_has_subflow(d->connection)) {
			doubt_end(d);
		} else {
			d->wait_ns = d->wait_ns * 2 < DOUBT_LAST_NS ? d->wait_ns * 2 : DOUBT_LAST_NS;
			d->due_ns = now_ns + d->wait_ns;
		}
	}
}

int dt_connections_open(struct dt_pm *pm)
{
	pm->doubts = calloc(1, sizeof(*pm->doubts));
	return pm->doubts ? 0 : -ENOMEM;
}

void dt_connections_close(struct dt_pm *pm)
{
	struct dt_connection *c, *tmp;

	HASH_ITER(hh, pm->connections, c, tmp)
		dt_connection_free(c, true);
	free(pm->doubts);
	pm->doubts = NULL;
}
