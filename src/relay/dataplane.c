/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/dataplane.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bpf.h"
#include "base/clock.h"
#include "base/log.h"
#include "nat.skel.h"
#include "relay/pins.h"

/* Our place among the filters of an interface; what stands there and is not ours is left alone. */
#define TC_HANDLE 0xde70
#define TC_PRIORITY 0xde70

#define BUCKET_NS (DT_SEC * 2 / 5)
#define BUCKET_MIN 131072
#define ALIVE_NS (60 * DT_SEC)
#define DEAD_AFTER_NS (660 * DT_SEC)
#define HALF_OPEN_NS (10 * DT_SEC)
#define IDLE_NS (7440 * DT_SEC) /* RFC 5382, REQ-5 */
#define CLOSING_NS (240 * DT_SEC)

struct attachment {
	uint32_t ifindex;
	char name[IF_NAMESIZE];
};

struct dt_dataplane {
	struct dt_pins pins;
	struct nat_bpf *skel;
	struct dt_nat_config config; /* as in the map; we are its only writer */
	struct attachment *attached;
	size_t nattached;
};

/* --- filters ----------------------------------------------------------------------------------- */

/* 1 ours, 0 nothing there, -EEXIST somebody else's. */
static int filter_query(const struct bpf_tc_hook *hook)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);
	int fd, err;

	if (bpf_tc_query(hook, &opts) < 0)
		return 0;
	fd = bpf_prog_get_fd_by_id(opts.prog_id);
	if (fd < 0)
		return fd;
	err = bpf_obj_get_info_by_fd(fd, &info, &len);
	close(fd);
	if (err < 0)
		return err;
	return strcmp(info.name, "nat_l2") == 0 || strcmp(info.name, "nat_l3") == 0 ? 1 : -EEXIST;
}

static bool filter_is_there(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);

	return filter_query(&hook) == 1;
}

static void filter_remove(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);

	if (filter_query(&hook) == 1)
		bpf_tc_detach(&hook, &opts);
}

static int filter_put(struct dt_dataplane *d, const struct dt_rt_link *link)
{
	const struct bpf_program *prog = link->ethernet ? d->skel->progs.nat_l2 : d->skel->progs.nat_l3;
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)link->index, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY, .flags = BPF_TC_F_REPLACE,
		    .prog_fd = bpf_program__fd(prog));
	int err = bpf_tc_hook_create(&hook);

	if (err && err != -EEXIST)
		return err;
	err = filter_query(&hook);
	if (err < 0)
		return err;
	return bpf_tc_attach(&hook, &opts);
}

static bool is_attached(const struct dt_dataplane *d, const struct dt_rt_link *link)
{
	for (size_t i = 0; i < d->nattached; i++)
		if (d->attached[i].ifindex == link->index && strcmp(d->attached[i].name, link->name) == 0)
			return true;
	return false;
}

int dt_dataplane_attach(struct dt_dataplane *d, const struct dt_network *n, const char *glob)
{
	struct attachment *now = calloc(n->nlinks + 1, sizeof(*now));
	size_t count = 0;
	int err, worst = 0;
	bool known;

	if (!now)
		return -ENOMEM;
	for (size_t i = 0; i < n->nlinks; i++) {
		const struct dt_rt_link *link = &n->links[i];

		if (link->flags & IFF_LOOPBACK)
			continue;
		if (fnmatch(glob, link->name, 0) != 0) {
			filter_remove(link->index);
			continue;
		}
		known = is_attached(d, link);
		if (!known || !filter_is_there(link->index)) {
			if (known)
				dt_log_warn("somebody removed the NAT from an interface, it is put back interface=%s",
					    link->name);
			err = filter_put(d, link);
			if (err == -ENODEV)
				continue; /* gone since the dump */
			if (err) {
				dt_log_err("cannot attach the NAT to interface %s: %s", link->name, strerror(-err));
				worst = err;
				continue;
			}
			dt_log_debug("attached interface=%s", link->name);
		}
		now[count].ifindex = link->index;
		memcpy(now[count].name, link->name, sizeof(now[count].name));
		count++;
	}
	free(d->attached);
	d->attached = now;
	d->nattached = count;
	return worst;
}

/* --- maps -------------------------------------------------------------------------------------- */

