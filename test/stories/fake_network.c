/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's links and addresses, and what rtnetlink tells of them. */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "world.h"

/* --- links and addresses ----------------------------------------------------------------------- */

void host_changed(void)
{
	fake_fd_set_readable(FAKE_MONITOR, true);
}

static uint32_t index_new(void)
{
	uint32_t index = 1;

	for (size_t i = 0; i < WORLD_LINKS; i++)
		if (world.links[i].rt.index >= index) /* also of those that are gone: an index is not used again */
			index = world.links[i].rt.index + 1;
	return index;
}

struct host_link *host_link_add(const char *name, const char *address, uint32_t metric)
{
	for (size_t i = 0; i < WORLD_LINKS; i++) {
		struct host_link *l = &world.links[i];

		if (l->rt.index)
			continue;
		l->exists = true;
		l->rt.index = index_new();
		l->rt.mtu = 1500;
		l->rt.flags = IFF_UP | IFF_RUNNING;
		l->rt.ethernet = true;
		snprintf(l->rt.name, sizeof(l->rt.name), "%s", name);
		l->metric = metric;
		if (address)
			host_address_add(l, address);
		tell("= link %s%s%s", name, address ? " with " : "", address ? address : "");
		host_changed();
		return l;
	}
	return NULL;
}

struct host_link *host_link_find(const char *name)
{
	for (size_t i = 0; i < WORLD_LINKS; i++)
		if (world.links[i].exists && strcmp(world.links[i].rt.name, name) == 0)
			return &world.links[i];
	return NULL;
}

struct host_link *host_link_at(uint32_t ifindex)
{
	for (size_t i = 0; i < WORLD_LINKS; i++)
		if (world.links[i].exists && world.links[i].rt.index == ifindex)
			return &world.links[i];
	return NULL;
}

static bool has_address(const struct host_link *l, const struct dt_ip *ip)
{
	for (size_t i = 0; i < l->naddresses; i++)
		if (dt_ip_equal(&l->addresses[i].ip, ip))
			return true;
	return false;
}

struct host_link *host_link_of(const struct dt_ip *ip)
{
	for (size_t i = 0; i < WORLD_LINKS; i++)
		if (world.links[i].exists && has_address(&world.links[i], ip))
			return &world.links[i];
	return NULL;
}

void host_address_add(struct host_link *l, const char *address)
{
	struct dt_ip ip;

	if (dt_ip_parse(&ip, address) < 0 || l->naddresses == 4)
		return;
	socks_settle();
	l->addresses[l->naddresses++] = (struct host_address){.ip = ip};
	if (dt_ip_is_v4(&ip)) {
		l->has_default4 = true;
		l->gateway4 = ip;
		l->gateway4.b[15] = 1;
	} else {
		l->has_default6 = true;
	}
	host_changed();
}

void host_address_remove(struct host_link *l, const char *address)
{
	struct dt_ip ip;

	dt_ip_parse(&ip, address);
	socks_settle();
	tell("= address %s of %s is gone", address, l->rt.name);
	for (size_t i = 0; i < l->naddresses; i++)
		if (dt_ip_equal(&l->addresses[i].ip, &ip)) {
			memmove(&l->addresses[i], &l->addresses[i + 1],
				(--l->naddresses - i) * sizeof(l->addresses[0]));
			break;
		}
	host_changed();
}

void host_link_up(struct host_link *l, bool up)
{
	socks_settle();
	tell("= link %s is %s", l->rt.name, up ? "up" : "down");
	l->rt.flags = up ? IFF_UP | IFF_RUNNING : IFF_UP;
	host_changed();
}

void host_link_remove(struct host_link *l)
{
	socks_settle();
	tell("= link %s is gone", l->rt.name);
	l->exists = false;
	l->naddresses = 0;
	host_tables_drop(l->rt.index);
	host_changed();
}

bool host_link_is_running(const struct host_link *l)
{
	return l->exists && l->rt.flags & IFF_RUNNING;
}

