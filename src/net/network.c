/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/network.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/loop.h"
#include "base/log.h"

#define SETTLE_MS 50
#define DUMP_TRIES 5

struct tables {
	struct dt_rt_link *links;
	struct dt_rt_address *addresses;
	struct dt_rt_route *routes;
	size_t nlinks, naddresses, nroutes;
};

static void tables_fini(struct tables *t)
{
	free(t->links);
	free(t->addresses);
	free(t->routes);
	memset(t, 0, sizeof(*t));
}

static int link_add(const struct dt_rt_link *link, void *data)
{
	struct tables *t = data;

	return dt_array_append(&t->links, &t->nlinks, sizeof(*link), link) ? 0 : -ENOMEM;
}

static int address_add(const struct dt_rt_address *address, void *data)
{
	struct tables *t = data;

	return dt_array_append(&t->addresses, &t->naddresses, sizeof(*address), address) ? 0 : -ENOMEM;
}

static int route_add(const struct dt_rt_route *route, void *data)
{
	struct tables *t = data;

	return dt_array_append(&t->routes, &t->nroutes, sizeof(*route), route) ? 0 : -ENOMEM;
}

static int tables_dump(struct tables *t, struct dt_netlink *nl)
{
	int err = -EINTR;

	for (int i = 0; err == -EINTR && i < DUMP_TRIES; i++) {
		tables_fini(t);
		err = dt_rt_links(nl, link_add, t);
		if (err == 0)
			err = dt_rt_addresses(nl, address_add, t);
		if (err == 0)
			err = dt_rt_routes(nl, route_add, t);
	}
	return err;
}

int dt_network_refresh(struct dt_network *n)
{
	struct tables t = {0};
	int err = tables_dump(&t, &n->request);

	if (err) {
		tables_fini(&t);
		return err;
	}
	free(n->links);
	free(n->addresses);
	free(n->routes);
	n->links = t.links;
	n->addresses = t.addresses;
	n->routes = t.routes;
	n->nlinks = t.nlinks;
	n->naddresses = t.naddresses;
	n->nroutes = t.nroutes;
	return 0;
}

int dt_network_open(struct dt_network *n)
{
	int err;

	memset(n, 0, sizeof(*n));
	err = dt_netlink_open(&n->request, NETLINK_ROUTE);
	if (err)
		return err;
	/* joined before the dump, so that no change is missed between the two */
	err = dt_rt_monitor_open(&n->monitor);
	if (err == 0)
		err = dt_network_refresh(n);
	if (err)
		dt_network_close(n);
	return err;
}

static void settled(uv_timer_t *timer)
{
	struct dt_network *n = timer->data;
	int err = dt_network_refresh(n);

	if (err) {
		dt_log_warn("cannot read the host's links, addresses and routes, trying again: %s", strerror(-err));
		dt_timer_arm(&n->settle, settled, 1000, 0);
		return;
	}
	n->changed(n->data);
}

static int change_take(const struct nlmsghdr *nlh, void *data)
{
	return 0;
}

static void monitor_readable(uv_poll_t *poll, int status, int events)
{
	struct dt_network *n = poll->data;

	dt_poll_resume(poll, status, monitor_readable);
	/* an error, such as -ENOBUFS, needs no handling: a dump follows anyway */
	dt_netlink_drain(&n->monitor, change_take, NULL);
	if (!uv_is_active((uv_handle_t *)&n->settle))
		dt_timer_arm(&n->settle, settled, SETTLE_MS, 0);
}

int dt_network_watch(struct dt_network *n, uv_loop_t *loop, void (*changed)(void *data), void *data)
{
	int err;

	n->changed = changed;
	n->data = data;
	err = uv_poll_init(loop, &n->poll, dt_netlink_fd(&n->monitor));
	if (err)
		return err;
	uv_timer_init(loop, &n->settle);
	n->poll.data = n;
	n->settle.data = n;
	n->watching = true;
	return uv_poll_start(&n->poll, UV_READABLE, monitor_readable);
}

void dt_network_close(struct dt_network *n)
{
	if (n->watching) {
		uv_close((uv_handle_t *)&n->poll, NULL);
		uv_close((uv_handle_t *)&n->settle, NULL);
	}
	n->watching = false;
	dt_netlink_close(&n->request);
	dt_netlink_close(&n->monitor);
	free(n->links);
	free(n->addresses);
	free(n->routes);
	n->links = NULL;
	n->addresses = NULL;
	n->routes = NULL;
	n->nlinks = n->naddresses = n->nroutes = 0;
}

const struct dt_rt_link *dt_network_link(const struct dt_network *n, uint32_t ifindex)
{
	for (size_t i = 0; i < n->nlinks; i++)
		if (n->links[i].index == ifindex)
			return &n->links[i];
	return NULL;
}

bool dt_network_is_local(const struct dt_network *n, const struct dt_ip *ip)
{
	for (size_t i = 0; i < n->naddresses; i++)
		if (dt_ip_equal(&n->addresses[i].ip, ip))
			return true;
	return false;
}

bool dt_network_is_running(const struct dt_network *n, const struct dt_ip *ip)
{
	for (size_t i = 0; i < n->naddresses; i++) {
		const struct dt_rt_link *link = dt_network_link(n, n->addresses[i].ifindex);

		if (link && link->flags & IFF_RUNNING && dt_ip_equal(&n->addresses[i].ip, ip))
			return true;
	}
	return false;
}

static bool is_default(const struct dt_rt_route *r, unsigned family)
{
	return dt_prefix_family(&r->to) == family && r->to.len == (family == 4 ? 96 : 0);
}

uint32_t dt_network_default_mtu(const struct dt_network *n)
{
	uint32_t smallest = 0;

	for (size_t i = 0; i < n->nroutes; i++) {
		const struct dt_rt_route *r = &n->routes[i];
		const struct dt_rt_link *link = dt_network_link(n, r->oif);
		uint32_t mtu = r->mtu ? r->mtu : link ? link->mtu : 0;

		if ((is_default(r, 4) || is_default(r, 6)) && mtu && (smallest == 0 || mtu < smallest))
			smallest = mtu;
	}
	return smallest;
}

bool dt_network_default_address(const struct dt_network *n, unsigned family, struct dt_ip *out)
{
	const struct dt_rt_route *best = NULL;

	for (size_t i = 0; i < n->nroutes; i++) {
		const struct dt_rt_route *r = &n->routes[i];

		if (!is_default(r, family))
			continue;
		if (!best || r->metric < best->metric)
			best = r;
	}
	for (size_t i = 0; best && i < n->naddresses; i++) {
		const struct dt_rt_address *a = &n->addresses[i];

		if (a->ifindex == best->oif && a->scope == RT_SCOPE_UNIVERSE && dt_ip_family(&a->ip) == family) {
			*out = a->ip;
			return true;
		}
	}
	return false;
}
