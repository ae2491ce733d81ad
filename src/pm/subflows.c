/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of one additional subflow. A join has a clock of its own, because the kernel reports a black hole only after
 * two minutes. Ending one takes two steps: the socket is destroyed, and REMOVE tells the server by RM_ADDR, so that no
 * dead half counts against its limit.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <string.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "base/loop.h"
#include "pm/pm.h"

#define JOIN_TIMEOUT_MS 5000
#define BACKOFF_MIN_NS (1 * DT_SEC)
#define BACKOFF_MAX_NS (60 * DT_SEC)
/* In place of the initial subflow: that path is free and should be used again soon after it works. */
#define BACKOFF_MAX_PLAIN_NS (4 * DT_SEC)
/* One that carried data and lived this long, or without data that long, was a good one: its back-off starts anew. */
#define WORKED_NS (1 * DT_SEC)
#define PROVEN_MS 10000
/* MP_PRIO that the kernel did not take yet is tried again after this, then after twice as long. */
#define PREFER_MS 20
/* A server at its limit accepts a join and closes it at once (RFC 8684, 3.8). */
#define REFUSAL_NS (2 * DT_SEC)
/* So many refusals in a row are the server's limit. */
#define REFUSALS_LIMIT 2
/* A lease that is this long in coming gives its place to the next relay. */
#define LEASE_PATIENCE_MS 1000
/* carrier = auto: for so long a relay's NAT is taken to be blocked. */
#define NAT_BLOCKED_NS (600 * DT_SEC)
#define PORT_TRIES 5
/*
 * Between the end of a subflow and the next join of its connection. A join in the milliseconds in which the kernel gives
 * to the others what the dead one held makes some kernels send data at the wrong place of the stream: docs/kernels.md.
 * Where no other way is left, nothing is sent, and the join is urgent.
 */
#define SETTLING_NS (500 * DT_MS)
/* Between two RM_ADDRs to one server. */
#define LEAVING_MS 100
/* Data that moved so lately moves still; data that had not moved for longer than ACTIVE was not about to. */
#define MOVING_NS (1500 * DT_MS)
#define ACTIVE_NS (30 * DT_SEC)

const char *dt_subflow_end_word(enum dt_subflow_end end)
{
	switch (end) {
	case DT_END_NONE:
		return "";
	case DT_END_REFUSED:
		return "the server refused the join";
	case DT_END_TIMEOUT:
		return "the join was not answered";
	case DT_END_CLOSED:
		return "the subflow was closed";
	case DT_END_ERROR:
		return "the kernel refused the join";
	case DT_END_DEAD:
		return "nothing came through any more";
	case DT_END_ADDRESS:
		return "its local address is gone";
	case DT_END_REPLACED:
		return "replaced by another relay's";
	}
	return "";
}

const char *dt_subflow_via(const struct dt_subflow *s)
{
	return s->relay ? s->relay->conf->name : s->unknown ? "unknown" : "direct";
}

static void plan_due(uv_timer_t *timer)
{
	struct dt_subflow *s = timer->data;

	dt_detours_plan(s->connection);
	/* what was to join cannot any more */
	if (s->state == DT_SUBFLOW_SETTLING && !uv_is_active((uv_handle_t *)timer))
		s->state = DT_SUBFLOW_IDLE;
}

void dt_subflow_lease_set(struct dt_subflow *s, struct dt_pm_lease *lease)
{
	if (s->lease == lease)
		return;
	if (s->lease)
		DL_DELETE2(s->lease->subflows, s, lease_prev, lease_next);
	s->lease = lease;
	if (lease)
		DL_APPEND2(lease->subflows, s, lease_prev, lease_next);
}

bool dt_subflow_is_under_way(const struct dt_subflow *s)
{
	return s->state == DT_SUBFLOW_PENDING || s->state == DT_SUBFLOW_ESTABLISHED;
}

