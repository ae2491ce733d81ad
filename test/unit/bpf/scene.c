/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bpf/scene.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"

static struct dt_ip ip_of(const char *text)
{
	struct dt_ip ip = {0};

	dt_ip_parse(&ip, text);
	return ip;
}

const char *scene_client(unsigned family)
{
	return family == 4 ? "192.0.2.2" : "2001:db8:c::2";
}

const char *scene_relay(unsigned family)
{
	return family == 4 ? "198.51.100.18" : "2001:db8:a1::2";
}

const char *scene_server(unsigned family)
{
	return family == 4 ? "203.0.113.2" : "2001:db8:5::2";
}

static void map_clear(struct bpf_map *map)
{
	uint8_t key[64], next[64];
	int fd = bpf_map__fd(map);

	while (bpf_map_get_next_key(fd, NULL, next) == 0) {
		memcpy(key, next, sizeof(key));
		bpf_map_delete_elem(fd, key);
	}
}

int scene_open(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	libbpf_set_print(NULL);
	s->skel = nat_bpf__open_and_load();
	if (!s->skel)
		return -errno;
	scene_reset(s);
	return 0;
}

void scene_close(struct scene *s)
{
	nat_bpf__destroy(s->skel);
}

static void usage_zero(struct scene *s, uint64_t id)
{
	struct dt_client_usage usage = {0};
	struct dt_client_ended ended = {0};

	bpf_map_update_elem(bpf_map__fd(s->skel->maps.usage), &id, &usage, BPF_ANY);
	bpf_map_update_elem(bpf_map__fd(s->skel->maps.ended), &id, &ended, BPF_ANY);
}

void scene_icmp_refill(struct scene *s)
{
	uint64_t zeroes[256] = {0};
	uint32_t zero = 0;

	bpf_map_update_elem(bpf_map__fd(s->skel->maps.icmp_limit), &zero, zeroes, BPF_ANY);
}

void scene_reset(struct scene *s)
{
	uint64_t zeroes[256] = {0}, now_ns = dt_now_ns();
	uint32_t one = 1;

	map_clear(s->skel->maps.flows);
	map_clear(s->skel->maps.leases);
	map_clear(s->skel->maps.converters);
	map_clear(s->skel->maps.clients);
	map_clear(s->skel->maps.shares);
	map_clear(s->skel->maps.policy);
	map_clear(s->skel->maps.routes);
	map_clear(s->skel->maps.addresses);
	for (uint32_t i = 0; i < DT_NAT_COUNTERS; i++)
		bpf_map_update_elem(bpf_map__fd(s->skel->maps.counters), &i, zeroes, BPF_ANY);
	scene_icmp_refill(s);
	s->config = (struct dt_nat_config){
		.layout = DT_MAPS_LAYOUT,
		.policy_generation = 1,
		.route_generation = 1,
		.alive_until_ns = now_ns + 60 * DT_SEC,
		.dead_after_ns = now_ns + 660 * DT_SEC,
		.dead_awake_ns = now_ns + 660 * DT_SEC,
		.half_open_ns = 10 * DT_SEC,
		.idle_ns = 7440 * DT_SEC,
		.closing_ns = 240 * DT_SEC,
		.max_flows = 1000,
		.rate = 5000000000,
		.bucket_ns = DT_SEC / 5,
		.tunnel_mtu = 1500,
		.port_min = 50000,
		.port_max = 59999,
		.source_min = SCENE_SOURCE,
		.source_max = SCENE_SOURCE,
	};
	scene_config_store(s);
	s->limits = (struct dt_client_limits){.max_flows = 100,
					      .max_half_open = 50,
					      .max_new_flows = 1000,
					      .rate = 1250000000,
					      .bucket_ns = DT_SEC / 5};
	scene_limits_store(s);
	usage_zero(s, 0);
	usage_zero(s, SCENE_CLIENT_ID);
	for (unsigned family = 4; family <= 6; family += 2) {
		struct dt_ip relay = ip_of(scene_relay(family));

		bpf_map_update_elem(bpf_map__fd(s->skel->maps.addresses), &relay, &one, BPF_ANY);
		scene_lease_put(s, family, now_ns + 300 * DT_SEC);
	}
	scene_route_put(s, "0.0.0.0/0", 1);
	scene_route_put(s, "::/0", 1);
}

void scene_config_store(struct scene *s)
{
	uint32_t zero = 0;

	bpf_map_update_elem(bpf_map__fd(s->skel->maps.config), &zero, &s->config, BPF_ANY);
}

void scene_limits_store(struct scene *s)
{
	uint64_t id = SCENE_CLIENT_ID;

	bpf_map_update_elem(bpf_map__fd(s->skel->maps.clients), &id, &s->limits, BPF_ANY);
}

static struct dt_lease_key lease_key(unsigned family)
{
	return (struct dt_lease_key){.client = ip_of(scene_client(family)),
				     .relay = ip_of(scene_relay(family)),
				     .dpt_be16 = htons(SCENE_DPT)};
}

void scene_lease_put(struct scene *s, unsigned family, uint64_t expires_ns)
{
	struct dt_lease_key key = lease_key(family);
	struct dt_lease lease = {.client_id = SCENE_CLIENT_ID,
				 .expires_ns = expires_ns,
				 .server = ip_of(scene_server(family)),
				 .rpt_be16 = htons(SCENE_RPT)};

	bpf_map_update_elem(bpf_map__fd(s->skel->maps.leases), &key, &lease, BPF_ANY);
}

