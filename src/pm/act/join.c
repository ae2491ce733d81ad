/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/act/join.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "net/sock_diag.h"
#include "net/source.h"
#include "pm/act/end.h"
#include "pm/act/prio.h"
#include "pm/store/connection.h"
#include "pm/store/lease.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"
#include "pm/store/report.h"
#include "pm/store/tally.h"
#include "pm/store/todo.h"
#include "pm/store/tunnel.h"

/* The kernel reports an unanswered join only after two minutes. */
#define JOIN_TIMEOUT_MS 5000
/* A subflow that lived this long has worked, with or without data: its back-off starts again at the shortest. */
#define PROVEN_MS 10000
/* First wait before MP_PRIO is sent again if the kernel refused it. Then waits as long as it has been established. */
#define PREFER_MS 20
/*
 * Linux 6.14 to 6.18, as a server, puts a new subflow's data at the wrong place if it comes while the program is still inside
 * recv() since the join's last ACK (docs/upstream/join-while-reading.md). So a subflow that joins an upload carries data only
 * after this time.
 */
#define LISTED_MS 50
/* If a lease takes longer than this, the next relay is tried. */
#define LEASE_PATIENCE_MS 1000
/* carrier = auto: how long a relay's NAT counts as blocked after an unanswered join. */
#define NAT_BLOCKED_NS (600 * DT_SEC)
#define PORT_TRIES 5

/* carrier = auto: something on the way drops joins. It may let the other carrier's packets pass. */
static void carrier_change(struct dt_subflow *s, uint64_t now_ns)
{
	struct dt_pm_relay *relay = s->relay;

	if (s->carrier == DT_CARRIER_NAT && relay->nat_blocked_ns <= now_ns) {
		relay->nat_blocked_ns = now_ns + NAT_BLOCKED_NS;
		dt_log_info("joins through NAT are not answered, going over to WireGuard relay=%s", relay->conf->name);
		dt_report(relay->pm, "relay", NULL, relay, "joins through NAT are not answered: WireGuard");
		dt_todo_relay(relay, DT_RELAY_RETRY);
	} else if (s->carrier == DT_CARRIER_WIREGUARD) {
		relay->nat_blocked_ns = 0;
	}
}

/* The relay answers by UDP, and its NAT does not. That nothing else is wrong is a guess, so it is said only once. */
static void nat_unanswered(struct dt_pm_relay *relay)
{
	if (dt_pm_relay_state(relay) != DT_LINK_UP || ++relay->nat_unanswered != DT_NAT_UNANSWERED_MAX)
		return;
	dt_log_warn(
		"no join through the relay's NAT is answered, although the relay answers: something on the way drops "
		"MPTCP, or a NAT here gives TCP another address than UDP; try carrier = auto relay=%s",
		relay->conf->name);
}

static bool carrier_is_auto(const struct dt_subflow *s)
{
	int by_rule = dt_connection_plan(s->connection).carrier;

	return by_rule < 0 ? s->relay->conf->carrier == DT_CARRIER_AUTO : by_rule == DT_CARRIER_AUTO;
}

static void join_overdue(uv_timer_t *timer)
{
	struct dt_subflow *s = timer->data;
	struct dt_connection *c = s->connection;
	struct dt_tcp_sample sample;

	/* the event was lost, or is still queued behind many others */
	if (dt_sock_diag_get(&c->pm->diag, &s->local, &s->remote, c->device, &sample) == 0 &&
	    sample.state == BPF_TCP_ESTABLISHED) {
		dt_subflow_established(s);
		return;
	}
	c->pm->counters[DT_PM_JOIN_TIMEOUT]++;
	dt_subflow_end(s, DT_END_TIMEOUT, 0, dt_now_ns());
	if (s->relay && s->carrier == DT_CARRIER_NAT)
		nat_unanswered(s->relay);
	if (s->relay && s->relay->tunnel && carrier_is_auto(s))
		carrier_change(s, dt_now_ns());
	dt_todo_connection(c, DT_CONNECTION_PLAN);
}

static void proven(uv_timer_t *timer)
{
	struct dt_subflow *s = timer->data;

	if (s->untold)
		dt_subflow_stir(s); /* MP_PRIO may have been lost */
	s->untold = false;
	s->backoff_ns = 0;
	dt_subflow_server_took(s->connection);
}

/*
 * Before Linux 6.9 a join cannot carry the backup flag, so MP_PRIO must set it. The kernel accepts MP_PRIO only for a
 * subflow in the connection's list. It is added there after its event, when the application releases the connection's
 * lock (__mptcp_finish_join() in net/mptcp/protocol.c).
 */
static void prefer_until_told(uv_timer_t *timer)
{
	struct dt_subflow *s = timer->data;
	uint64_t ms = (dt_now_ns() - s->since_ns) / DT_MS;

	dt_subflow_prefer(s);
	if (s->backup != dt_connection_backup_due(s) && ms < PROVEN_MS)
		dt_timer_arm(timer, prefer_until_told, ms < PREFER_MS ? PREFER_MS : ms, 0);
	else
		dt_timer_arm(timer, proven, PROVEN_MS, 0);
}

static void listed(uv_timer_t *timer)
{
	struct dt_subflow *s = timer->data;

	s->unlisted = false;
	s->untold = true;
	s->since_ns = dt_now_ns(); /* it begins to send only now */
	s->backup = !dt_connection_backup_due(s);
	prefer_until_told(timer);
}