struct dt_subflow *dt_subflow_find(struct dt_connection *c, const struct dt_endpoint *local,
				   const struct dt_endpoint *remote)
{
	struct dt_subflow *s;

	DL_FOREACH(c->subflows, s)
		if (dt_subflow_is_under_way(s) && dt_endpoint_equal(&s->local, local) &&
		    dt_endpoint_equal(&s->remote, remote))
			return s;
	return NULL;
}

struct dt_subflow *dt_subflow_new(struct dt_connection *c, struct dt_pm_relay *relay)
{
	struct dt_subflow *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->connection = c;
	s->relay = relay;
	uv_timer_init(c->pm->loop, &s->timer);
	s->timer.data = s;
	DL_APPEND(c->subflows, s);
	return s;
}

/* --- what moves -------------------------------------------------------------------------------- */

uint64_t dt_subflow_moved_ns(const struct dt_pm *pm, const struct dt_endpoint *local, const struct dt_endpoint *remote)
{
	struct dt_arrival arrival;

	return dt_arrivals_get(pm->arrivals, local, remote, &arrival) ? arrival.moved_ns : 0;
}

bool dt_subflow_stalls(const struct dt_subflow *s, uint64_t now_ns)
{
	struct dt_connection *c = s->connection;
	uint64_t moved_ns = dt_subflow_moved_ns(c->pm, &s->local, &s->remote);
	struct dt_tcp_sample sample;

	if (moved_ns && now_ns - moved_ns < MOVING_NS)
		return false;
	if (dt_sock_diag_get(&c->pm->diag, &s->local, &s->remote, c->device, &sample) == 0 && sample.backoff)
		return true;
	return moved_ns && now_ns - moved_ns < ACTIVE_NS;
}

static bool carried_data(const struct dt_subflow *s)
{
	struct dt_subflow_stats stats;
	struct dt_arrival arrival;

	if (dt_arrivals_get(s->connection->pm->arrivals, &s->local, &s->remote, &arrival) && arrival.bytes_received)
		return true;
	/* the SYN counts as one byte acknowledged */
	return dt_track_get(s->connection->pm->track, &s->local, &s->remote, &stats) == 0 &&
	       (stats.bytes_acked > 1 || stats.bytes_received > 0);
}

static void log_refused(const struct dt_subflow *s, const char *what, int err)
{
	const struct dt_connection *c = s->connection;

	dt_log_debug("%s: %s (%s) via=%s connection=%llu", what, strerror(-err), c->pm->mptcp.commands.error,
		     dt_subflow_via(s), (unsigned long long)c->number);
}

static int prio_send(const struct dt_subflow *s, bool backup)
{
	struct dt_connection *c = s->connection;

	return dt_mptcp_prio(&c->pm->mptcp, c->token, &s->local, &s->remote, backup);
}

void dt_subflow_stir(const struct dt_subflow *s)
{
	int err;

	if (s->state != DT_SUBFLOW_ESTABLISHED)
		return;
	err = prio_send(s, s->backup);
	if (err)
		log_refused(s, "cannot stir a subflow", err);
}

void dt_subflow_prefer(struct dt_subflow *s)
{
	int err;

	if (s->state != DT_SUBFLOW_ESTABLISHED || s->backup == s->backup_wanted)
		return;
	err = prio_send(s, s->backup_wanted);
	if (err)
		log_refused(s, s->backup_wanted ? "cannot make a subflow backup" : "cannot make a subflow regular",
			    err);
	else
		s->backup = s->backup_wanted;
}

int dt_subflow_set_direct_backup(struct dt_connection *c, bool backup)
{
	int err = dt_mptcp_prio(&c->pm->mptcp, c->token, &c->local, &c->remote, backup);

	if (err == 0)
		c->direct_backup = backup;
	return err;
}

/* --- ends -------------------------------------------------------------------------------------- */

static void settle(struct dt_connection *c, uint64_t now_ns)
{
	c->settled_ns = now_ns + SETTLING_NS;
}

