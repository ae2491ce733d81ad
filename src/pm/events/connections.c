/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/events/connections.h"

#include <utlist.h>

#include "base/clock.h"
#include "pm/act/end.h"
#include "pm/act/join.h"
#include "pm/events/accepted.h"
#include "pm/events/lifetime.h"
#include "pm/events/watch.h"
#include "pm/events/young.h"
#include "pm/kernel/arrivals.h"
#include "pm/kernel/track.h"
#include "pm/store/connection.h"
#include "pm/store/conversion.h"
#include "pm/store/pm.h"
#include "pm/store/report.h"
#include "pm/store/server.h"
#include "pm/store/subflow.h"
#include "pm/store/todo.h"

static void established(struct dt_pm *pm, const struct dt_mptcp_event *e)
{
	struct dt_connection *c = dt_connection_find(pm, e->token);
	struct dt_subflow_stats stats;

	if (e->server_side) {
		dt_accepted_established(pm, e);
		return;
	}
	if (c && dt_endpoint_equal(&c->local, &e->local) && dt_endpoint_equal(&c->remote, &e->remote))
		return; /* taking stock found it first */
	if (c)
		dt_connection_free(
			c, false); /* the token is used again: the CLOSED event of the old connection was lost */
	c = dt_connection_new(pm, e->token, &e->local, &e->remote);
	if (!c)
		return;
	c->deny_join_id0 = e->deny_join_id0;
	if (dt_track_get(pm->track, &e->local, &e->remote, &stats) == 0) {
		/* events of older kernels do not have the flag */
		c->deny_join_id0 = c->deny_join_id0 || stats.deny_join_id0;
		c->device = stats.device;
	}
	c->direct_established = true;
	dt_ids_mark(&c->ids, e->local_id);
	dt_report(pm, "connection", c, NULL, "established");
	if (!*c->converter)
		dt_conversion_note(pm, &e->remote, NULL, dt_now_ns());
	dt_young_begin(c);
}

static void subflow_closed(struct dt_connection *c, const struct dt_mptcp_event *e)
{
	struct dt_subflow *s;

	if (dt_connection_is_initial(c, &e->local, &e->remote)) {
		if (!c->direct_established)
			return;
		dt_subflow_direct_ended(c, DT_END_CLOSED, dt_now_ns());
		dt_todo_connection(c, DT_CONNECTION_PLAN);
		return;
	}
	s = dt_connection_subflow(c, &e->local, &e->remote);
	if (s)
		dt_subflow_closed(s, e->error);
	dt_arrivals_finish(c->pm->arrivals, &e->local, &e->remote);
}

void dt_connections_event(struct dt_pm *pm, const struct dt_mptcp_event *e)
{
	struct dt_connection *c = dt_connection_find(pm, e->token);
	struct dt_subflow *s;

	if (!c && e->type != DT_MPTCP_ESTABLISHED) {
		dt_accepted_event(pm, e);
		return;
	}
	switch (e->type) {
	case DT_MPTCP_ESTABLISHED:
		established(pm, e);
		break;
	case DT_MPTCP_CLOSED:
		dt_connection_over(c);
		break;
	case DT_MPTCP_SUB_ESTABLISHED:
		dt_ids_mark(&c->ids, e->local_id);
		s = dt_connection_subflow(c, &e->local, &e->remote);
		if (s) {
			dt_subflow_established(s);
			dt_watch_wake(c);
		}
		break;
	case DT_MPTCP_SUB_CLOSED:
		subflow_closed(c, e);
		break;
	case DT_MPTCP_ANNOUNCED:
		dt_server_announced(c, e->remote_id, &e->remote);
		break;
	case DT_MPTCP_REMOVED:
		dt_server_removed(c, e->remote_id);
		break;
	case DT_MPTCP_CREATED:
	case DT_MPTCP_SUB_PRIORITY:
		break;
	}
}

void dt_connections_subflow_closed(struct dt_pm *pm, dt_mptcp_token token, const struct dt_endpoint *local,
				   const struct dt_endpoint *remote, uint64_t now_ns)
{
	struct dt_connection *c = dt_connection_find(pm, token);

	dt_conversion_ended(pm, remote);
	if (c)
		dt_connection_doubt(c, now_ns);
	else
		dt_arrivals_finish(pm->arrivals, local, remote);
}

void dt_connections_subflow_moves(struct dt_pm *pm, dt_mptcp_token token, const struct dt_endpoint *local,
				  const struct dt_endpoint *remote, bool timed_out)
{
	struct dt_connection *c = dt_connection_find(pm, token);

	if (c && timed_out)
		dt_watch_timed_out(c, local, remote);
	else if (timed_out && pm->conversions.all)
		dt_conversion_unanswered(pm, remote, dt_now_ns());
	else if (c)
		dt_watch_wake(c);
}
