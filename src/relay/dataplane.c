/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/dataplane.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bpf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/run_dir.h"
#include "nat.skel.h"
#include "relay/filters.h"
#include "relay/maps.h"
#include "relay/nat_counters.h"
#include "relay/neighbours.h"
#include "relay/pins.h"
#include "relay/routes.h"

#define BUCKET_NS (DT_SEC * 2 / 5)
#define BUCKET_MIN 131072
#define ALIVE_NS (60 * DT_SEC)
#define DEAD_AFTER_NS (DT_DATAPLANE_ALONE_MIN * 60 * DT_SEC)
#define HALF_OPEN_NS (10 * DT_SEC)
#define IDLE_NS (7440 * DT_SEC) /* RFC 5382, REQ-5 */
#define CLOSING_NS (240 * DT_SEC)

struct dt_dataplane {
	struct dt_pins pins;
	struct nat_bpf *skel;
	struct dt_nat_config config; /* as in the map; we are its only writer */
	struct dt_filters filters;
	struct dt_neighbours neighbours;
};

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
	err = dt_maps_check_layout(config->pins);
	if (err) {
		dt_dataplane_close(d);
		return err;
	}
	d->skel = nat_bpf__open();
	err = d->skel ? dt_maps_prepare(d->skel, config) : -errno;
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
	dt_filters_forget(&d->filters);
	dt_neighbours_fini(&d->neighbours);
	free(d);
}

int dt_dataplane_fd(const struct dt_dataplane *d, enum dt_dataplane_map map)
{
	switch (map) {
	case DT_MAP_LEASES:
		return bpf_map__fd(d->skel->maps.leases);
	case DT_MAP_CONVERTERS:
		return bpf_map__fd(d->skel->maps.converters);
	case DT_MAP_SYNS:
		return bpf_map__fd(d->skel->maps.syns);
	case DT_MAP_FLOWS:
		return bpf_map__fd(d->skel->maps.flows);
	case DT_MAP_CLIENTS:
		return bpf_map__fd(d->skel->maps.clients);
	case DT_MAP_SHARES:
		return bpf_map__fd(d->skel->maps.shares);
	case DT_MAP_USAGE:
		return bpf_map__fd(d->skel->maps.usage);
	case DT_MAP_ENDED:
		return bpf_map__fd(d->skel->maps.ended);
	}
	return -EINVAL;
}