void dt_subflow_direct_ended(struct dt_connection *c, enum dt_subflow_end end, uint64_t now_ns)
{
	c->direct_established = false;
	settle(c, now_ns);
	dt_pm_publish_subflow(c->pm, c, NULL, dt_subflow_end_word(end));
}

/* By one RM_ADDR, which the kernel does not repeat. */
static void server_tell_gone(struct dt_connection *c, uint8_t id)
{
	int err = dt_mptcp_remove(&c->pm->mptcp, c->token, id);

	if (err)
		dt_log_debug("cannot tell the server that an address is gone: %s (%s) id=%u connection=%llu",
			     strerror(-err), c->pm->mptcp.commands.error, id, (unsigned long long)c->number);
}

/*
 * Until release(), no work that this thread's system calls queue is run in between: kernel workers stay on the CPU
 * that queued them, and have no real-time priority. False without CAP_SYS_NICE.
 */
static bool hold_cpu(int *policy, struct sched_param *was)
{
	struct sched_param now = {.sched_priority = 1};

	*policy = sched_getscheduler(0);
	return *policy >= 0 && sched_getparam(0, was) == 0 &&
	       sched_setscheduler(0, SCHED_FIFO | (*policy & SCHED_RESET_ON_FORK), &now) == 0;
}

static void release_cpu(int policy, const struct sched_param *was)
{
	if (sched_setscheduler(0, policy, was) != 0)
		dt_log_warn("cannot leave real-time scheduling: %s", strerror(errno));
}

/*
 * Closes a subflow's socket and tells the server by `times` RM_ADDRs of its id. Older kernels send a RM_ADDR by the
 * first subflow that is not closed, were it the one that is dead (before fb8d0bccb221 of 2026:
 * mptcp_pm_addr_send_ack() in net/mptcp/pm.c); so the socket is closed first. But an id is known only until the
 * kernel's worker has buried the closed socket, and it begins at once.
 */
static void socket_end(struct dt_connection *c, uint8_t id, unsigned times, const struct dt_endpoint *local,
		       const struct dt_endpoint *remote)
{
	struct dt_pm *pm = c->pm;
	struct sched_param was;
	int policy, err;
	bool held = times && hold_cpu(&policy, &was);

	for (unsigned i = 0; !held && i < times; i++)
		server_tell_gone(c, id);
	err = dt_sock_diag_destroy(&pm->diag, local, remote, c->device);
	for (unsigned i = 0; held && i < times; i++)
		server_tell_gone(c, id);
	if (err == -EOPNOTSUPP)
		err = dt_mptcp_subflow_destroy(&pm->mptcp, c->token, local, remote);
	if (held)
		release_cpu(policy, &was);
	if (err && err != -ENOENT && err != -ESRCH)
		dt_log_debug("cannot close a subflow: %s connection=%llu", strerror(-err),
			     (unsigned long long)c->number);
	dt_track_forget(pm->track, local, remote);
}

/*
 * One that is given up. REMOVE sends a RM_ADDR only while the socket is there, and the server drops a RM_ADDR while it
 * has not dealt with the last one: so they leave one by one.
 */
struct dt_leaving {
	uint8_t id;
	struct dt_endpoint local, remote;
	struct dt_leaving *prev, *next;
};

static void leaving_end(struct dt_connection *c, struct dt_leaving *l)
{
	/* id 0 would end the initial subflow */
	socket_end(c, l->id, l->id ? 1 : 0, &l->local, &l->remote);
	dt_ids_free(&c->ids, l->id);
	DL_DELETE(c->leaving, l);
	free(l);
}

static void leaving_next(struct dt_connection *c, uint64_t now_ns)
{
	if (now_ns - c->left_ns < LEAVING_MS * DT_MS)
		return;
	leaving_end(c, c->leaving);
	c->left_ns = now_ns;
	if (!c->leaving)
		DL_DELETE2(c->pm->leaving, c, leaving_prev, leaving_next);
}

