/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "pm/accepted.h"
#include "pm/interfaces.h"
#include "pm/pm.h"

static struct dt_connection *connection_find(struct dt_pm *pm, dt_mptcp_token token)
{
	struct dt_connection *c;

	HASH_FIND(hh, pm->connections, &token, sizeof(token), c);
	return c;
}

static void connection_free(struct dt_connection *c, bool close_detours)
{
	struct dt_subflow *s, *tmp;

	DL_FOREACH_SAFE(c->subflows, s, tmp)
		dt_subflow_free(s, close_detours);
	dt_subflows_leave_at_once(c);
	dt_young_end(c);
	dt_watch_forget(c);
	if (c->doubt_wait_ns)
		DL_DELETE2(c->pm->doubtful, c, doubt_prev, doubt_next);
	HASH_DELETE(hh, c->pm->connections, c);
	dt_track_forget(c->pm->track, &c->local, &c->remote);
	free(c);
}

static void connection_over(struct dt_connection *c)
{
	dt_pm_publish(c->pm, "connection", c, NULL, "closed");
	connection_free(c, false);
}

static struct dt_connection *connection_new(struct dt_pm *pm, dt_mptcp_token token, const struct dt_endpoint *local,
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
	c->remote = *remote;
	c->source = local->ip;
	c->since_ns = dt_now_ns();
	dt_server_limit_recall(c, c->since_ns);
	c->has_origin = dt_track_origin_take(pm->track, token, &c->origin) == 0;
	HASH_ADD(hh, pm->connections, token, sizeof(c->token), c);
	pm->counters[DT_PM_CONNECTIONS]++;
	dt_destination_speaks(&pm->destinations, remote, c->since_ns);
	return c;
}

static void established(struct dt_pm *pm, const struct dt_mptcp_event *e)
{
	struct dt_connection *c = connection_find(pm, e->token);
	struct dt_subflow_stats stats;

	if (e->server_side) {
		dt_accepted_established(pm, e);
		return;
	}
	if (c && dt_endpoint_equal(&c->local, &e->local) && dt_endpoint_equal(&c->remote, &e->remote))
		return; /* the inventory was faster */
	if (c)
		connection_free(c, false); /* the token was used again: its CLOSED got lost */
	c = connection_new(pm, e->token, &e->local, &e->remote);
	if (!c)
		return;
	c->deny_join_id0 = e->deny_join_id0;
	if (dt_track_get(pm->track, &e->local, &e->remote, &stats) == 0) {
		/* older kernels do not tell the flag with the event */
		c->deny_join_id0 = c->deny_join_id0 || stats.deny_join_id0;
		c->device = stats.device;
	}
	c->direct_established = true;
	dt_ids_mark(&c->ids, e->local_id);
	dt_pm_publish(pm, "connection", c, NULL, "established");
	dt_young_begin(c);
}

static bool is_initial(const struct dt_connection *c, const struct dt_endpoint *local, const struct dt_endpoint *remote)
{
	return dt_endpoint_equal(&c->local, local) && dt_endpoint_equal(&c->remote, remote);
}

static void subflow_closed(struct dt_connection *c, const struct dt_mptcp_event *e)
{
	struct dt_subflow *s;

	if (is_initial(c, &e->local, &e->remote)) {
		if (!c->direct_established)
			return;
		dt_subflow_direct_ended(c, DT_END_CLOSED, dt_now_ns());
		dt_detours_plan(c);
		return;
	}
	s = dt_subflow_find(c, &e->local, &e->remote);
	if (s)
		dt_subflow_closed(s, e->error);
	dt_track_forget(c->pm->track, &e->local, &e->remote);
}

