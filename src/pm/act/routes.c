/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/act/routes.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "pm/conf/client_conf.h"
#include "pm/store/interfaces.h"
#include "pm/store/pm.h"

/* The routing table of an interface: tunnel-table + this + the interface's index. */
#define TABLE_OFFSET 1000
/* Most source addresses that get a rule and a table. */
#define ROUTES_MAX 16

struct source_route {
	struct dt_ip ip;
	uint32_t ifindex;
	struct dt_ip via; /* the table's gateway; unset: none */
};

struct dt_source_routes {
	struct source_route all[ROUTES_MAX];
	size_t count;
};

static const struct dt_rt_route *default_route(const struct dt_network *n, uint32_t ifindex, unsigned family)
{
	const struct dt_rt_route *best = NULL;

	for (size_t i = 0; i < n->nroutes; i++) {
		const struct dt_rt_route *r = &n->routes[i];

		if (r->oif == ifindex && dt_prefix_family(&r->to) == family && r->to.len == (family == 4 ? 96 : 0) &&
		    (!best || r->metric < best->metric))
			best = r;
	}
	return best;
}

static uint32_t table_of(const struct dt_pm *pm, uint32_t ifindex)
{
	return pm->config->tunnel_table + TABLE_OFFSET + ifindex;
}

static struct source_route *source_route_find(struct dt_pm *pm, const struct dt_ip *ip)
{
	for (size_t i = 0; i < pm->routes->count; i++)
		if (dt_ip_equal(&pm->routes->all[i].ip, ip))
			return &pm->routes->all[i];
	return NULL;
}

static bool table_is_used(const struct dt_pm *pm, uint32_t ifindex, unsigned family)
{
	for (size_t i = 0; i < pm->routes->count; i++)
		if (pm->routes->all[i].ifindex == ifindex && dt_ip_family(&pm->routes->all[i].ip) == family)
			return true;
	return false;
}

static void source_route_remove(struct dt_pm *pm, struct source_route *r)
{
	struct dt_netlink *nl = &pm->network.request;
	struct source_route gone = *r;

	*r = pm->routes->all[--pm->routes->count];
	dt_rt_rule(nl, false, &gone.ip, table_of(pm, gone.ifindex), pm->config->tunnel_priority);
	dt_rt_rule_specific(nl, false, &gone.ip, pm->config->tunnel_priority);
	if (!table_is_used(pm, gone.ifindex, dt_ip_family(&gone.ip)))
		dt_rt_default_route_delete(nl, dt_ip_family(&gone.ip), table_of(pm, gone.ifindex));
}

/* The table has only the default route. A rule before it lets more specific routes of the host apply. */
static int source_route_add(struct dt_pm *pm, const struct dt_plain_source *source, const struct dt_ip *via)
{
	struct dt_netlink *nl = &pm->network.request;
	uint32_t table = table_of(pm, source->ifindex);
	int err = dt_rt_default_route(nl, dt_ip_family(&source->ip), table, source->ifindex, via);

	if (err == 0)
		err = dt_rt_rule_specific(nl, true, &source->ip, pm->config->tunnel_priority);
	if (err == 0)
		err = dt_rt_rule(nl, true, &source->ip, table, pm->config->tunnel_priority);
	if (err) {
		dt_rt_rule_specific(nl, false, &source->ip, pm->config->tunnel_priority);
		return err;
	}
	pm->routes->all[pm->routes->count++] = (struct source_route){source->ip, source->ifindex, *via};
	dt_log_info("routing by source address interface=%s table=%u", source->interface, table);
	return 0;
}

bool dt_route_by_source(struct dt_pm *pm, const struct dt_plain_source *source, const struct dt_ip *to)
{
	const struct dt_rt_route *route;
	uint32_t oif = 0;
	int err;

	if (dt_rt_route_get(&pm->network.request, to, &source->ip, &oif) == 0 && oif == source->ifindex)
		return true;
	route = default_route(&pm->network, source->ifindex, dt_ip_family(to));
	if (!route || source_route_find(pm, &source->ip))
		return false; /* our rule is there, but a more specific route leads elsewhere */
	err = pm->routes->count < ROUTES_MAX ? source_route_add(pm, source, &route->via) : -ENOSPC;
	if (err)
		dt_log_warn("cannot route by source address: %s interface=%s", strerror(-err), source->interface);
	return err == 0;
}