struct map_pin {
	struct bpf_map *map;
	const char *name;
	uint32_t max_entries; /* wanted; 0: as compiled */
	bool disposable;      /* no state worth refusing a start for */
};

static int map_prepare(const struct map_pin *m, const char *dir)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);
	char path[256];
	int fd, err;

	snprintf(path, sizeof(path), "%s/%s", dir, m->name);
	err = bpf_map__set_pin_path(m->map, path);
	if (err == 0 && m->max_entries)
		err = bpf_map__set_max_entries(m->map, m->max_entries);
	if (err)
		return err;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	err = bpf_obj_get_info_by_fd(fd, &info, &len);
	close(fd);
	if (err)
		return err;
	if (info.type != (uint32_t)bpf_map__type(m->map) || info.key_size != bpf_map__key_size(m->map) ||
	    info.value_size != bpf_map__value_size(m->map))
		return -EPROTO;
	if (info.max_entries != bpf_map__max_entries(m->map)) {
		if (m->disposable)
			return unlink(path) < 0 ? -errno : 0;
		if (info.max_entries < bpf_map__max_entries(m->map))
			dt_log_warn("map %s keeps its size of %u entries until detourd --relay --flush", m->name,
				    info.max_entries);
		return bpf_map__set_max_entries(m->map, info.max_entries);
	}
	return 0;
}

static int maps_prepare(struct nat_bpf *skel, const struct dt_relay_config *config)
{
	uint32_t clients = config->nclients < 2048 ? 4096 : (uint32_t)config->nclients * 2;
	struct map_pin pins[] = {
		{skel->maps.leases, "leases", config->max_leases, false},
		/* two entries a flow, and some room for those that wait for the sweep */
		{skel->maps.flows, "flows", config->max_flows * 2 + 4096, false},
		{skel->maps.clients, "clients", clients, false},
		{skel->maps.usage, "usage", clients, false},
		{skel->maps.ended, "ended", clients, false},
		{skel->maps.policy, "policy", 0, false},
		{skel->maps.routes, "routes", 0, false},
		{skel->maps.addresses, "addresses", 0, false},
		{skel->maps.config, "config", 0, false},
		{skel->maps.counters, "counters", 0, true},
	};
	int err = 0;

	for (size_t i = 0; err == 0 && i < sizeof(pins) / sizeof(pins[0]); i++)
		err = map_prepare(&pins[i], config->pins);
	return err;
}

/* Of the maps that the last run pinned; 0: there are none, or they were never configured. */
static int layout_pinned(const char *pins, uint32_t *layout)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info), zero = 0;
	char path[256], *value;
	int fd, err;

	*layout = 0;
	snprintf(path, sizeof(path), "%s/config", pins);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	err = bpf_obj_get_info_by_fd(fd, &info, &len);
	value = err ? NULL : calloc(1, info.value_size < sizeof(*layout) ? sizeof(*layout) : info.value_size);
	if (!err && !value)
		err = -ENOMEM;
	if (!err)
		err = bpf_map_lookup_elem(fd, &zero, value);
	if (!err)
		memcpy(layout, value, sizeof(*layout)); /* the first member, for ever */
	free(value);
	close(fd);
	return err;
}

/* Before anything is touched: what another version keeps there goes on as it is. */
static int layout_check(const char *pins)
{
	uint32_t layout;
	int err = layout_pinned(pins, &layout);

	if (err)
		dt_log_err("cannot read the maps in %s: %s", pins, strerror(-err));
	if (err || layout == 0 || layout == DT_MAPS_LAYOUT)
		return err;
	dt_log_err("the maps in %s have layout %u, this detourd " DT_VERSION " has %u: their flows go on without a "
		   "daemon for ten minutes; start the version that made them, or run detourd --relay --flush (this "
		   "ends all leases and flows) and start again",
		   pins, layout, DT_MAPS_LAYOUT);
	return -EPROTO;
}

static int config_load(struct dt_dataplane *d)
{
	uint32_t zero = 0;

	return bpf_map_lookup_elem(bpf_map__fd(d->skel->maps.config), &zero, &d->config);
}