void dt_connections_event(struct dt_pm *pm, const struct dt_mptcp_event *e)
{
	struct dt_connection *c = connection_find(pm, e->token);
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
		connection_over(c);
		break;
	case DT_MPTCP_SUB_ESTABLISHED:
		dt_ids_mark(&c->ids, e->local_id);
		s = dt_subflow_find(c, &e->local, &e->remote);
		if (s)
			dt_subflow_established(s);
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

/* --- taking stock ------------------------------------------------------------------------------ */

struct stock {
	struct dt_pm *pm;
	uint64_t now_ns;
};

/* One that an earlier run made, or the application's own doing. */
static void subflow_take_over(struct dt_connection *c, const struct dt_subflow_record *r,
			      const struct dt_endpoint *local, const struct dt_endpoint *remote)
{
	struct dt_subflow *s = dt_subflow_new(c, NULL);

	if (!s)
		return;
	s->local = *local;
	s->remote = *remote;
	s->server = *remote;
	s->source = local->ip;
	s->carrier = DT_CARRIER_DIRECT;
	s->id = r->local_id;
	s->backup = s->backup_wanted = r->flags & DT_RECORD_BACKUP_ASKED;
	s->state = r->flags & DT_RECORD_CONFIRMED ? DT_SUBFLOW_ESTABLISHED : DT_SUBFLOW_PENDING;
	s->since_ns = dt_now_ns();
	if (c->foreign)
		return;
	if (s->state == DT_SUBFLOW_PENDING)
		dt_subflow_await_answer(s);
	/* a tunnel's among those to the server itself ends with its address: the tunnel is made anew */
	s->unknown = !dt_ip_equal(&remote->ip, &c->remote.ip);
	if (s->unknown && r->remote_id && remote->port == c->remote.port) {
		s->unknown = false;
		dt_server_found(c, r->remote_id, remote);
	}
	if (!s->unknown && !dt_ip_equal(&local->ip, &c->local.ip)) {
		dt_interfaces_name(c->pm, &local->ip, s->interface);
		if (!dt_interface_is_named(c->pm->config, s->interface))
			memset(s->interface, 0, sizeof(s->interface));
		dt_interfaces_hold(c->pm, &local->ip, &remote->ip);
	}
	dt_track_adopt(c->pm->track, local, remote, c->token);
}

static void subflow_seen(struct dt_connection *c, const struct dt_subflow_record *r, const struct dt_endpoint *local,
			 const struct dt_endpoint *remote)
{
	struct dt_subflow *s = dt_subflow_find(c, local, remote);

	if (!s && dt_subflow_is_leaving(c, r->local_id))
		return;
	if (!s && r->state != BPF_TCP_CLOSE) {
		subflow_take_over(c, r, local, remote);
		s = dt_subflow_find(c, local, remote);
	}
	if (!s)
		return;
	s->inventory = c->pm->stock;
	if (s->state == DT_SUBFLOW_PENDING && r->flags & DT_RECORD_CONFIRMED)
		dt_subflow_established(s); /* the event was lost */
}

static bool announced_take(const struct dt_subflow_record *r, uint16_t own_port, struct dt_endpoint *out)
{
	if (r->announced_family == AF_INET)
		out->ip = dt_ip_from_v4(r->announced.w[0]);
	else
		out->ip = r->announced;
	out->port = r->announced_port_be16 ? ntohs(r->announced_port_be16) : own_port;
	return r->announced_family != 0;
}

static struct dt_connection *connection_take_over(struct dt_pm *pm, const struct dt_subflow_record *r,
						  const struct dt_endpoint *local, const struct dt_endpoint *remote)
{
	struct dt_connection *c = connection_new(pm, r->token, local, remote);
	struct dt_endpoint announced;

	if (!c)
		return NULL;
	c->foreign = !(r->flags & DT_RECORD_USERSPACE_PM);
	if (announced_take(r, remote->port, &announced))
		dt_server_found(c, r->announced_id, &announced);
	pm->counters[DT_PM_TAKEN_OVER]++;
	dt_pm_publish(pm, "connection", c, NULL, "found");
	return c;
}

static void record_take(const struct dt_subflow_record *r, void *data)
{
	struct dt_endpoint local = {r->key.local, r->key.lport}, remote = {r->key.remote, r->key.rport};
	struct dt_endpoint first = {r->initial.local, r->initial.lport}, last = {r->initial.remote, r->initial.rport};
	struct stock *stock = data;
	struct dt_pm *pm = stock->pm;
	struct dt_connection *c = connection_find(pm, r->token);

	dt_arrivals_seen(pm->arrivals, r, stock->now_ns);
	if (r->flags & DT_RECORD_SERVER_SIDE) {
		dt_accepted_seen(pm, r);
		return;
	}
	if (c && !is_initial(c, &first, &last)) {
		connection_free(c, false); /* the token was used again */
		c = NULL;
	}
	if (!c && !(r->flags & DT_RECORD_READY))
		return; /* an event will tell of it, or has told that it is over */
	if (!c)
		c = connection_take_over(pm, r, &first, &last);
	if (!c)
		return;
	c->deny_join_id0 = c->deny_join_id0 || r->flags & DT_RECORD_DENY_JOIN_ID0;
	c->device = r->device;
	if (c->inventory != pm->stock)
		c->direct_seen = false;
	c->inventory = pm->stock;
	dt_ids_mark(&c->ids, r->local_id);
	if (r->flags & DT_RECORD_JOIN) {
		subflow_seen(c, r, &local, &remote);
	} else {
		if (!c->direct_established)
			dt_track_adopt(pm->track, &local, &remote, c->token);
		c->direct_established = c->direct_seen = r->state != BPF_TCP_CLOSE;
	}
	if (dt_subflow_moved_ns(pm, &local, &remote) == stock->now_ns)
		dt_watch_wake(c);
}

/* The inventory may miss a socket while others come and go beside it. */
static bool socket_exists(const struct dt_connection *c, const struct dt_endpoint *local,
			  const struct dt_endpoint *remote)
{
	struct dt_tcp_sample sample;

	return dt_sock_diag_get(&c->pm->diag, local, remote, c->device, &sample) == 0;
}

static struct dt_subflow *unseen_next(struct dt_connection *c, uint64_t now_ns)
{
	struct dt_subflow *s;

	DL_FOREACH(c->subflows, s)
		if (dt_subflow_is_under_way(s) && s->inventory != c->pm->stock && now_ns - s->since_ns > DT_SEC &&
		    !socket_exists(c, &s->local, &s->remote))
			break;
	return s;
}

/* What the inventory did not see any more ended without a word. */
static void unseen_end(struct dt_connection *c, uint64_t now_ns)
{
	struct dt_subflow *s;

	if (c->inventory != c->pm->stock) {
		if (dt_mptcp_alive(&c->pm->mptcp, c->token) == 0) {
			connection_over(c);
			return;
		}
		c->direct_seen = false; /* it waits for a subflow */
	}
	if (c->direct_established && !c->direct_seen && !socket_exists(c, &c->local, &c->remote)) {
		dt_subflow_direct_ended(c, DT_END_CLOSED, now_ns);
	}
	/* each end changes the list, and may begin something new */
	while ((s = unseen_next(c, now_ns)))
		dt_subflow_closed(s, 0);
}

int dt_connections_take_stock(struct dt_pm *pm, uint64_t now_ns)
{
	struct stock stock = {pm, now_ns};
	struct dt_connection *c, *tmp;
	int err;

	pm->stock++;
	pm->stock_ns = now_ns;
	pm->stock_missed = false;
	err = dt_inventory_read(pm->inventory, record_take, &stock);
	if (err)
		return err;
	dt_arrivals_end(pm->arrivals);
	dt_accepted_stock_end(pm);
	HASH_ITER(hh, pm->connections, c, tmp)
		unseen_end(c, now_ns);
	dt_detours_plan_all(pm);
	return 0;
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
	if (c->doubt_wait_ns)
		return;
	c->doubt_wait_ns = DOUBT_FIRST_NS;
	c->doubt_due_ns = now_ns + DOUBT_FIRST_NS;
	DL_APPEND2(pm->doubtful, c, doubt_prev, doubt_next);
}

void dt_connections_subflow_stirs(struct dt_pm *pm, dt_mptcp_token token, const struct dt_endpoint *local,
				  const struct dt_endpoint *remote, bool timed_out)
{
	struct dt_connection *c = connection_find(pm, token);

	if (c && timed_out)
		dt_watch_timed_out(c, local, remote);
	else if (c)
		dt_watch_wake(c);
}

/* Without a subflow a connection either ends soon, or waits for a new one. */
static bool has_subflow(const struct dt_connection *c)
{
	const struct dt_subflow *s;

	DL_FOREACH(c->subflows, s)
		if (s->state == DT_SUBFLOW_ESTABLISHED)
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
			connection_over(c);
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
