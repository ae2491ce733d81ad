/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Detours of each connection: chosen, joined, watched, given up. A join has a clock of its own, because the
 * kernel reports a black hole only after two minutes. Ending one takes two steps: REMOVE tells the server by
 * RM_ADDR, so that no dead half counts against its limit, then the socket is destroyed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "base/loop.h"
#include "pm/pm.h"

#define JOIN_TIMEOUT_MS 5000
#define BACKOFF_MIN_NS (1 * DT_SEC)
#define BACKOFF_MAX_NS (60 * DT_SEC)
/* A detour that lived this long, or carried data, was a good one: its back-off starts anew. */
#define PROVEN_MS 10000
/* A server at its limit accepts a join and closes it at once (RFC 8684, 3.8). */
#define REFUSAL_NS (2 * DT_SEC)
/* A lease that is this long in coming gives its place to the next relay. */
#define LEASE_PATIENCE_MS 1000
/* carrier = auto: for so long a relay's NAT is taken to be blocked. */
#define NAT_BLOCKED_NS (600 * DT_SEC)
#define PORT_TRIES 5

static const char *end_word(enum dt_detour_end end)
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
	}
	return "";
}

static void plan_due(uv_timer_t *timer)
{
	struct dt_detour *d = timer->data;

	dt_detours_plan(d->connection);
}

static void lease_attach(struct dt_detour *d, struct dt_pm_lease *lease)
{
	if (d->lease == lease)
		return;
	if (d->lease)
		DL_DELETE2(d->lease->detours, d, lease_prev, lease_next);
	d->lease = lease;
	if (lease)
		DL_APPEND2(lease->detours, d, lease_prev, lease_next);
}

/* --- ends -------------------------------------------------------------------------------------- */

static bool is_under_way(const struct dt_detour *d)
{
	return d->state == DT_DETOUR_PENDING || d->state == DT_DETOUR_ESTABLISHED;
}

static bool carried_data(const struct dt_detour *d)
{
	struct dt_subflow_stats stats;
	struct dt_arrival arrival;

	if (dt_arrivals_get(d->connection->pm->arrivals, &d->local, &d->remote, &arrival) && arrival.bytes_received)
		return true;
	/* the SYN counts as one byte acknowledged */
	return dt_track_get(d->connection->pm->track, &d->local, &d->remote, &stats) == 0 &&
	       (stats.bytes_acked > 1 || stats.bytes_received > 0);
}

static void subflow_remove(struct dt_detour *d)
{
	struct dt_pm *pm = d->connection->pm;
	int err;

	dt_mptcp_remove(&pm->mptcp, d->connection->token, d->id);
	err = dt_sock_diag_destroy(&pm->diag, &d->local, &d->remote);
	if (err == -EOPNOTSUPP)
		err = dt_mptcp_subflow_destroy(&pm->mptcp, d->connection->token, &d->local, &d->remote);
	if (err && err != -ENOENT && err != -ESRCH)
		dt_log_debug("cannot close a subflow: %s relay=%s", strerror(-err), d->relay->conf->name);
	dt_track_forget(pm->track, &d->local, &d->remote);
	dt_connection_id_free(d->connection, d->id);
}

static void detour_idle(struct dt_detour *d, enum dt_detour_end end, int error, uint64_t now_ns)
{
	bool proven = d->state == DT_DETOUR_ESTABLISHED && carried_data(d);

	if (proven)
		d->backoff_ns = 0;
	d->backoff_ns = d->backoff_ns ? d->backoff_ns * 2 : BACKOFF_MIN_NS;
	if (d->backoff_ns > BACKOFF_MAX_NS)
		d->backoff_ns = BACKOFF_MAX_NS;
	d->may_try_ns = now_ns + d->backoff_ns;
	d->state = DT_DETOUR_IDLE;
	d->end = end;
	d->error = error;
	d->since_ns = now_ns;
	dt_timer_arm(&d->timer, plan_due, d->backoff_ns / DT_MS + 1, 0);
	if (d->lease && (end == DT_END_REFUSED || end == DT_END_TIMEOUT || end == DT_END_CLOSED))
		dt_pm_lease_verify(d->lease, now_ns);
	dt_pm_publish(d->connection->pm, "subflow", d->connection, d->relay, end_word(end));
}