int dt_dataplane_open(struct dt_dataplane **out, const struct dt_relay_config *config)
{
	struct dt_dataplane *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	dt_bpf_log_to_ours();
	err = dt_pins_open(&d->pins, config->pins, true);
	if (err) {
		free(d);
		return err;
	}
	err = layout_check(config->pins);
	if (err) {
		dt_dataplane_close(d);
		return err;
	}
	d->skel = nat_bpf__open();
	err = d->skel ? maps_prepare(d->skel, config) : -errno;
	if (err == 0)
		err = nat_bpf__load(d->skel);
	if (err == 0)
		err = config_load(d);
	if (err == -EPROTO)
		dt_log_err("the maps in %s were made by another version of detourd; run detourd --relay --flush "
			   "(this ends all leases and flows), then start again",
			   config->pins);
	else if (err)
		dt_log_err("cannot load the NAT program: %s", dt_bpf_explain(err));
	if (err) {
		if (!d->pins.existed && err != -EPROTO) {
			nat_bpf__destroy(d->skel);
			d->skel = NULL;
			dt_pins_close(&d->pins);
			dt_dataplane_flush(config->pins);
		}
		dt_dataplane_close(d);
		return err;
	}
	*out = d;
	return 0;
}

void dt_dataplane_close(struct dt_dataplane *d)
{
	if (!d)
		return;
	nat_bpf__destroy(d->skel);
	dt_pins_close(&d->pins);
	free(d->attached);
	free(d);
}

int dt_dataplane_fd(const struct dt_dataplane *d, enum dt_dataplane_map map)
{
	switch (map) {
	case DT_MAP_LEASES:
		return bpf_map__fd(d->skel->maps.leases);
	case DT_MAP_FLOWS:
		return bpf_map__fd(d->skel->maps.flows);
	case DT_MAP_CLIENTS:
		return bpf_map__fd(d->skel->maps.clients);
	case DT_MAP_USAGE:
		return bpf_map__fd(d->skel->maps.usage);
	case DT_MAP_ENDED:
		return bpf_map__fd(d->skel->maps.ended);
	}
	return -EINVAL;
}

uint64_t dt_rate_bucket_ns(uint64_t rate_bps)
{
	uint64_t ns = BUCKET_MIN * DT_SEC / (rate_bps / 8);

	return ns > BUCKET_NS ? ns : BUCKET_NS;
}

static int config_store(struct dt_dataplane *d)
{
	uint32_t zero = 0;

	return bpf_map_update_elem(bpf_map__fd(d->skel->maps.config), &zero, &d->config, BPF_ANY);
}

int dt_dataplane_configure(struct dt_dataplane *d, const struct dt_relay_config *config)
{
	char ranges[64];
	int err;

	snprintf(ranges, sizeof(ranges), "%u-%u,%u-%u", config->ports.min, config->ports.max, config->source_ports.min,
		 config->source_ports.max);
	err = dt_pins_reserve_ports(&d->pins, ranges);
	if (err)
		return err;
	d->config.layout = DT_MAPS_LAYOUT;
	d->config.half_open_ns = HALF_OPEN_NS;
	d->config.idle_ns = IDLE_NS;
	d->config.closing_ns = CLOSING_NS;
	d->config.max_flows = config->max_flows;
	d->config.rate = config->max_rate_bps / 8;
	d->config.bucket_ns = dt_rate_bucket_ns(config->max_rate_bps);
	d->config.port_min = config->ports.min;
	d->config.port_max = config->ports.max;
	d->config.source_min = config->source_ports.min;
	d->config.source_max = config->source_ports.max;
	return config_store(d);
}

const struct dt_nat_config *dt_dataplane_config(const struct dt_dataplane *d)
{
	return &d->config;
}

int dt_dataplane_tunnel(struct dt_dataplane *d, uint32_t ifindex)
{
	if (d->config.tunnel_ifindex == ifindex)
		return 0;
	d->config.tunnel_ifindex = ifindex;
	d->config.route_generation++; /* flows look up where they leave */
	return config_store(d);
}

int dt_dataplane_alive(struct dt_dataplane *d, uint64_t now_ns)
{
	d->config.alive_until_ns = now_ns + ALIVE_NS;
	d->config.dead_after_ns = now_ns + DEAD_AFTER_NS;
	return config_store(d);
}

int dt_dataplane_rest(struct dt_dataplane *d)
{
	d->config.alive_until_ns = 0;
	return config_store(d);
}