void scene_converter_put(struct scene *s, unsigned family, uint64_t expires_ns, bool other_client)
{
	struct dt_converter_key key = {.relay = ip_of(scene_relay(family)), .dpt_be16 = htons(SCENE_DPT)};
	struct dt_converter converter = {.client = ip_of(other_client ? scene_server(family) : scene_client(family)),
					 .client_id = SCENE_CLIENT_ID,
					 .expires_ns = expires_ns,
					 .server = ip_of(scene_server(family)),
					 .rpt_be16 = htons(SCENE_RPT)};

	scene_lease_delete(s, family);
	bpf_map_update_elem(bpf_map__fd(s->skel->maps.converters), &key, &converter, BPF_ANY);
}

void scene_converter_close(struct scene *s, unsigned family)
{
	struct dt_converter_key key = {.relay = ip_of(scene_relay(family)), .dpt_be16 = htons(SCENE_DPT)};
	int fd = bpf_map__fd(s->skel->maps.converters);
	struct dt_converter converter;

	bpf_map_lookup_elem(fd, &key, &converter);
	converter.expires_ns = 0;
	converter.closed = 1;
	bpf_map_update_elem(fd, &key, &converter, BPF_EXIST);
}

void scene_lease_delete(struct scene *s, unsigned family)
{
	struct dt_lease_key key = lease_key(family);

	bpf_map_delete_elem(bpf_map__fd(s->skel->maps.leases), &key);
}

void scene_policy_put(struct scene *s, uint64_t client_id, unsigned kind, const char *prefix)
{
	struct dt_prefix p;
	struct dt_policy_key key;
	uint32_t one = 1;

	memset(&key, 0, sizeof(key));
	key.generation = s->config.policy_generation;
	key.client_id = client_id;
	key.kind = (uint16_t)kind;
	if (prefix) {
		dt_prefix_parse(&p, prefix);
		key.prefixlen = DT_POLICY_PREFIX_BASE + p.len;
		key.family = (uint16_t)dt_prefix_family(&p);
		key.ip = p.ip;
	} else { /* tells that there is an allow list */
		key.prefixlen = DT_POLICY_PREFIX_BASE;
	}
	bpf_map_update_elem(bpf_map__fd(s->skel->maps.policy), &key, &one, BPF_ANY);
}

void scene_route_put(struct scene *s, const char *prefix, uint32_t oif)
{
	struct dt_prefix p;
	struct dt_route_key key = {0};
	struct dt_route route = {.oif = oif, .mtu = 1500};

	dt_prefix_parse(&p, prefix);
	key.prefixlen = DT_ROUTE_PREFIX_BASE + p.len;
	key.family = dt_prefix_family(&p);
	key.ip = p.ip;
	bpf_map_update_elem(bpf_map__fd(s->skel->maps.routes), &key, &route, BPF_ANY);
}

void scene_routes_clear(struct scene *s)
{
	map_clear(s->skel->maps.routes);
}

void scene_flows_age(struct scene *s, uint64_t ns)
{
	int fd = bpf_map__fd(s->skel->maps.flows);
	struct dt_flow_key key, *at = NULL, keys[64];
	size_t count = 0;

	while (count < 64 && bpf_map_get_next_key(fd, at, &key) == 0) {
		keys[count] = key;
		at = &keys[count++];
	}
	for (size_t i = 0; i < count; i++) {
		struct dt_flow f;

		if (bpf_map_lookup_elem(fd, &keys[i], &f) < 0)
			continue;
		f.started_ns -= ns;
		f.changed_ns -= ns;
		f.seen_ns -= ns;
		f.syn_again -= (uint32_t)(ns >> 20);
		bpf_map_update_elem(fd, &keys[i], &f, BPF_EXIST);
	}
}

unsigned scene_entries(const struct scene *s)
{
	struct dt_flow_key key, next;
	int fd = bpf_map__fd(s->skel->maps.flows);
	bool more = bpf_map_get_next_key(fd, NULL, &next) == 0;
	unsigned count = 0;

	while (more) {
		count++;
		key = next;
		more = bpf_map_get_next_key(fd, &key, &next) == 0;
	}
	return count;
}

bool scene_flow(const struct scene *s, unsigned dir, struct dt_flow *out)
{
	struct dt_flow_key key, next;
	int fd = bpf_map__fd(s->skel->maps.flows);
	bool more = bpf_map_get_next_key(fd, NULL, &next) == 0;

	while (more) {
		key = next;
		if (bpf_map_lookup_elem(fd, &key, out) == 0 && out->dir == dir)
			return true;
		more = bpf_map_get_next_key(fd, &key, &next) == 0;
	}
	return false;
}

uint64_t scene_counter(const struct scene *s, unsigned counter)
{
	uint64_t values[256] = {0}, sum = 0;

	bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.counters), &counter, values);
	for (int i = 0; i < libbpf_num_possible_cpus() && i < 256; i++)
		sum += values[i];
	return sum;
}

int scene_run(struct scene *s, uint8_t *frame, size_t *len, uint32_t gso_size, uint32_t gso_segs)
{
	uint8_t out[4096];
	struct __sk_buff ctx = {.gso_size = gso_size, .gso_segs = gso_segs};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)*len, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = 1);
	int err = bpf_prog_test_run_opts(bpf_program__fd(s->skel->progs.nat_l2), &opts);

	if (err < 0)
		return -1000 + err;
	*len = opts.data_size_out < 2048 ? opts.data_size_out : 2048;
	memcpy(frame, out, *len);
	return (int)opts.retval;
}
