/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a connection's server lets us do: how many subflows it takes, at which of its addresses. */
#include <string.h>
#include <utlist.h>

#include "pm/pm.h"

bool dt_server_has_room(struct dt_connection *c, uint64_t now_ns)
{
	const struct dt_subflow *s;
	unsigned count = 0;

	if (!c->server_limit_ns)
		return true;
	if (now_ns >= c->server_limit_ns) {
		c->server_limit_ns = 0;
		return true;
	}
	DL_FOREACH(c->subflows, s)
		count += dt_subflow_is_under_way(s);
	return count < c->server_limit;
}

void dt_server_limit_met(struct dt_connection *c, unsigned limit, uint64_t now_ns)
{
	struct dt_server_limit *oldest = c->pm->server_limits, *l;
	uint64_t refused = c->refusals;

	c->server_limit = limit;
	c->server_limit_ns = now_ns + DT_SERVER_LIMIT_NS;
	for (size_t i = 0; i < DT_SERVER_LIMITS_MAX; i++) {
		l = &c->pm->server_limits[i];
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
	for (size_t i = 0; i < DT_SERVER_LIMITS_MAX; i++) {
		const struct dt_server_limit *l = &c->pm->server_limits[i];

		if (now_ns < l->until_ns && dt_endpoint_equal(&l->server, &c->remote)) {
			c->server_limit = l->limit;
			c->server_limit_ns = l->until_ns;
		}
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

/* --- addresses that it announces (ADD_ADDR) ---------------------------------------------------- */

/* A server is not to make us knock at our own doors. */
static bool is_elsewhere(const struct dt_connection *c, const struct dt_ip *ip)
{
	static const struct dt_ip unset6, loopback6 = {.b = {[15] = 1}};

	if (dt_network_is_local(&c->pm->network, ip))
		return false;
	if (dt_ip_is_v4(ip))
		return ip->b[12] != 0 && ip->b[12] != 127 && ip->b[12] < 224;
	return !dt_ip_equal(ip, &unset6) && !dt_ip_equal(ip, &loopback6) && ip->b[0] != 0xff;
}

/*
 * An announcement without a port means the server's own; the kernel then tells the port of the subflow that it came by,
 * which is a lease's if that was a detour.
 */
static uint16_t port_of(const struct dt_connection *c, uint16_t told)
{
	const struct dt_subflow *s;

	DL_FOREACH(c->subflows, s)
		if (s->carrier == DT_CARRIER_NAT && dt_subflow_is_under_way(s) && s->remote.port == told)
			return c->remote.port;
	return told ? told : c->remote.port;
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
			return false; /* said again: the echo got lost */
	announced_forget(c, id);
	if (c->nannounced == DT_ANNOUNCED_MAX || !is_elsewhere(c, &at->ip))
		return false;
	c->announced[c->nannounced].id = id;
	c->announced[c->nannounced].at = *at;
	c->nannounced++;
	return true;
}

void dt_server_announced(struct dt_connection *c, uint8_t id, const struct dt_endpoint *at)
{
	struct dt_endpoint to = {at->ip, port_of(c, at->port)};
	char text[DT_ENDPOINT_STRLEN + 16] = "announced ";

	if (!announced_add(c, id, &to))
		return;
	dt_endpoint_format(&to, text + strlen(text));
	dt_pm_publish(c->pm, "address", c, NULL, text);
	dt_detours_plan(c);
}

void dt_server_found(struct dt_connection *c, uint8_t id, const struct dt_endpoint *at)
{
	announced_add(c, id, at);
}

void dt_server_removed(struct dt_connection *c, uint8_t id)
{
	if (!announced_forget(c, id))
		return;
	dt_pm_publish(c->pm, "address", c, NULL, "no more announced");
	/* the kernel closes its subflows, and tells of each */
	dt_detours_plan(c);
}
