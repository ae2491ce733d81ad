/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/interfaces.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Routing tables of interfaces: tunnel-table, and so many beyond it, and the interface's index. */
#define TABLE_OFFSET 1000

bool dt_interfaces_backup(const struct dt_pm *pm, const char *name)
{
	const struct dt_client_config *config = pm->config;

	for (size_t i = 0; i < config->ninterface_confs; i++)
		if (strcmp(config->interface_confs[i].name, name) == 0)
			return config->interface_confs[i].backup;
	return false;
}

static bool has_interface(const struct dt_plain_source *sources, size_t count, uint32_t ifindex)
{
	for (size_t i = 0; i < count; i++)
		if (sources[i].ifindex == ifindex)
			return true;
	return false;
}

static bool source_take(const struct dt_pm *pm, const struct dt_rt_address *a, unsigned family, size_t rank,
			struct dt_plain_source *out)
{
	const struct dt_rt_link *link = dt_network_link(&pm->network, a->ifindex);

	if (!link || !(link->flags & IFF_RUNNING) || a->scope != RT_SCOPE_UNIVERSE || dt_ip_family(&a->ip) != family ||
	    a->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED) ||
	    dt_interface_rank(pm->config, link->name) != rank || dt_pm_tunnels_have(pm, &a->ip))
		return false;
	out->ip = a->ip;
	out->ifindex = a->ifindex;
	out->backup = dt_interfaces_backup(pm, link->name);
	memcpy(out->interface, link->name, sizeof(link->name));
	return true;
}

size_t dt_interfaces_sources(const struct dt_pm *pm, unsigned family, struct dt_plain_source out[DT_PLAIN_SOURCES_MAX])
{
	const struct dt_network *n = &pm->network;
	size_t count = 0;

	for (size_t rank = 0; rank < pm->config->ninterfaces; rank++)
		for (size_t i = 0; i < n->naddresses && count < DT_PLAIN_SOURCES_MAX; i++)
			if (!has_interface(out, count, n->addresses[i].ifindex))
				count += source_take(pm, &n->addresses[i], family, rank, &out[count]);
	return count;
}

void dt_interfaces_name(const struct dt_pm *pm, const struct dt_ip *ip, char out[IF_NAMESIZE])
{
	const struct dt_network *n = &pm->network;

	out[0] = '\0';
	for (size_t i = 0; i < n->naddresses; i++) {
		const struct dt_rt_link *link = dt_network_link(n, n->addresses[i].ifindex);

		if (link && dt_ip_equal(&n->addresses[i].ip, ip))
			memcpy(out, link->name, IF_NAMESIZE);
	}
}

/* --- routes by source address ------------------------------------------------------------------ */

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

static struct dt_source_route *source_route_find(struct dt_pm *pm, const struct dt_ip *ip)
{
	for (size_t i = 0; i < pm->nsource_routes; i++)
		if (dt_ip_equal(&pm->source_routes[i].ip, ip))
			return &pm->source_routes[i];
	return NULL;
}

static bool table_is_used(const struct dt_pm *pm, uint32_t ifindex, unsigned family)
{
	for (size_t i = 0; i < pm->nsource_routes; i++)
		if (pm->source_routes[i].ifindex == ifindex && dt_ip_family(&pm->source_routes[i].ip) == family)
			return true;
	return false;
}

static void source_route_remove(struct dt_pm *pm, struct dt_source_route *r)
{
	struct dt_netlink *nl = &pm->network.request;
	struct dt_source_route gone = *r;

	*r = pm->source_routes[--pm->nsource_routes];
	dt_rt_rule(nl, false, &gone.ip, table_of(pm, gone.ifindex), pm->config->tunnel_priority);
	dt_rt_rule_specific(nl, false, &gone.ip, pm->config->tunnel_priority);
	if (!table_is_used(pm, gone.ifindex, dt_ip_family(&gone.ip)))
		dt_rt_default_route_delete(nl, dt_ip_family(&gone.ip), table_of(pm, gone.ifindex));
}

/* Only the default route is the table's; what the host knows better (neighbours, say) stays as it is. */
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
	pm->source_routes[pm->nsource_routes++] = (struct dt_source_route){source->ip, source->ifindex, *via};
	dt_log_info("routing by source address interface=%s table=%u", source->interface, table);
	return 0;
}