bool host_link_has_default(const struct host_link *l, unsigned family)
{
	return family == 4 ? l->has_default4 : l->has_default6;
}

/* --- dumps ------------------------------------------------------------------------------------- */

int dt_rt_links(struct dt_netlink *nl, dt_rt_link_fn fn, void *data)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < WORLD_LINKS; i++)
		if (world.links[i].exists)
			err = fn(&world.links[i].rt, data);
	return err;
}

int dt_rt_addresses(struct dt_netlink *nl, dt_rt_address_fn fn, void *data)
{
	int err = 0;

	for (size_t i = 0; i < WORLD_LINKS; i++)
		for (size_t k = 0; err == 0 && world.links[i].exists && k < world.links[i].naddresses; k++) {
			const struct host_address *a = &world.links[i].addresses[k];
			struct dt_rt_address address = {.ifindex = world.links[i].rt.index,
							.ip = a->ip,
							.prefix_len = dt_ip_is_v4(&a->ip) ? 24 : 64,
							.scope = a->ip.b[12] == 127 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE,
							.flags = a->flags};

			err = fn(&address, data);
		}
	return err;
}

static int default_dump(const struct host_link *l, unsigned family, dt_rt_route_fn fn, void *data)
{
	struct dt_rt_route route = {.oif = l->rt.index, .metric = l->metric};

	if (!host_link_has_default(l, family) || !host_link_is_running(l))
		return 0;
	dt_prefix_parse(&route.to, family == 4 ? "0.0.0.0/0" : "::/0");
	if (family == 4)
		route.via = l->gateway4;
	return fn(&route, data);
}

int dt_rt_routes(struct dt_netlink *nl, dt_rt_route_fn fn, void *data)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < WORLD_LINKS; i++) {
		const struct host_link *l = &world.links[i];

		for (size_t k = 0; err == 0 && host_link_is_running(l) && k < l->naddresses; k++) {
			bool v4 = dt_ip_is_v4(&l->addresses[k].ip);
			struct dt_rt_route route = {.to = {l->addresses[k].ip, v4 ? 96 + 24 : 64}, .oif = l->rt.index};

			memset(route.to.ip.b + route.to.len / 8, 0, 16 - route.to.len / 8);
			err = fn(&route, data);
		}
		if (err == 0)
			err = default_dump(l, 4, fn, data);
		if (err == 0)
			err = default_dump(l, 6, fn, data);
	}
	return err;
}

/* --- changes ----------------------------------------------------------------------------------- */

int dt_rt_link_create(struct dt_netlink *nl, const char *name, const char *kind)
{
	struct host_link *l;

	if (host_link_find(name))
		return -EEXIST;
	l = host_link_add(name, NULL, 1000);
	return l ? 0 : -ENOSPC;
}

int dt_rt_link_delete(struct dt_netlink *nl, uint32_t ifindex)
{
	struct host_link *l = host_link_at(ifindex);

	if (!l)
		return -ENODEV;
	host_link_remove(l);
	return 0;
}

int dt_rt_link_up(struct dt_netlink *nl, uint32_t ifindex, uint32_t mtu)
{
	struct host_link *l = host_link_at(ifindex);

	if (!l)
		return -ENODEV;
	l->rt.mtu = mtu;
	l->rt.flags |= IFF_UP | IFF_RUNNING;
	return 0;
}

int dt_rt_address_add(struct dt_netlink *nl, uint32_t ifindex, const struct dt_ip *ip)
{
	struct host_link *l = host_link_at(ifindex);
	char text[DT_IP_STRLEN];

	if (!l)
		return -ENODEV;
	if (world.witness)
		world.witness(DEED_ADDRESS, ip);
	tell("> address %s at %s", dt_ip_format(ip, text), l->rt.name);
	if (!has_address(l, ip) && l->naddresses < 4) {
		l->addresses[l->naddresses++] = (struct host_address){.ip = *ip};
		host_changed();
	}
	return 0;
}
