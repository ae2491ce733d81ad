/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/store/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "pm/store/connection.h"
#include "pm/store/lease.h"
#include "pm/store/pm.h"
#include "pm/store/report.h"
#include "pm/store/subflow.h"
#include "pm/store/todo.h"

#define LIMITS_MAX 64 /* the oldest is replaced first */

struct dt_server_limits {
	struct dt_server_limit at[LIMITS_MAX];
};

int dt_server_limits_new(struct dt_pm *pm)
{
	pm->server_limits = calloc(1, sizeof(*pm->server_limits));
	return pm->server_limits ? 0 : -ENOMEM;
}

void dt_server_limits_free(struct dt_pm *pm)
{
	free(pm->server_limits);
	pm->server_limits = NULL;
}

const struct dt_server_limit *dt_server_limit_next(const struct dt_pm *pm, size_t *next, uint64_t now_ns)
{
	while (*next < LIMITS_MAX) {
		const struct dt_server_limit *l = &pm->server_limits->at[(*next)++];

		if (now_ns < l->until_ns)
			return l;
	}
	return NULL;
}

bool dt_server_limit_holds(const struct dt_connection *c, uint64_t now_ns)
{
	return now_ns < c->server_limit_ns;
}

bool dt_server_has_room(const struct dt_connection *c, uint64_t now_ns)
{
	const struct dt_subflow *s;
	unsigned count = 0;

	DL_FOREACH(c->subflows, s)
		count += dt_subflow_is_under_way(s);
	return !dt_server_limit_holds(c, now_ns) || count < c->server_limit;
}

void dt_server_limit_met(struct dt_connection *c, unsigned limit, uint64_t now_ns)
{
	struct dt_server_limit *oldest = c->pm->server_limits->at, *l;
	uint64_t refused = c->refusals;

	c->server_limit = limit;
	c->server_limit_ns = now_ns + DT_SERVER_LIMIT_NS;
	for (size_t i = 0; i < LIMITS_MAX; i++) {
		l = &c->pm->server_limits->at[i];
		if (l->until_ns && dt_endpoint_equal(&l->server, &c->remote)) {
			oldest = l;
			refused += l->refused;
			break;
		}
		if (l->until_ns < oldest->until_ns)
			oldest = l;
	}
	*oldest = (struct dt_server_limit){c->remote, limit, refused, c->server_limit_ns};
}

void dt_server_limit_recall(struct dt_connection *c, uint64_t now_ns)
{
	const struct dt_server_limit *l;
	size_t next = 0;

	while ((l = dt_server_limit_next(c->pm, &next, now_ns)))
		if (dt_endpoint_equal(&l->server, &c->remote)) {
			c->server_limit = l->limit;
			c->server_limit_ns = l->until_ns;
		}
}

bool dt_server_address(const struct dt_connection *c, struct dt_endpoint *out)
{
	*out = c->remote;
	if (!c->deny_join_id0)
		return true;
	for (size_t i = 0; i < c->nannounced; i++)
		if (dt_ip_family(&c->announced[i].at.ip) == dt_ip_family(&c->remote.ip)) {
			*out = c->announced[i].at;
			return true;
		}
	return false;
}

/* --- announced addresses (ADD_ADDR) ------------------------------------------------------------ */

/* Not this host's, unset, loopback or multicast: a server must not make this host connect to itself. */
static bool is_other_host(const struct dt_connection *c, const struct dt_ip *ip)
{
	static const struct dt_ip unset6, loopback6 = {.b = {[15] = 1}};

	if (dt_network_is_local(&c->pm->network, ip))
		return false;
	if (dt_ip_is_v4(ip))
		return ip->b[12] != 0 && ip->b[12] != 127 && ip->b[12] < 224;
	return !dt_ip_equal(ip, &unset6) && !dt_ip_equal(ip, &loopback6) && ip->b[0] != 0xff;
}

/*
 * An announcement without a port means the connection's own port. The kernel then reports the remote port of the
 * subflow by which it arrived. If that is a detour, it is the lease's port, which only the relay has.
 */
static uint16_t announced_port(const struct dt_connection *c, uint16_t reported)
{
	const struct dt_subflow *s;

	DL_FOREACH(c->subflows, s)
		if (s->carrier == DT_CARRIER_NAT && dt_subflow_is_under_way(s) && s->remote.port == reported)
			return c->remote.port;
	return reported ? reported : c->remote.port;
}

static bool announced_forget(struct dt_connection *c, uint8_t id)
{
	for (size_t i = 0; i < c->nannounced; i++)
		if (c->announced[i].id == id) {
			c->nannounced--;
			memmove(&c->announced[i], &c->announced[i + 1], (c->nannounced - i) * sizeof(c->announced[0]));
			return true;
		}
	return false;
}

static bool announced_add(struct dt_connection *c, uint8_t id, const struct dt_endpoint *at)
{
	for (size_t i = 0; i < c->nannounced; i++)
		if (c->announced[i].id == id && dt_endpoint_equal(&c->announced[i].at, at))
			return false; /* repeated: our echo was lost */
	announced_forget(c, id);
	if (c->nannounced == DT_ANNOUNCED_MAX || !is_other_host(c, &at->ip))
		return false;
	c->announced[c->nannounced].id = id;
	c->announced[c->nannounced].at = *at;
	c->nannounced++;
	return true;
}

void dt_server_announced(struct dt_connection *c, uint8_t id, const struct dt_endpoint *at)
{
	struct dt_endpoint to = {at->ip, announced_port(c, at->port)};
	char text[DT_ENDPOINT_STRLEN + 16] = "announced ";

	if (!announced_add(c, id, &to))
		return;
	dt_endpoint_format(&to, text + strlen(text));
	dt_report(c->pm, "address", c, NULL, text);
	dt_todo_connection(c, DT_CONNECTION_PLAN);
}

void dt_server_found(struct dt_connection *c, uint8_t id, const struct dt_endpoint *at)
{
	announced_add(c, id, at);
}

void dt_server_removed(struct dt_connection *c, uint8_t id)
{
	if (!announced_forget(c, id))
		return;
	dt_report(c->pm, "address", c, NULL, "no longer announced");
	/* the kernel closes its subflows and reports each */
	dt_todo_connection(c, DT_CONNECTION_PLAN);
}