size_t dt_dataplane_policy_room(const struct dt_dataplane *d)
{
	return bpf_map__max_entries(d->skel->maps.policy) / 2;
}

int dt_dataplane_policy(struct dt_dataplane *d, const struct dt_policy *p)
{
	int fd = bpf_map__fd(d->skel->maps.policy);
	int err = dt_policy_store(p, fd, d->config.policy_generation + 1);

	if (err) {
		dt_policy_prune(fd, d->config.policy_generation);
		return err;
	}
	d->config.policy_generation++;
	err = config_store(d);
	if (err)
		return err;
	return dt_policy_prune(fd, d->config.policy_generation);
}

int dt_dataplane_address(struct dt_dataplane *d, const struct dt_ip *ip)
{
	uint32_t one = 1;

	return bpf_map_update_elem(bpf_map__fd(d->skel->maps.addresses), ip, &one, BPF_ANY);
}

void dt_dataplane_addresses_prune(struct dt_dataplane *d, bool (*keep)(const struct dt_ip *ip, void *data), void *data)
{
	int fd = bpf_map__fd(d->skel->maps.addresses);
	struct dt_ip ip, next;
	bool more = bpf_map_get_next_key(fd, NULL, &next) == 0;

	while (more) {
		ip = next;
		more = bpf_map_get_next_key(fd, &ip, &next) == 0;
		if (!keep(&ip, data))
			bpf_map_delete_elem(fd, &ip);
	}
}

void dt_dataplane_attach_again(struct dt_dataplane *d)
{
	d->nattached = 0;
}

/* --- routes ------------------------------------------------------------------------------------ */

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