bool dt_interfaces_route(struct dt_pm *pm, const struct dt_plain_source *source, const struct dt_ip *to)
{
	const struct dt_rt_route *route;
	uint32_t oif = 0;
	int err;

	if (dt_rt_route_get(&pm->network.request, to, &source->ip, &oif) == 0 && oif == source->ifindex)
		return true;
	route = default_route(&pm->network, source->ifindex, dt_ip_family(to));
	if (!route || source_route_find(pm, &source->ip))
		return false; /* what is there leads elsewhere all the same: a route to this server in particular */
	err = pm->nsource_routes < DT_SOURCE_ROUTES_MAX ? source_route_add(pm, source, &route->via) : -ENOSPC;
	if (err)
		dt_log_warn("cannot route by source address: %s interface=%s", strerror(-err), source->interface);
	return err == 0;
}

void dt_interfaces_hold(struct dt_pm *pm, const struct dt_ip *from, const struct dt_ip *to)
{
	struct dt_plain_source source = {.ip = *from};

	dt_interfaces_name(pm, from, source.interface);
	for (size_t i = 0; i < pm->network.nlinks; i++)
		if (strcmp(pm->network.links[i].name, source.interface) == 0)
			source.ifindex = pm->network.links[i].index;
	if (source.ifindex && dt_interface_is_named(pm->config, source.interface))
		dt_interfaces_route(pm, &source, to);
}

static bool source_is_there(const struct dt_pm *pm, const struct dt_source_route *r)
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

void dt_interfaces_routes_update(struct dt_pm *pm)
{
	for (size_t i = pm->nsource_routes; i-- > 0;) {
		struct dt_source_route *r = &pm->source_routes[i];
		unsigned family = dt_ip_family(&r->ip);
		const struct dt_rt_route *route = default_route(&pm->network, r->ifindex, family);
		int err;

		if (!route || !source_is_there(pm, r)) {
			source_route_remove(pm, r);
			continue;
		}
		/* one that is there already must not be replaced without need: that is a change again */
		err = dt_rt_default_route_keep(&pm->network.request, family, table_of(pm, r->ifindex), r->ifindex,
					       &route->via, dt_ip_equal(&r->via, &route->via));
		if (err)
			dt_log_warn("cannot renew a route by source address: %s", strerror(-err));
		r->via = route->via;
	}
}

void dt_interfaces_fini(struct dt_pm *pm)
{
	while (pm->nsource_routes)
		source_route_remove(pm, &pm->source_routes[0]);
}

/* Tables of interfaces that are gone are empty, and their rules lead on to the next. */
static void leftovers_remove(struct dt_pm *pm)
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

bool dt_interfaces_source_for(const struct dt_endpoint *remote, struct dt_ip *out)
{
	struct sockaddr_storage sa;
	socklen_t len = dt_endpoint_to_sockaddr(remote, &sa);
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct dt_endpoint local;
	bool found;

	if (fd < 0)
		return false;
	found = connect(fd, (struct sockaddr *)&sa, len) == 0;
	len = sizeof(sa);
	found = found && getsockname(fd, (struct sockaddr *)&sa, &len) == 0 &&
		dt_endpoint_from_sockaddr(&local, (struct sockaddr *)&sa) == 0;
	close(fd);
	if (found)
		*out = local.ip;
	return found;
}

/* --- changes ----------------------------------------------------------------------------------- */

static unsigned running_count(const struct dt_network *n)
{
	unsigned count = 0;

	for (size_t i = 0; i < n->nlinks; i++)
		count += (n->links[i].flags & IFF_RUNNING) != 0;
	return count;
}

static void network_changed(void *data)
{
	struct dt_pm *pm = data;
	unsigned running = running_count(&pm->network);
	bool returned = running > pm->links_running || pm->network.nroutes > pm->routes_known;
	struct dt_connection *c, *tmp;
	uint64_t now_ns = dt_now_ns();

	pm->links_running = running;
	pm->routes_known = pm->network.nroutes;
	dt_interfaces_routes_update(pm);
	dt_pm_links_network_changed(pm, now_ns);
	HASH_ITER(hh, pm->connections, c, tmp)
		dt_detours_network_changed(c, returned, now_ns);
}

int dt_interfaces_watch(struct dt_pm *pm)
{
	int err = dt_network_open(&pm->network);

	if (err == 0) {
		leftovers_remove(pm);
		err = dt_network_watch(&pm->network, pm->loop, network_changed, pm);
	}
	if (err)
		dt_log_err("cannot follow the host's links, addresses and routes: %s", strerror(-err));
	pm->links_running = running_count(&pm->network);
	pm->routes_known = pm->network.nroutes;
	return err;
}