int dt_dataplane_rate_fd(const struct dt_dataplane *d)
{
	return bpf_program__fd(d->skel->progs.rate_grant);
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

int dt_dataplane_keep_ports(struct dt_dataplane *d)
{
	return dt_pins_keep_ports(&d->pins);
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
	d->config.dead_awake_ns = dt_awake_ns() + DEAD_AFTER_NS;
	return config_store(d);
}

int dt_dataplane_rest(struct dt_dataplane *d)
{
	d->config.alive_until_ns = 0;
	return config_store(d);
}

size_t dt_dataplane_acl_room(const struct dt_dataplane *d)
{
	return bpf_map__max_entries(d->skel->maps.policy) / 2;
}

void dt_dataplane_acl_begin(const struct dt_dataplane *d, struct dt_acl_change *change, const struct dt_acl *old,
			    const struct dt_acl *fresh)
{
	dt_acl_change_begin(change, old, fresh, bpf_map__fd(d->skel->maps.policy), d->config.policy_generation);
}

int dt_dataplane_acl_switch(struct dt_dataplane *d, const struct dt_acl_own *own)
{
	int err = dt_acl_own_store(own, bpf_map__fd(d->skel->maps.policy), d->config.policy_generation + 1);

	if (err)
		return err;
	d->config.policy_generation++;
	err = config_store(d);
	if (err)
		d->config.policy_generation--;
	return err;
}

int dt_dataplane_acl_prune(const struct dt_dataplane *d, struct dt_acl_prune *at, uint64_t until_ns)
{
	return dt_acl_prune_step(at, bpf_map__fd(d->skel->maps.policy), d->config.policy_generation, until_ns);
}

int dt_dataplane_acl_own(struct dt_dataplane *d, struct dt_acl *acl, struct dt_acl_own *own, bool *added)
{
	return dt_acl_own_replace(acl, own, bpf_map__fd(d->skel->maps.policy), d->config.policy_generation, added);
}

int dt_dataplane_address(struct dt_dataplane *d, const struct dt_ip *ip)
{
	uint32_t one = 1;

	return bpf_map_update_elem(bpf_map__fd(d->skel->maps.addresses), ip, &one, BPF_ANY);
}

struct address_prune {
	int fd;
	bool (*keep)(const struct dt_ip *ip, void *data);
	void *data;
};

static int address_prune(const void *key, void *data)
{
	const struct address_prune *p = data;

	return p->keep(key, p->data) ? 0 : dt_bpf_map_delete(p->fd, key);
}

int dt_dataplane_addresses_prune(struct dt_dataplane *d, bool (*keep)(const struct dt_ip *ip, void *data), void *data)
{
	struct address_prune prune = {bpf_map__fd(d->skel->maps.addresses), keep, data};

	return dt_bpf_map_walk(prune.fd, sizeof(struct dt_ip), address_prune, &prune);
}

int dt_dataplane_attach(struct dt_dataplane *d, const struct dt_network *n, const char *glob)
{
	const struct dt_filter_programs programs = {bpf_program__fd(d->skel->progs.nat_l2),
						    bpf_program__fd(d->skel->progs.nat_l3)};

	return dt_filters_attach(&d->filters, n, glob, d->config.tunnel_ifindex, &programs);
}

bool dt_dataplane_guards(const struct dt_dataplane *d, uint32_t ifindex)
{
	return dt_filters_has(&d->filters, ifindex);
}

void dt_dataplane_attach_again(struct dt_dataplane *d)
{
	dt_filters_forget(&d->filters);
}

int dt_dataplane_neighbours(struct dt_dataplane *d, struct dt_netlink *nl)
{
	struct dt_neighbours now = {0};
	int err = 0;

	for (size_t i = 0; err == 0 && i < d->filters.count; i++)
		err = dt_neighbours_add(&now, nl, d->filters.list[i].ifindex, d->filters.list[i].name);
	if (err == 0)
		dt_neighbours_replace(&d->neighbours, &now);
	dt_neighbours_fini(&now);
	return err;
}

const struct dt_neighbours *dt_dataplane_neighbours_known(const struct dt_dataplane *d)
{
	return &d->neighbours;
}

int dt_dataplane_routes(struct dt_dataplane *d, const struct dt_network *n)
{
	const struct dt_rt_link *tunnel = dt_network_link(n, d->config.tunnel_ifindex);
	bool changed;
	int err = dt_routes_store(bpf_map__fd(d->skel->maps.routes), n, &changed);

	if (tunnel && tunnel->mtu != d->config.tunnel_mtu) {
		d->config.tunnel_mtu = tunnel->mtu;
		changed = true;
	}
	if (err || !changed)
		return err;
	d->config.route_generation++;
	return config_store(d);
}

int dt_dataplane_counters(const struct dt_dataplane *d, uint64_t out[DT_NAT_COUNTERS])
{
	return dt_nat_counters_sum(bpf_map__fd(d->skel->maps.counters), out);
}

/* --- flush ------------------------------------------------------------------------------------- */

static int directory_empty(const char *path)
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
	return err;
}

int dt_dataplane_flush(const char *pins)
{
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
	err = dt_filters_flush();
	if (err)
		dt_log_err("cannot remove the filters: %s", strerror(-err));
	if (p.lock_fd >= 0) {
		int removed = directory_empty(pins);

		/* the directory last: it says to the next --flush that there is something to do */
		dt_run_dir_unlock(p.lock_fd);
		if (removed == 0 && rmdir(pins) < 0)
			removed = -errno;
		if (removed) {
			dt_log_err("cannot remove %s: %s", pins, strerror(-removed));
			err = removed;
		}
	}
	return err;
}