static void leaving_due(uv_timer_t *timer)
{
	struct dt_pm *pm = timer->data;
	uint64_t now_ns = dt_now_ns();
	struct dt_connection *c, *tmp;

	DL_FOREACH_SAFE2(pm->leaving, c, tmp, leaving_next)
		leaving_next(c, now_ns);
	if (pm->leaving)
		dt_timer_arm(timer, leaving_due, LEAVING_MS / 2, 0);
}

bool dt_subflow_is_leaving(const struct dt_connection *c, uint8_t id)
{
	const struct dt_leaving *l;

	DL_FOREACH(c->leaving, l)
		if (l->id == id)
			return true;
	return false;
}

void dt_subflows_leave_at_once(struct dt_connection *c)
{
	if (!c->leaving)
		return;
	while (c->leaving)
		leaving_end(c, c->leaving);
	DL_DELETE2(c->pm->leaving, c, leaving_prev, leaving_next);
}

static void subflow_remove(struct dt_subflow *s)
{
	struct dt_connection *c = s->connection;
	struct dt_leaving *l = calloc(1, sizeof(*l));

	if (!l) {
		socket_end(c, s->id, s->id ? 1 : 0, &s->local, &s->remote);
		dt_ids_free(&c->ids, s->id);
		return;
	}
	l->id = s->id;
	l->local = s->local;
	l->remote = s->remote;
	if (!c->leaving)
		DL_APPEND2(c->pm->leaving, c, leaving_prev, leaving_next);
	DL_APPEND(c->leaving, l);
	leaving_next(c, dt_now_ns());
	if (c->leaving && !uv_is_active((uv_handle_t *)&c->pm->leaves))
		dt_timer_arm(&c->pm->leaves, leaving_due, LEAVING_MS / 2, 0);
}

void dt_subflow_give_up_direct(struct dt_connection *c, enum dt_subflow_end end)
{
	if (!c->direct_established)
		return;
	/* twice, for it may be lost */
	socket_end(c, 0, 2, &c->local, &c->remote);
	dt_subflow_direct_ended(c, end, dt_now_ns());
}

static uint64_t backoff_max_ns(const struct dt_subflow *s)
{
	return s->relay || s->interface[0] ? BACKOFF_MAX_NS : BACKOFF_MAX_PLAIN_NS;
}

/* What had worked is tried again as soon as the connection has settled, the first time; else back-off doubles. */
static void subflow_idle(struct dt_subflow *s, enum dt_subflow_end end, int error, uint64_t now_ns)
{
	bool worked = s->state == DT_SUBFLOW_ESTABLISHED && end != DT_END_REFUSED;
	uint64_t wait_ns;

	if (s->state == DT_SUBFLOW_ESTABLISHED)
		settle(s->connection, now_ns);
	if (worked && now_ns - s->since_ns >= WORKED_NS && carried_data(s))
		s->backoff_ns = 0;
	wait_ns = worked || s->backoff_ns ? s->backoff_ns : BACKOFF_MIN_NS;

	s->backoff_ns = wait_ns ? wait_ns * 2 : BACKOFF_MIN_NS;
	if (s->backoff_ns > backoff_max_ns(s))
		s->backoff_ns = backoff_max_ns(s);
	s->may_try_ns = now_ns + wait_ns;
	s->state = DT_SUBFLOW_IDLE;
	s->end = end;
	s->error = error;
	s->since_ns = now_ns;
	s->backup = false;
	dt_timer_arm(&s->timer, plan_due, wait_ns / DT_MS + 1, 0);
	if (end == DT_END_TIMEOUT || end == DT_END_DEAD || (end == DT_END_CLOSED && error))
		dt_choice_failed(s);
	if (s->lease && (end == DT_END_REFUSED || end == DT_END_TIMEOUT || end == DT_END_CLOSED))
		dt_pm_lease_verify(s->lease, now_ns);
	dt_pm_publish_subflow(s->connection->pm, s->connection, s, dt_subflow_end_word(end));
}