/* carrier = auto: something on the way eats joins; the other carrier looks different to it. */
static void carrier_change(struct dt_detour *d, uint64_t now_ns)
{
	struct dt_pm_relay *relay = d->relay;

	if (d->carrier == DT_CARRIER_NAT && relay->nat_blocked_ns <= now_ns) {
		relay->nat_blocked_ns = now_ns + NAT_BLOCKED_NS;
		dt_log_info("joins through NAT are not answered, going over to WireGuard relay=%s", relay->conf->name);
		dt_pm_publish(relay->pm, "relay", NULL, relay, "joins through NAT are not answered: WireGuard");
		dt_detours_relay_up(relay, now_ns);
	} else if (d->carrier == DT_CARRIER_WIREGUARD) {
		relay->nat_blocked_ns = 0;
	}
}

static void join_overdue(uv_timer_t *timer)
{
	struct dt_detour *d = timer->data;
	struct dt_connection *c = d->connection;

	c->pm->counters[DT_PM_JOIN_TIMEOUT]++;
	subflow_remove(d);
	detour_idle(d, DT_END_TIMEOUT, 0, dt_now_ns());
	if (d->relay->conf->carrier == DT_CARRIER_AUTO)
		carrier_change(d, dt_now_ns());
	dt_detours_plan(c);
}

