/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/store/connection.h"

#include <stdlib.h>
#include <utlist.h>

#include "base/clock.h"
#include "pm/store/pm.h"
#include "pm/store/subflow.h"

/*
 * Pause between the end of a subflow and the next join of its connection. After an end, the kernel hands the data that
 * subflow held to the others. Some servers' kernels put data at the wrong place of the stream if a subflow joins in those
 * milliseconds: docs/upstream/join-while-reading.md. There is no pause when no other subflow works: then nothing is
 * sent, and the join is urgent.
 */
#define SETTLING_NS (500 * DT_MS)

bool dt_connection_stays_here(const struct dt_connection *c)
{
	return dt_ip_is_loopback(&c->remote.ip) || dt_ip_equal(&c->local.ip, &c->remote.ip);
}

struct dt_subflow *dt_connection_detour(const struct dt_connection *c, const struct dt_pm_relay *relay)
{
	struct dt_subflow *s;

	DL_FOREACH(c->subflows, s)
		if (s->relay && s->relay == relay)
			return s;
	return NULL;
}

unsigned dt_connection_detours(const struct dt_connection *c)
{
	const struct dt_subflow *s;
	unsigned count = 0;

	DL_FOREACH(c->subflows, s)
		count += s->relay && dt_subflow_is_under_way(s);
	return count;
}

unsigned dt_connection_detours_established(const struct dt_connection *c)
{
	const struct dt_subflow *s;
	unsigned count = 0;

	DL_FOREACH(c->subflows, s)
		count += s->relay && s->state == DT_SUBFLOW_ESTABLISHED;
	return count;
}

void dt_connection_settle(struct dt_connection *c, uint64_t now_ns)
{
	c->settled_ns = now_ns + SETTLING_NS;
}

struct dt_plan dt_connection_plan(const struct dt_connection *c)
{
	return dt_rules_plan(c->pm->config, &c->server, c->has_origin ? &c->origin : NULL);
}

bool dt_connection_is_at(const struct dt_connection *c, const struct dt_ip *ip)
{
	return dt_network_is_local(&c->pm->network, ip);
}

bool dt_connection_has_way(const struct dt_connection *c)
{
	const struct dt_subflow *s;

	if (c->direct_established && dt_network_is_running(&c->pm->network, &c->local.ip))
		return true;
	DL_FOREACH(c->subflows, s)
		if (s->state == DT_SUBFLOW_ESTABLISHED && dt_network_is_running(&c->pm->network, &s->local.ip))
			return true;
	return false;
}

unsigned dt_connection_unknown(const struct dt_connection *c)
{
	const struct dt_subflow *s;
	unsigned count = 0;

	DL_FOREACH(c->subflows, s)
		count += s->unknown && dt_subflow_is_under_way(s);
	return count;
}

bool dt_connection_backup_due(const struct dt_subflow *s)
{
	return s->unlisted || s->fading.fading || (s->backup_wanted && !s->connection->backups_lifted);
}

struct dt_connection *dt_connection_find(const struct dt_pm *pm, dt_mptcp_token token)
{
	struct dt_connection *c;

	HASH_FIND(hh, pm->connections, &token, sizeof(token), c);
	return c;
}

bool dt_connection_is_initial(const struct dt_connection *c, const struct dt_endpoint *local,
			      const struct dt_endpoint *remote)
{
	return dt_endpoint_equal(&c->local, local) && dt_endpoint_equal(&c->remote, remote);
}

bool dt_connection_has_subflow(const struct dt_connection *c)
{
	const struct dt_subflow *s;

	DL_FOREACH(c->subflows, s)
		if (s->state == DT_SUBFLOW_ESTABLISHED)
			return true;
	return c->direct_established;
}

unsigned dt_connection_established(const struct dt_connection *c)
{
	const struct dt_subflow *s;
	unsigned count = 0;

	DL_FOREACH(c->subflows, s)
		count += s->state == DT_SUBFLOW_ESTABLISHED;
	return count;
}

struct dt_subflow *dt_connection_add(struct dt_connection *c, struct dt_pm_relay *relay)
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

struct dt_subflow *dt_connection_subflow(const struct dt_connection *c, const struct dt_endpoint *local,
					 const struct dt_endpoint *remote)
{
	struct dt_subflow *s;

	DL_FOREACH(c->subflows, s)
		if (dt_subflow_is_under_way(s) && dt_endpoint_equal(&s->local, local) &&
		    dt_endpoint_equal(&s->remote, remote))
			return s;
	return NULL;
}

void dt_connection_early_set(struct dt_connection *c, bool early)
{
	if (c->early == early)
		return;
	c->early = early;
	if (early)
		DL_APPEND2(c->pm->early, c, early_prev, early_next);
	else
		DL_DELETE2(c->pm->early, c, early_prev, early_next);
}