/* carrier = auto: something on the way eats joins; the other carrier looks different to it. */
static void carrier_change(struct dt_subflow *s, uint64_t now_ns)
{
	struct dt_pm_relay *relay = s->relay;

	if (s->carrier == DT_CARRIER_NAT && relay->nat_blocked_ns <= now_ns) {
		relay->nat_blocked_ns = now_ns + NAT_BLOCKED_NS;
		dt_log_info("joins through NAT are not answered, going over to WireGuard relay=%s", relay->conf->name);
		dt_pm_publish(relay->pm, "relay", NULL, relay, "joins through NAT are not answered: WireGuard");
		dt_detours_relay_up(relay, now_ns);
	} else if (s->carrier == DT_CARRIER_WIREGUARD) {
		relay->nat_blocked_ns = 0;
	}
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

	/* its event was lost, or waits behind many others */
	if (dt_sock_diag_get(&c->pm->diag, &s->local, &s->remote, c->device, &sample) == 0 &&
	    sample.state == BPF_TCP_ESTABLISHED) {
		dt_subflow_established(s);
		return;
	}
	c->pm->counters[DT_PM_JOIN_TIMEOUT]++;
	subflow_remove(s);
	subflow_idle(s, DT_END_TIMEOUT, 0, dt_now_ns());
	if (s->relay && s->relay->tunnel && carrier_is_auto(s))
		carrier_change(s, dt_now_ns());
	dt_detours_plan(c);
}

static unsigned established_count(const struct dt_connection *c)
{
	const struct dt_subflow *s;
	unsigned count = 0;

	DL_FOREACH(c->subflows, s)
		count += s->state == DT_SUBFLOW_ESTABLISHED;
	return count;
}

/* As many as there are now it took: they have lived for a while, or carried data. */
static void server_took(struct dt_connection *c)
{
	unsigned count = established_count(c);

	c->refusals = 0;
	if (count > c->server_took)
		c->server_took = count;
}

/*
 * A server that took more at other times refuses for another reason: its worker has not buried the last subflow yet, or
 * it is Linux 6.1 or 6.12 and busy receiving.
 */
static void refused(struct dt_connection *c, uint64_t now_ns)
{
	unsigned count = established_count(c);

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
	bool closed_early = s->state == DT_SUBFLOW_ESTABLISHED && now_ns - s->since_ns < REFUSAL_NS && !carried_data(s);
	bool early = s->state == DT_SUBFLOW_PENDING || closed_early;

	if (c->foreign) {
		dt_subflow_free(s, false);
		return;
	}
	if (!early)
		server_took(c);
	subflow_idle(s, early ? DT_END_REFUSED : DT_END_CLOSED, error, now_ns);
	subflow_remove(s);
	if (closed_early)
		refused(c, now_ns);
	else if (early)
		c->pm->counters[DT_PM_JOIN_REFUSED]++;
	else
		c->server_limit_ns = 0; /* a place is free there */
	dt_detours_plan(c);
}