uint32_t dt_route_interface(struct dt_pm *pm, const struct dt_ip *from, const struct dt_ip *to)
{
	uint32_t oif = 0;

	return dt_rt_route_get(&pm->network.request, to, from, &oif) == 0 ? oif : 0;
}

bool dt_route_is_own(const struct dt_pm *pm, const struct dt_ip *from, uint32_t ifindex)
{
	const struct dt_network *n = &pm->network;

	for (size_t i = 0; i < n->naddresses; i++)
		if (n->addresses[i].ifindex == ifindex && dt_ip_equal(&n->addresses[i].ip, from))
			return true;
	return false;
}

void dt_route_hold(struct dt_pm *pm, const struct dt_ip *from, const struct dt_ip *to)
{
	struct dt_plain_source source = {.ip = *from};

	dt_interfaces_name(pm, from, source.interface);
	for (size_t i = 0; i < pm->network.nlinks; i++)
		if (strcmp(pm->network.links[i].name, source.interface) == 0)
			source.ifindex = pm->network.links[i].index;
	if (source.ifindex && dt_interface_is_named(pm->config, source.interface))
		dt_route_by_source(pm, &source, to);
}

static bool source_is_there(const struct dt_pm *pm, const struct source_route *r)
{
	const struct dt_network *n = &pm->network;
	const struct dt_rt_link *link = dt_network_link(n, r->ifindex);

	if (!link || !dt_interface_is_named(pm->config, link->name))
		return false;
	for (size_t i = 0; i < n->naddresses; i++)
		if (n->addresses[i].ifindex == r->ifindex && dt_ip_equal(&n->addresses[i].ip, &r->ip))
			return true;
	return false;
}

void dt_routes_update(struct dt_pm *pm)
{
	for (size_t i = pm->routes->count; i-- > 0;) {
		struct source_route *r = &pm->routes->all[i];
		unsigned family = dt_ip_family(&r->ip);
		const struct dt_rt_route *route = default_route(&pm->network, r->ifindex, family);
		int err;

		if (!route || !source_is_there(pm, r)) {
			source_route_remove(pm, r);
			continue;
		}
		/* do not replace an equal route: that would be reported as another change */
		err = dt_rt_default_route_keep(&pm->network.request, family, table_of(pm, r->ifindex), r->ifindex,
					       &route->via, dt_ip_equal(&r->via, &route->via));
		if (err)
			dt_log_warn("cannot renew a route by source address: %s", strerror(-err));
		r->via = route->via;
	}
}

int dt_routes_new(struct dt_pm *pm)
{
	pm->routes = calloc(1, sizeof(*pm->routes));
	return pm->routes ? 0 : -ENOMEM;
}

void dt_routes_free(struct dt_pm *pm)
{
	if (!pm->routes)
		return;
	while (pm->routes->count)
		source_route_remove(pm, &pm->routes->all[0]);
	free(pm->routes);
	pm->routes = NULL;
}

/* Interfaces that are gone need nothing: their tables are empty, so that their rules have no effect. */
void dt_routes_purge(struct dt_pm *pm)
{
	struct dt_netlink *nl = &pm->network.request;

	dt_rt_rules_purge(nl, RT_TABLE_MAIN, pm->config->tunnel_priority);
	for (size_t i = 0; i < pm->network.nlinks; i++) {
		uint32_t table = table_of(pm, pm->network.links[i].index);

		dt_rt_rules_purge(nl, table, pm->config->tunnel_priority);
		dt_rt_default_route_delete(nl, 4, table);
		dt_rt_default_route_delete(nl, 6, table);
	}
}
