/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/routes.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/bpf.h"

struct route_entry {
	struct dt_route_key key;
	struct dt_route value;
	uint32_t metric;
};

static int route_compare(const void *a, const void *b)
{
	const struct route_entry *x = a, *y = b;
	int order = memcmp(&x->key, &y->key, sizeof(x->key));

	return order ? order : (x->metric > y->metric) - (x->metric < y->metric);
}

static int route_find(const void *key, const void *entry)
{
	return memcmp(key, &((const struct route_entry *)entry)->key, sizeof(struct dt_route_key));
}

static size_t routes_collect(struct route_entry *entries, const struct dt_network *n)
{
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < n->nroutes; i++) {
		const struct dt_rt_route *r = &n->routes[i];
		const struct dt_rt_link *link = dt_network_link(n, r->oif);

		if (!link || !(link->flags & IFF_UP) || link->flags & IFF_LOOPBACK)
			continue;
		entries[count++] = (struct route_entry){
			.key = {.prefixlen = DT_ROUTE_PREFIX_BASE + r->to.len,
				.family = dt_prefix_family(&r->to),
				.ip = r->to.ip},
			.value = {.oif = r->oif, .mtu = r->mtu ? r->mtu : link->mtu},
			.metric = r->metric,
		};
	}
	qsort(entries, count, sizeof(*entries), route_compare);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || route_find(&entries[i].key, &entries[kept - 1]) != 0)
			entries[kept++] = entries[i];
	return kept;
}

struct routes_prune {
	int fd;
	const struct route_entry *entries; /* sorted */
	size_t count;
	bool changed;
};

static int route_prune(const void *key, void *data)
{
	struct routes_prune *p = data;

	if (bsearch(key, p->entries, p->count, sizeof(*p->entries), route_find))
		return 0;
	p->changed = true;
	return dt_bpf_map_delete(p->fd, key);
}

int dt_routes_store(int fd, const struct dt_network *n, bool *changed)
{
	struct route_entry *entries = calloc(n->nroutes + 1, sizeof(*entries));
	struct routes_prune prune = {.fd = fd, .entries = entries};
	int err = 0;

	if (!entries)
		return -ENOMEM;
	prune.count = routes_collect(entries, n);
	for (size_t i = 0; err == 0 && i < prune.count; i++) {
		struct dt_route old;

		/* a shorter prefix with the same route counts as the same: no flow has to look again */
		if (bpf_map_lookup_elem(fd, &entries[i].key, &old) < 0 ||
		    memcmp(&old, &entries[i].value, sizeof(old)) != 0)
			prune.changed = true;
		err = bpf_map_update_elem(fd, &entries[i].key, &entries[i].value, BPF_ANY);
	}
	if (err == 0)
		err = dt_bpf_map_walk(fd, sizeof(struct dt_route_key), route_prune, &prune);
	free(entries);
	*changed = prune.changed;
	return err;
}