void dt_subflow_established(struct dt_subflow *s)
{
	struct dt_connection *c = s->connection;

	if (s->state != DT_SUBFLOW_PENDING)
		return;
	s->state = DT_SUBFLOW_ESTABLISHED;
	s->since_ns = dt_now_ns();
	if (s->relay && s->carrier == DT_CARRIER_NAT)
		s->relay->nat_unanswered = 0;
	if (c->foreign)
		return;
	c->pm->counters[DT_PM_JOINS_ESTABLISHED]++;
	dt_tally_established(s);
	if (s->unlisted) {
		dt_timer_arm(&s->timer, listed, LISTED_MS, 0);
	} else {
		if (dt_connection_backup_due(s) || s->backup)
			s->backup = !dt_connection_backup_due(s); /* so that MP_PRIO is sent whatever the join said */
		prefer_until_told(&s->timer);
	}
	dt_report_subflow(c, s, "established");
	dt_todo_connection(c, DT_CONNECTION_LEAVE);
}

/* Takes the port found after the last join. If somebody uses it by now, the join fails with EADDRINUSE. */
static int port_take(struct dt_pm *pm, struct dt_endpoint *local)
{
	if (!pm->spare.port || !dt_ip_equal(&pm->spare.ip, &local->ip))
		return dt_source_port(local);
	local->port = pm->spare.port;
	pm->spare.port = 0;
	return 0;
}

static int ends_choose(struct dt_subflow *s)
{
	struct dt_connection *c = s->connection;

	switch (s->carrier) {
	case DT_CARRIER_NAT:
		s->remote.ip = dt_relay_link_nat_address(s->lease->link);
		s->remote.port = s->lease->dpt;
		s->local.ip = c->source;
		return 0;
	case DT_CARRIER_WIREGUARD:
		s->remote = s->server;
		return dt_pm_tunnel_address(s->relay->tunnel, dt_ip_family(&s->server.ip), &s->local.ip) ? 0
													 : -ENETDOWN;
	case DT_CARRIER_DIRECT:
		s->remote = s->server;
		s->local.ip = s->source;
		return 0;
	case DT_CARRIER_AUTO:
		break;
	}
	return -EINVAL;
}

static int join_send(struct dt_subflow *s)
{
	struct dt_connection *c = s->connection;
	int err;

	s->id = dt_ids_take(&c->ids);
	if (!s->id)
		return -ENOSPC;
	err = ends_choose(s);
	if (err == 0)
		err = -EADDRINUSE;
	for (int i = 0; err == -EADDRINUSE && i < PORT_TRIES; i++) {
		err = port_take(c->pm, &s->local);
		if (err == 0)
			err = dt_mptcp_subflow_create(&c->pm->mptcp, c->token, s->id, dt_connection_backup_due(s),
						      &s->local, &s->remote);
	}
	if (err) {
		dt_ids_free(&c->ids, s->id);
		return err;
	}
	c->pm->spare.ip = s->local.ip;
	if (dt_source_port(&c->pm->spare) < 0)
		c->pm->spare.port = 0;
	return 0;
}

bool dt_subflow_settle(struct dt_subflow *s, uint64_t now_ns)
{
	struct dt_connection *c = s->connection;

	if (now_ns >= c->settled_ns || !dt_connection_has_way(c))
		return false;
	s->state = DT_SUBFLOW_SETTLING;
	dt_subflow_plan_after(s, (c->settled_ns - now_ns) / DT_MS + 1);
	return true;
}

bool dt_subflow_join(struct dt_subflow *s, uint64_t now_ns)
{
	struct dt_connection *c = s->connection;
	int err;

	if (s->state != DT_SUBFLOW_WAITING)
		s->wanted_ns = now_ns;
	s->unlisted = c->way == DT_WAY_UP && dt_connection_has_way(c);
	s->untold = false;
	err = join_send(s);
	c->pm->counters[DT_PM_JOINS]++;
	dt_tally_joins(s);
	if (err) {
		c->pm->counters[DT_PM_JOIN_FAILED]++;
		dt_subflow_log_refused(s, "join failed", err);
		dt_subflow_rest(s, DT_END_ERROR, err, now_ns);
		return false;
	}
	s->state = DT_SUBFLOW_PENDING;
	s->backup = dt_connection_backup_due(s);
	s->since_ns = now_ns;
	memset(&s->liveness, 0, sizeof(s->liveness));
	dt_subflow_await_answer(s);
	dt_report_subflow(c, s, "pending");
	return true;
}

void dt_subflow_await_answer(struct dt_subflow *s)
{
	dt_timer_arm(&s->timer, join_overdue, JOIN_TIMEOUT_MS, 0);
}

bool dt_subflow_await_lease(struct dt_subflow *s, uint64_t now_ns)
{
	if (s->state != DT_SUBFLOW_WAITING) {
		s->state = DT_SUBFLOW_WAITING;
		s->since_ns = s->wanted_ns = now_ns;
		/* rounded up: a timer that fires early would find nothing due */
		dt_subflow_plan_after(s, LEASE_PATIENCE_MS + 1);
	}
	return now_ns - s->since_ns < LEASE_PATIENCE_MS * DT_MS;
}
