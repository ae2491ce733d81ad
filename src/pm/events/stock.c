/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/events/stock.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/sock_diag.h"
#include "pm/act/end.h"
#include "pm/act/join.h"
#include "pm/act/leave.h"
#include "pm/act/moves.h"
#include "pm/act/routes.h"
#include "pm/act/sockets.h"
#include "pm/conf/client_conf.h"
#include "pm/events/accepted.h"
#include "pm/events/endpoints.h"
#include "pm/events/lifetime.h"
#include "pm/events/watch.h"
#include "pm/kernel/arrivals.h"
#include "pm/kernel/inventory.h"
#include "pm/kernel/track.h"
#include "pm/store/connection.h"
#include "pm/store/interfaces.h"
#include "pm/store/pm.h"
#include "pm/store/report.h"
#include "pm/store/server.h"
#include "pm/store/subflow.h"
#include "pm/store/todo.h"

/* Stock is taken at least this often, because events do not tell all. */
#define STOCK_NS (5 * DT_SEC)

struct dt_stock {
	uint64_t taken_ns;
};

/* One inventory while it is read. */
struct stock {
	struct dt_pm *pm;
	uint64_t now_ns;
};

/* Takes over a subflow that an earlier run or the application made. */
static void subflow_take_over(struct dt_connection *c, const struct dt_subflow_record *r,
			      const struct dt_endpoint *local, const struct dt_endpoint *remote)
{
	struct dt_subflow *s = dt_connection_add(c, NULL);

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
	/* one to the server itself is plain, or a lost tunnel's: that ends, because its address is gone */
	s->unknown = !dt_ip_equal(&remote->ip, &c->remote.ip);
	if (s->unknown && r->remote_id && remote->port == c->remote.port) {
		s->unknown = false;
		dt_server_found(c, r->remote_id, remote);
	}
	if (!s->unknown && !dt_ip_equal(&local->ip, &c->local.ip)) {
		dt_interfaces_name(c->pm, &local->ip, s->interface);
		if (!dt_interface_is_named(c->pm->config, s->interface))
			memset(s->interface, 0, sizeof(s->interface));
		dt_route_hold(c->pm, &local->ip, &remote->ip);
	}
	dt_track_adopt(c->pm->track, local, remote, c->token);
}

/* It is established, but its event was lost. */
static void event_lost(struct dt_connection *c, struct dt_subflow *s)
{
	dt_subflow_established(s);
	dt_watch_wake(c);
}

static void subflow_seen(struct dt_connection *c, const struct dt_subflow_record *r, const struct dt_endpoint *local,
			 const struct dt_endpoint *remote)
{
	struct dt_subflow *s = dt_connection_subflow(c, local, remote);

	if (!s && dt_leave_is_leaving(c, r->local_id))
		return;
	if (!s && r->state != BPF_TCP_CLOSE) {
		subflow_take_over(c, r, local, remote);
		s = dt_connection_subflow(c, local, remote);
	}
	if (!s)
		return;
	s->inventory = c->pm->stock_number;
	if (s->state == DT_SUBFLOW_PENDING && r->flags & DT_RECORD_CONFIRMED)
		event_lost(c, s);
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
	struct dt_connection *c = dt_connection_new(pm, r->token, local, remote);
	struct dt_endpoint announced;

	if (!c)
		return NULL;
	c->foreign = !(r->flags & DT_RECORD_USERSPACE_PM);
	if (announced_take(r, remote->port, &announced))
		dt_server_found(c, r->announced_id, &announced);
	pm->counters[DT_PM_TAKEN_OVER]++;
	dt_report(pm, "connection", c, NULL, "found");
	return c;
}

