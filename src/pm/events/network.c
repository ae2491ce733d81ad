/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/events/network.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/log.h"
#include "pm/act/routes.h"
#include "pm/link/relays.h"
#include "pm/store/pm.h"
#include "pm/store/todo.h"

/* An interface that is gone is remembered this long: its connections may still wait for it. */
#define GONE_NS (120 * DT_SEC)

/* What is remembered of an interface, by its name: one that is plugged in again has another index. */
struct interface {
	char name[IF_NAMESIZE];
	unsigned ways;	  /* 0: it does not run, or has no address; else 1 + its routes */
	uint64_t lost_ns; /* when it last lost one; 0: never */
};

/* The network as it was after its last change. */
struct dt_network_before {
	struct interface *all;
	size_t count;
};

static struct interface *interface_find(const struct dt_network_before *b, const char *name)
{
	for (size_t i = 0; i < b->count; i++)
		if (strcmp(b->all[i].name, name) == 0)
			return &b->all[i];
	return NULL;
}

static void interface_note(struct dt_network_before *b, const struct interface *i)
{
	if (!dt_array_append(&b->all, &b->count, sizeof(*i), i))
		dt_log_debug("out of memory: a link that comes back will not be noticed");
}

static unsigned routes_of(const struct dt_network *n, uint32_t ifindex)
{
	unsigned count = 0;

	for (size_t i = 0; i < n->nroutes; i++)
		count += n->routes[i].oif == ifindex;
	return count;
}

/* An interface that runs and has an address. Others, such as ports of a bridge, carry no packet of ours. */
static void interface_compare(struct dt_pm *pm, const struct dt_network_before *before, const struct dt_rt_link *link,
			      bool first, uint64_t now_ns)
{
	const struct interface *was = interface_find(before, link->name);
	struct interface is = {.ways = 1 + routes_of(&pm->network, link->index), .lost_ns = was ? was->lost_ns : 0};

	if (interface_find(pm->network_before, link->name))
		return;
	memcpy(is.name, link->name, sizeof(is.name));
	if (was && is.ways < was->ways)
		is.lost_ns = now_ns;
	if (!first && is.ways > (was ? was->ways : 0))
		dt_todo_returned(pm, link->index, is.lost_ns);
	interface_note(pm->network_before, &is);
}

/* Notes how the network is now, and which interfaces have more ways than before. */
static void compare(struct dt_pm *pm, bool first, uint64_t now_ns)
{
	const struct dt_network *n = &pm->network;
	struct dt_network_before before = *pm->network_before;

	memset(pm->network_before, 0, sizeof(*pm->network_before));
	for (size_t i = 0; i < n->naddresses; i++) {
		const struct dt_rt_address *a = &n->addresses[i];
		const struct dt_rt_link *link = a->scope == RT_SCOPE_UNIVERSE ? dt_network_link(n, a->ifindex) : NULL;

		if (link && link->flags & IFF_RUNNING)
			interface_compare(pm, &before, link, first, now_ns);
	}
	for (size_t i = 0; i < before.count; i++) {
		struct interface gone = before.all[i];

		if (interface_find(pm->network_before, gone.name))
			continue;
		if (gone.ways)
			gone.lost_ns = now_ns;
		gone.ways = 0;
		if (now_ns - gone.lost_ns < GONE_NS)
			interface_note(pm->network_before, &gone);
	}
	free(before.all);
}

static void network_changed(void *data)
{
	struct dt_pm *pm = data;
	uint64_t now_ns = dt_now_ns();

	compare(pm, false, now_ns);
	dt_routes_update(pm);
	dt_relay_links_network_changed(pm, now_ns);
	dt_todo_host(pm, DT_HOST_NETWORK);
}

int dt_network_events_open(struct dt_pm *pm)
{
	int err = dt_network_open(&pm->network);

	pm->network_before = calloc(1, sizeof(*pm->network_before));
	if (err == 0 && !pm->network_before)
		err = -ENOMEM;
	if (err == 0) {
		dt_routes_purge(pm);
		err = dt_network_watch(&pm->network, pm->loop, network_changed, pm);
	}
	if (err)
		dt_log_err("cannot follow the host's links, addresses and routes: %s", strerror(-err));
	else
		compare(pm, true, dt_now_ns());
	return err;
}

void dt_network_events_close(struct dt_pm *pm)
{
	dt_network_close(&pm->network);
	if (pm->network_before)
		free(pm->network_before->all);
	free(pm->network_before);
	pm->network_before = NULL;
}
