/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/maps.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "nat.skel.h"

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

int dt_maps_prepare(struct nat_bpf *skel, const struct dt_relay_config *config)
{
	uint32_t clients = config->nclients < 2048 ? 4096 : (uint32_t)config->nclients * 2;
	struct map_pin pins[] = {
		{skel->maps.leases, "leases", config->max_leases, false},
		/* two entries a flow, and room for ended flows that wait for the sweep */
		{skel->maps.flows, "flows", config->max_flows * 2 + 4096, false},
		{skel->maps.converters, "converters", config->max_leases, false},
		{skel->maps.clients, "clients", clients, false},
		{skel->maps.shares, "shares", clients, false},
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

bool dt_maps_have_converter(const char *pins, const struct dt_endpoint *at)
{
	struct dt_converter_key key;
	struct dt_converter value;
	char path[256];
	bool found;
	int fd;

	snprintf(path, sizeof(path), "%s/converters", pins);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return false;
	memset(&key, 0, sizeof(key));
	key.relay = at->ip;
	key.dpt_be16 = htons(at->port);
	found = bpf_map_lookup_elem(fd, &key, &value) == 0;
	close(fd);
	return found;
}

/* Layout of the maps that the last run pinned; 0: there are none, or they were never configured. */
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
		memcpy(layout, value, sizeof(*layout)); /* always the first member */
	free(value);
	close(fd);
	return err;
}

int dt_maps_check_layout(const char *pins)
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