static void record_take(const struct dt_subflow_record *r, void *data)
{
	struct dt_endpoint local = {r->key.local, r->key.lport}, remote = {r->key.remote, r->key.rport};
	struct dt_endpoint first = {r->initial.local, r->initial.lport}, last = {r->initial.remote, r->initial.rport};
	struct stock *stock = data;
	struct dt_pm *pm = stock->pm;
	struct dt_connection *c = dt_connection_find(pm, r->token);

	dt_arrivals_seen(pm->arrivals, r, stock->now_ns);
	if (r->flags & DT_RECORD_SERVER_SIDE) {
		dt_accepted_seen(pm, r);
		return;
	}
	if (c && !dt_connection_is_initial(c, &first, &last)) {
		dt_connection_free(c, false); /* the token is used again */
		c = NULL;
	}
	if (!c && !(r->flags & DT_RECORD_READY))
		return; /* its event is still to come, or it is over already */
	if (!c)
		c = connection_take_over(pm, r, &first, &last);
	if (!c)
		return;
	c->deny_join_id0 = c->deny_join_id0 || r->flags & DT_RECORD_DENY_JOIN_ID0;
	c->device = r->device;
	if (c->inventory != pm->stock_number)
		c->direct_seen = false;
	c->inventory = pm->stock_number;
	dt_ids_mark(&c->ids, r->local_id);
	if (r->flags & DT_RECORD_JOIN) {
		subflow_seen(c, r, &local, &remote);
	} else {
		if (!c->direct_established) {
			dt_track_adopt(pm->track, &local, &remote, c->token);
			/* by an earlier run; the plan makes it regular again if that is still wanted */
			c->direct_backup = r->flags & DT_RECORD_BACKUP_ASKED;
		}
		c->direct_established = c->direct_seen = r->state != BPF_TCP_CLOSE;
	}
	if (dt_subflow_moved_ns(pm, &local, &remote) == stock->now_ns)
		dt_watch_wake(c);
}

/* An inventory may miss a socket while others come and go. */
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
		if (dt_subflow_is_under_way(s) && s->inventory != c->pm->stock_number &&
		    now_ns - s->since_ns > DT_SEC && !socket_exists(c, &s->local, &s->remote))
			break;
	return s;
}

/* What the inventory did not see has ended without an event. */
static void unseen_end(struct dt_connection *c, uint64_t now_ns)
{
	struct dt_subflow *s;

	if (c->inventory != c->pm->stock_number) {
		if (dt_mptcp_alive(&c->pm->mptcp, c->token) == 0) {
			dt_connection_over(c);
			return;
		}
		c->direct_seen = false; /* it waits for a subflow */
	}
	if (c->direct_established && !c->direct_seen && !socket_exists(c, &c->local, &c->remote))
		dt_subflow_direct_ended(c, DT_END_CLOSED, now_ns);
	/* each end may change the list: look from its start */
	while ((s = unseen_next(c, now_ns)))
		dt_subflow_closed(s, 0);
}

static int inventory_take(struct dt_pm *pm, uint64_t now_ns)
{
	struct stock stock = {pm, now_ns};
	struct dt_connection *c, *tmp;
	int err;

	pm->stock_number++;
	err = dt_inventory_read(pm->inventory, record_take, &stock);
	if (err)
		return err;
	dt_arrivals_end(pm->arrivals);
	dt_accepted_stock_end(pm);
	dt_endpoints_check(pm);
	HASH_ITER(hh, pm->connections, c, tmp)
		unseen_end(c, now_ns);
	dt_todo_connections(pm, DT_CONNECTION_PLAN);
	return 0;
}

void dt_stock_take(struct dt_pm *pm)
{
	struct dt_mptcp_limits limits;
	uint64_t begin_ns = dt_now_ns();
	int err;

	if (dt_client_config_resolve(pm->config, pm->cgroup_fd))
		dt_sockets_apply(pm);
	if (dt_mptcp_limits_get(&pm->mptcp, &limits) == 0)
		pm->add_addr_accepted = limits.add_addr_accepted;
	pm->stock->taken_ns = begin_ns;
	err = inventory_take(pm, begin_ns);
	pm->counters[DT_PM_STOCKS]++;
	pm->counters[DT_PM_STOCK_US] = (dt_now_ns() - begin_ns) / DT_US;
	if (err)
		dt_log_warn("cannot list MPTCP connections: %s", strerror(-err));
}

bool dt_stock_tick(struct dt_pm *pm, uint64_t now_ns)
{
	if (now_ns - pm->stock->taken_ns < STOCK_NS)
		return false;
	dt_stock_take(pm);
	return true;
}

int dt_stock_new(struct dt_pm *pm)
{
	pm->stock = calloc(1, sizeof(*pm->stock));
	return pm->stock ? 0 : -ENOMEM;
}

void dt_stock_free(struct dt_pm *pm)
{
	free(pm->stock);
	pm->stock = NULL;
}