void dt_subflow_give_up(struct dt_subflow *s, enum dt_subflow_end end, uint64_t now_ns)
{
	if (!dt_subflow_is_under_way(s))
		return;
	subflow_idle(s, end, 0, now_ns);
	subflow_remove(s);
	s->connection->server_limit_ns = 0;
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void dt_subflow_free(struct dt_subflow *s, bool close)
{
	if (close && dt_subflow_is_under_way(s) && !s->connection->foreign)
		subflow_remove(s);
	dt_subflow_lease_set(s, NULL);
	DL_DELETE(s->connection->subflows, s);
	uv_close((uv_handle_t *)&s->timer, timer_closed);
}

/* --- joins ------------------------------------------------------------------------------------- */

static void proven(uv_timer_t *timer)
{
	struct dt_subflow *s = timer->data;

	s->backoff_ns = 0;
	server_took(s->connection);
}

/*
 * Before Linux 6.9 a join cannot say backup, and MP_PRIO only what the connection's list holds: a subflow joins that
 * after its event, when the application leaves the connection's lock (__mptcp_finish_join() in net/mptcp/protocol.c).
 */
static void prefer_until_told(uv_timer_t *timer)
{
	struct dt_subflow *s = timer->data;
	uint64_t ms = (dt_now_ns() - s->since_ns) / DT_MS;

	dt_subflow_prefer(s);
	if (s->backup != s->backup_wanted && ms < PROVEN_MS)
		dt_timer_arm(timer, prefer_until_told, ms < PREFER_MS ? PREFER_MS : ms, 0);
	else
		dt_timer_arm(timer, proven, PROVEN_MS, 0);
}

void dt_subflow_established(struct dt_subflow *s)
{
	struct dt_connection *c = s->connection;

	if (s->state != DT_SUBFLOW_PENDING)
		return;
	s->state = DT_SUBFLOW_ESTABLISHED;
	s->since_ns = dt_now_ns();
	if (c->foreign)
		return;
	c->pm->counters[DT_PM_JOINS_ESTABLISHED]++;
	if (s->backup_wanted || s->backup)
		s->backup = !s->backup_wanted; /* whatever the join said is said again */
	prefer_until_told(&s->timer);
	dt_pm_publish_subflow(c->pm, c, s, "established");
	dt_watch_wake(c);
	dt_detours_homeless_end(c, s->since_ns);
	dt_detours_leave_draining(c);
}

/* A port that nobody has at this address: the kernel's own choice for a socket that is thrown away again. */
static int port_find(struct dt_endpoint *local)
{
	struct dt_endpoint any = {local->ip, 0};
	struct sockaddr_storage sa;
	socklen_t len = dt_endpoint_to_sockaddr(&any, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&sa, len) < 0 || getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		err = -errno;
	close(fd);
	if (err == 0)
		dt_endpoint_from_sockaddr(local, (struct sockaddr *)&sa);
	return err;
}

/* Found beforehand, while no join waited for it. Whoever took it since makes the join fail with EADDRINUSE. */
static int port_take(struct dt_pm *pm, struct dt_endpoint *local)
{
	if (!pm->spare.port || !dt_ip_equal(&pm->spare.ip, &local->ip))
		return port_find(local);
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
			err = dt_mptcp_subflow_create(&c->pm->mptcp, c->token, s->id, s->backup_wanted, &s->local,
						      &s->remote);
	}
	if (err) {
		dt_ids_free(&c->ids, s->id);
		return err;
	}
	c->pm->spare.ip = s->local.ip;
	if (port_find(&c->pm->spare) < 0)
		c->pm->spare.port = 0;
	return 0;
}

bool dt_subflow_join(struct dt_subflow *s, uint64_t now_ns)
{
	struct dt_connection *c = s->connection;
	int err;

	if (now_ns < c->settled_ns && dt_detours_has_way(c)) {
		s->state = DT_SUBFLOW_SETTLING;
		dt_timer_arm(&s->timer, plan_due, (c->settled_ns - now_ns) / DT_MS + 1, 0);
		return true;
	}
	dt_choice_begin(s, now_ns);
	err = join_send(s);
	c->pm->counters[DT_PM_JOINS]++;
	if (err) {
		c->pm->counters[DT_PM_JOIN_FAILED]++;
		log_refused(s, "join failed", err);
		subflow_idle(s, DT_END_ERROR, err, now_ns);
		return false;
	}
	s->state = DT_SUBFLOW_PENDING;
	s->backup = s->backup_wanted;
	s->since_ns = now_ns;
	memset(&s->liveness, 0, sizeof(s->liveness));
	dt_subflow_await_answer(s);
	dt_pm_publish_subflow(c->pm, c, s, "pending");
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
		s->since_ns = now_ns;
		dt_timer_arm(&s->timer, plan_due, LEASE_PATIENCE_MS, 0);
	}
	return now_ns - s->since_ns < LEASE_PATIENCE_MS * DT_MS;
}