void dt_detour_closed(struct dt_detour *d, int error)
{
	struct dt_connection *c = d->connection;
	uint64_t now_ns = dt_now_ns();
	bool early = d->state == DT_DETOUR_PENDING ||
		     (d->state == DT_DETOUR_ESTABLISHED && now_ns - d->since_ns < REFUSAL_NS && !carried_data(d));

	if (early)
		c->pm->counters[DT_PM_JOIN_REFUSED]++;
	detour_idle(d, early ? DT_END_REFUSED : DT_END_CLOSED, error, now_ns);
	subflow_remove(d);
	dt_detours_plan(c);
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void dt_detour_free(struct dt_detour *d, bool close)
{
	if (close && is_under_way(d))
		subflow_remove(d);
	lease_attach(d, NULL);
	DL_DELETE(d->connection->detours, d);
	uv_close((uv_handle_t *)&d->timer, timer_closed);
}

/* --- joins ------------------------------------------------------------------------------------- */

static void proven(uv_timer_t *timer)
{
	struct dt_detour *d = timer->data;

	d->backoff_ns = 0;
}

void dt_detour_established(struct dt_detour *d)
{
	struct dt_connection *c = d->connection;

	if (d->state != DT_DETOUR_PENDING)
		return;
	d->state = DT_DETOUR_ESTABLISHED;
	d->since_ns = dt_now_ns();
	c->pm->counters[DT_PM_JOINS_ESTABLISHED]++;
	dt_timer_arm(&d->timer, proven, PROVEN_MS, 0);
	dt_pm_publish(c->pm, "subflow", c, d->relay, "established");
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

static int join_send(struct dt_detour *d)
{
	struct dt_connection *c = d->connection;
	int err = -EADDRINUSE;

	d->id = dt_connection_id_take(c);
	if (!d->id)
		return -ENOSPC;
	if (d->carrier == DT_CARRIER_WIREGUARD) {
		d->remote = c->remote;
		if (!dt_pm_tunnel_address(d->relay->tunnel, dt_ip_family(&c->local.ip), &d->local.ip))
			err = -ENETDOWN;
	} else {
		d->remote.ip = dt_relay_link_nat_address(d->lease->link);
		d->remote.port = d->lease->dpt;
		d->local.ip = c->local.ip;
	}
	for (int i = 0; err == -EADDRINUSE && i < PORT_TRIES; i++) {
		err = port_find(&d->local);
		if (err == 0)
			err = dt_mptcp_subflow_create(&c->pm->mptcp, c->token, d->id, &d->local, &d->remote);
	}
	if (err)
		dt_connection_id_free(c, d->id);
	return err;
}

static bool detour_join(struct dt_detour *d, uint64_t now_ns)
{
	struct dt_connection *c = d->connection;
	int err = join_send(d);

	c->pm->counters[DT_PM_JOINS]++;
	if (err) {
		c->pm->counters[DT_PM_JOIN_FAILED]++;
		dt_log_debug("join failed: %s (%s) relay=%s connection=%llu", strerror(-err),
			     c->pm->mptcp.commands.error, d->relay->conf->name, (unsigned long long)c->number);
		detour_idle(d, DT_END_ERROR, err, now_ns);
		return false;
	}
	d->state = DT_DETOUR_PENDING;
	d->since_ns = now_ns;
	dt_timer_arm(&d->timer, join_overdue, JOIN_TIMEOUT_MS, 0);
	dt_pm_publish(c->pm, "subflow", c, d->relay, "pending");
	return true;
}

/* --- planning ---------------------------------------------------------------------------------- */

static struct dt_detour *detour_at(struct dt_connection *c, const struct dt_pm_relay *relay)
{
	struct dt_detour *d;

	DL_FOREACH(c->detours, d)
		if (d->relay == relay)
			return d;
	return NULL;
}

static struct dt_detour *detour_new(struct dt_connection *c, struct dt_pm_relay *relay)
{
	struct dt_detour *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->connection = c;
	d->relay = relay;
	uv_timer_init(c->pm->loop, &d->timer);
	d->timer.data = d;
	DL_APPEND(c->detours, d);
	return d;
}

static unsigned detours_under_way(const struct dt_connection *c)
{
	const struct dt_detour *d;
	unsigned count = 0;

	DL_FOREACH(c->detours, d)
		count += is_under_way(d);
	return count;
}

static bool is_loopback(const struct dt_ip *ip)
{
	static const struct dt_ip loopback6 = {.b = {[15] = 1}};

	return dt_ip_is_v4(ip) ? ip->b[12] == 127 : dt_ip_equal(ip, &loopback6);
}

static bool stays_here(const struct dt_connection *c)
{
	return is_loopback(&c->remote.ip) || dt_ip_equal(&c->local.ip, &c->remote.ip);
}

static bool tunnel_use(struct dt_connection *c, struct dt_pm_relay *relay, struct dt_detour *d, uint64_t now_ns)
{
	struct dt_ip local;

	if (dt_pm_relay_state(relay) != DT_LINK_UP ||
	    !dt_pm_tunnel_address(relay->tunnel, dt_ip_family(&c->local.ip), &local))
		return false;
	if (!d)
		d = detour_new(c, relay);
	if (!d)
		return false;
	lease_attach(d, NULL);
	d->carrier = DT_CARRIER_WIREGUARD;
	return detour_join(d, now_ns);
}

/* True when this relay has, or will have in a moment, a detour of the connection. */
static bool relay_use(struct dt_connection *c, struct dt_pm_relay *relay, uint64_t now_ns)
{
	struct dt_detour *d = detour_at(c, relay);
	struct dt_relay_link *link;
	struct dt_pm_lease *lease;
	const char *why;

	if (d && is_under_way(d))
		return true;
	if (d && now_ns < d->may_try_ns)
		return false; /* its timer is running */
	if (dt_pm_relay_carrier(relay, now_ns) == DT_CARRIER_WIREGUARD)
		return tunnel_use(c, relay, d, now_ns);
	link = dt_pm_relay_link(relay, &c->local.ip, &why);
	if (!link || dt_link_state(link->proto) != DT_LINK_UP)
		return false;
	lease = dt_pm_lease_get(link, &c->remote, now_ns);
	if (!d)
		d = lease ? detour_new(c, relay) : NULL;
	if (!d)
		return false;
	lease_attach(d, lease);
	d->carrier = DT_CARRIER_NAT;
	if (lease->state == DT_LEASE_READY)
		return detour_join(d, now_ns);
	if (lease->state == DT_LEASE_REFUSED) {
		d->state = DT_DETOUR_IDLE;
		return false;
	}
	if (d->state != DT_DETOUR_WAITING) {
		d->state = DT_DETOUR_WAITING;
		d->since_ns = now_ns;
		dt_timer_arm(&d->timer, plan_due, LEASE_PATIENCE_MS, 0);
	}
	return now_ns - d->since_ns < LEASE_PATIENCE_MS * DT_MS;
}

void dt_detours_plan(struct dt_connection *c)
{
	struct dt_plan plan = dt_rules_plan(c->pm->config, &c->remote);
	unsigned used = detours_under_way(c);
	uint64_t now_ns = dt_now_ns();

	if (c->pm->stopping || stays_here(c))
		return;
	for (size_t i = 0; i < plan.nrelays && used < plan.detours; i++) {
		struct dt_pm_relay *relay = dt_pm_relay_at(c->pm, plan.relays ? plan.relays[i] : i);
		struct dt_detour *d = relay ? detour_at(c, relay) : NULL;

		if (relay && !(d && is_under_way(d)))
			used += relay_use(c, relay, now_ns);
	}
}

void dt_detours_plan_all(struct dt_pm *pm)
{
	struct dt_connection *c, *tmp;

	HASH_ITER(hh, pm->connections, c, tmp)
		dt_detours_plan(c);
}

void dt_detours_lease_changed(struct dt_pm_lease *lease, uint64_t now_ns)
{
	struct dt_detour *d, *tmp;

	DL_FOREACH_SAFE2(lease->detours, d, tmp, lease_next) {
		if (is_under_way(d))
			continue;
		if (lease->state == DT_LEASE_REFUSED)
			d->state = DT_DETOUR_IDLE;
		dt_detours_plan(d->connection);
	}
}

void dt_detours_relay_up(struct dt_pm_relay *relay, uint64_t now_ns)
{
	struct dt_connection *c, *tmp;

	HASH_ITER(hh, relay->pm->connections, c, tmp) {
		struct dt_detour *d = detour_at(c, relay);

		if (d && !is_under_way(d)) {
			d->backoff_ns = 0;
			d->may_try_ns = 0;
		}
		dt_detours_plan(c);
	}
}

void dt_detours_relay_gone(struct dt_pm_relay *relay)
{
	struct dt_connection *c, *tmp;

	HASH_ITER(hh, relay->pm->connections, c, tmp) {
		struct dt_detour *d = detour_at(c, relay);

		if (d)
			dt_detour_free(d, true);
	}
}

static bool is_planned(const struct dt_plan *plan, size_t index)
{
	for (size_t i = 0; i < plan->nrelays; i++)
		if ((plan->relays ? plan->relays[i] : i) == index)
			return true;
	return false;
}

void dt_detours_rules_changed(struct dt_connection *c)
{
	struct dt_plan plan = dt_rules_plan(c->pm->config, &c->remote);
	struct dt_detour *d, *tmp;
	unsigned kept = 0;

	DL_FOREACH_SAFE(c->detours, d, tmp) {
		if (!is_planned(&plan, d->relay->index) || (is_under_way(d) && kept >= plan.detours))
			dt_detour_free(d, true);
		else
			kept += is_under_way(d);
	}
	dt_detours_plan(c);
}

struct dt_detour *dt_detour_find(struct dt_connection *c, const struct dt_endpoint *local,
				 const struct dt_endpoint *remote)
{
	struct dt_detour *d;

	DL_FOREACH(c->detours, d)
		if (is_under_way(d) && dt_endpoint_equal(&d->local, local) && dt_endpoint_equal(&d->remote, remote))
			return d;
	return NULL;
}

static void detour_stir(const struct dt_detour *d)
{
	struct dt_connection *c = d->connection;
	int err;

	if (d->state != DT_DETOUR_ESTABLISHED)
		return;
	err = dt_mptcp_prio(&c->pm->mptcp, c->token, &d->local, &d->remote, false);
	if (err)
		dt_log_debug("cannot stir a detour: %s (%s) relay=%s connection=%llu", strerror(-err),
			     c->pm->mptcp.commands.error, d->relay->conf->name, (unsigned long long)c->number);
}

void dt_detours_stir(struct dt_pm_relay *relay)
{
	struct dt_connection *c, *tmp;

	HASH_ITER(hh, relay->pm->connections, c, tmp) {
		const struct dt_detour *d = detour_at(c, relay);

		if (d)
			detour_stir(d);
	}
}

void dt_detours_stir_lease(const struct dt_pm_lease *lease)
{
	const struct dt_detour *d;

	DL_FOREACH2(lease->detours, d, lease_next)
		detour_stir(d);
}

/* --- explaining -------------------------------------------------------------------------------- */

static void relay_why(const struct dt_connection *c, struct dt_pm_relay *relay, char *out, size_t cap)
{
	const struct dt_detour *d;
	const char *why = relay->problem;
	uint64_t now_ns = dt_now_ns();

	DL_FOREACH(c->detours, d)
		if (d->relay == relay)
			break;
	if (dt_pm_relay_state(relay) != DT_LINK_UP)
		why = dt_pm_relay_state(relay) == DT_LINK_DOWN ? "down"
		      : *relay->problem			       ? relay->problem
							       : "connecting";
	else if (d && is_under_way(d))
		why = "";
	else if (dt_pm_relay_carrier(relay, now_ns) == DT_CARRIER_WIREGUARD &&
		 (relay->tunnel->state != DT_TUNNEL_READY || *relay->tunnel->problem))
		why = *relay->tunnel->problem ? relay->tunnel->problem : "the tunnel is being set up";
	else if (d && d->state == DT_DETOUR_WAITING)
		why = "waiting for a lease";
	else if (d && d->lease && d->lease->state == DT_LEASE_REFUSED)
		why = d->lease->reason == DT_REASON_OK ? "no answer to the lease request"
						       : dt_reason_text(d->lease->reason);
	else if (d && d->end != DT_END_NONE) {
		snprintf(out, cap, "%s%s%s, next try in %llu s", end_word(d->end), d->end == DT_END_ERROR ? ": " : "",
			 d->end == DT_END_ERROR ? strerror(-d->error) : "",
			 (unsigned long long)(d->may_try_ns > now_ns ? (d->may_try_ns - now_ns) / DT_SEC + 1 : 0));
		return;
	} else if (!d && !dt_pm_relay_link(relay, &c->local.ip, &why) && *why == '\0')
		why = "no link";
	snprintf(out, cap, "%s", *why ? why : d && is_under_way(d) ? "" : "no link from this address is up yet");
}

void dt_detours_why(const struct dt_connection *c, char *out, size_t cap)
{
	struct dt_plan plan = dt_rules_plan(c->pm->config, &c->remote);
	unsigned have = detours_under_way(c);
	size_t len;

	if (stays_here(c)) {
		snprintf(out, cap, "the connection does not leave this host");
		return;
	}
	len = (size_t)snprintf(out, cap, "%u of %u detours%s%s", have, plan.detours, plan.rule ? " by rule " : "",
			       plan.rule ? plan.rule->name : "");
	if (have >= plan.detours)
		return;
	if (plan.nrelays == 0)
		len += (size_t)snprintf(out + len, cap - len, "; no relays are configured");
	else if (plan.nrelays < plan.detours && have == plan.nrelays)
		len += (size_t)snprintf(out + len, cap - len, "; at most one a relay");
	for (size_t i = 0; i < plan.nrelays && len < cap; i++) {
		struct dt_pm_relay *relay = dt_pm_relay_at(c->pm, plan.relays ? plan.relays[i] : i);
		char why[320];

		if (!relay)
			continue;
		relay_why(c, relay, why, sizeof(why));
		if (*why)
			len += (size_t)snprintf(out + len, cap - len, "; %s: %s", relay->conf->name, why);
	}
}