static int routes_prune(int fd, const struct route_entry *entries, size_t count, bool *changed)
{
	struct dt_route_key key, next;
	bool more = bpf_map_get_next_key(fd, NULL, &next) == 0;

	/* an LPM trie starts anew when the key asked after is gone, so step first, then delete */
	while (more) {
		key = next;
		more = bpf_map_get_next_key(fd, &key, &next) == 0;
		if (bsearch(&key, entries, count, sizeof(*entries), route_find))
			continue;
		*changed = true;
		if (bpf_map_delete_elem(fd, &key) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

int dt_dataplane_routes(struct dt_dataplane *d, const struct dt_network *n)
{
	struct route_entry *entries = calloc(n->nroutes + 1, sizeof(*entries));
	int fd = bpf_map__fd(d->skel->maps.routes), err = 0;
	const struct dt_rt_link *tunnel;
	bool changed = false;
	size_t count;

	if (!entries)
		return -ENOMEM;
	count = routes_collect(entries, n);
	tunnel = dt_network_link(n, d->config.tunnel_ifindex);
	if (tunnel && tunnel->mtu != d->config.tunnel_mtu) {
		d->config.tunnel_mtu = tunnel->mtu;
		changed = true;
	}
	for (size_t i = 0; err == 0 && i < count; i++) {
		struct dt_route old;

		/* the longest match gives the same already: then no flow has to look again */
		if (bpf_map_lookup_elem(fd, &entries[i].key, &old) < 0 ||
		    memcmp(&old, &entries[i].value, sizeof(old)) != 0)
			changed = true;
		err = bpf_map_update_elem(fd, &entries[i].key, &entries[i].value, BPF_ANY);
	}
	if (err == 0)
		err = routes_prune(fd, entries, count, &changed);
	free(entries);
	if (err || !changed)
		return err;
	d->config.route_generation++;
	return config_store(d);
}

/* --- counters ---------------------------------------------------------------------------------- */

const char *dt_nat_counter_name(enum dt_nat_counter counter)
{
	static const char *const names[DT_NAT_COUNTERS] = {
		[DT_NAT_FORWARDED_UP] = "forwarded_up",
		[DT_NAT_FORWARDED_DOWN] = "forwarded_down",
		[DT_NAT_PASS_NOT_TCP] = "passed_not_tcp",
		[DT_NAT_PASS_FRAGMENT] = "passed_fragment",
		[DT_NAT_PASS_OPTIONS] = "passed_options",
		[DT_NAT_PASS_TRUNCATED] = "passed_truncated",
		[DT_NAT_PASS_NO_FLOW] = "passed_no_flow",
		[DT_NAT_PASS_REFUSED] = "passed_refused",
		[DT_NAT_PASS_EXPIRED] = "passed_expired",
		[DT_NAT_PASS_DEAD] = "passed_dead",
		[DT_NAT_DROP_NO_LEASE] = "denied_no_lease",
		[DT_NAT_DROP_NO_DAEMON] = "denied_no_daemon",
		[DT_NAT_DROP_REVOKED] = "denied_revoked",
		[DT_NAT_DROP_GATE_SYN] = "denied_gate_syn",
		[DT_NAT_DROP_GATE_STATE] = "denied_gate_state",
		[DT_NAT_DROP_DESTINATION] = "denied_flow_destination",
		[DT_NAT_DROP_MAX_FLOWS] = "denied_max_flows",
		[DT_NAT_DROP_HALF_OPEN] = "denied_half_open",
		[DT_NAT_DROP_NEW_FLOWS] = "denied_new_flows",
		[DT_NAT_DROP_NO_PORT] = "denied_no_source_port",
		[DT_NAT_DROP_TABLE_FULL] = "dropped_table_full",
		[DT_NAT_DROP_NO_ROUTE] = "dropped_no_route",
		[DT_NAT_DROP_TTL] = "dropped_ttl",
		[DT_NAT_DROP_TUNNEL] = "dropped_tunnel",
		[DT_NAT_DROP_ERROR] = "dropped_error",
		[DT_NAT_DROP_STALE] = "dropped_stale",
		[DT_NAT_FORWARDED_ICMP] = "forwarded_icmp",
		[DT_NAT_DROP_ICMP] = "dropped_icmp",
		[DT_NAT_DROP_WINDOW] = "dropped_window",
		[DT_NAT_DROP_RATE] = "dropped_rate",
		[DT_NAT_DROP_TOO_BIG] = "dropped_too_big",
		[DT_NAT_FLOWS_STARTED] = "flows_started",
	};

	return names[counter];
}

void dt_dataplane_counters(const struct dt_dataplane *d, uint64_t out[DT_NAT_COUNTERS])
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *values = calloc(cpus > 0 ? (size_t)cpus : 1, sizeof(*values));

	memset(out, 0, DT_NAT_COUNTERS * sizeof(*out));
	for (uint32_t i = 0; values && i < DT_NAT_COUNTERS; i++) {
		if (bpf_map_lookup_elem(bpf_map__fd(d->skel->maps.counters), &i, values) < 0)
			continue;
		for (int cpu = 0; cpu < cpus; cpu++)
			out[i] += values[cpu];
	}
	free(values);
}

/* --- flush ------------------------------------------------------------------------------------- */

static int link_flush(const struct dt_rt_link *link, void *data)
{
	if (!(link->flags & IFF_LOOPBACK))
		filter_remove(link->index);
	return 0;
}

static int directory_remove(const char *path)
{
	char file[512];
	struct dirent *entry;
	DIR *dir = opendir(path);
	int err = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		if (unlink(file) < 0)
			err = -errno;
	}
	closedir(dir);
	if (err == 0 && rmdir(path) < 0)
		err = -errno;
	return err;
}

int dt_dataplane_flush(const char *pins)
{
	struct dt_netlink nl = {0};
	struct dt_pins p;
	int err = dt_pins_open(&p, pins, false);

	dt_bpf_log_to_ours();
	if (err && err != -ENOENT)
		return err;
	if (err == 0) {
		err = dt_pins_restore_ports(&p);
		if (err)
			dt_log_warn("cannot restore net.ipv4.ip_local_reserved_ports: %s", strerror(-err));
	}
	err = dt_netlink_open(&nl, NETLINK_ROUTE);
	if (err == 0)
		err = dt_rt_links(&nl, link_flush, NULL);
	dt_netlink_close(&nl);
	if (err)
		dt_log_err("cannot remove the filters: %s", strerror(-err));
	if (p.lock_fd >= 0) {
		int removed = directory_remove(pins);

		if (removed) {
			dt_log_err("cannot remove %s: %s", pins, strerror(-removed));
			err = removed;
		}
		unlink(p.lock_path);
		dt_pins_close(&p);
	}
	return err;
}
