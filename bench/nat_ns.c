/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nanoseconds that nat.bpf takes for a packet, by the clock of BPF_PROG_TEST_RUN. A repeated run sees the packet as the
 * run before left it. So there are two flows of which each turns a packet into one of the other, and a run is as long as
 * the hop count lasts. Medians of many runs; the rows take turns.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bpf/scene.h"

#define RUNS 500
#define REPEAT 250

/* A segment whose hop count lasts for a whole run. */
#define segment(ip, from, to, port, bytes)                                                                     \
	{                                                                                                      \
		.family = ip, .src = from, .dst = to, .sport = 1000, .dport = port, .flags = ACK, .hops = 255, \
		.payload = bytes, .seq = 1000, .ack = 1000, .window = 50000                                    \
	}

struct row {
	const char *name;
	struct packet_spec spec;
	unsigned ns[RUNS];
};

static int compare(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return (x > y) - (x < y);
}

static unsigned measure(struct scene *s, const struct packet_spec *spec)
{
	uint8_t frame[2048], out[4096];
	size_t len = packet_build(spec, frame);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)len, .data_out = out,
		    .data_size_out = sizeof(out), .repeat = REPEAT);

	if (bpf_prog_test_run_opts(bpf_program__fd(s->skel->progs.nat_l2), &opts) < 0) {
		perror("test run");
		exit(1);
	}
	return opts.duration;
}

static void flow_put(struct scene *s, const struct packet_spec *from, const struct packet_spec *to)
{
	struct dt_flow_key key = {.sport_be16 = htons(from->sport), .dport_be16 = htons(from->dport)};
	struct dt_flow f = {.new_sport_be16 = htons(to->sport),
			    .new_dport_be16 = htons(to->dport),
			    .state = DT_FLOW_ESTABLISHED,
			    .client_id = SCENE_CLIENT_ID,
			    .seen_ns = dt_now_ns(),
			    .oif = 1,
			    .mtu = 1500,
			    .route_gen = s->config.route_generation,
			    /* every packet is inside the window and leaves it as it is */
			    .end = from->seq + from->payload,
			    .acked = from->ack,
			    .bound = from->ack + from->window,
			    .window = from->window,
			    .peer_end = from->ack,
			    .peer_bound = from->seq + from->window,
			    .peer_window = from->window};

	dt_ip_parse(&key.src, from->src);
	dt_ip_parse(&key.dst, from->dst);
	dt_ip_parse(&f.new_src, to->src);
	dt_ip_parse(&f.new_dst, to->dst);
	bpf_map_update_elem(bpf_map__fd(s->skel->maps.flows), &key, &f, BPF_ANY);
}

int main(void)
{
	static struct row rows[] = {
		{.name = "not TCP's ports", .spec = segment(4, "192.0.2.2", "198.51.100.18", 22, 1400)},
		{.name = "no flow", .spec = segment(4, "192.0.2.9", "198.51.100.18", 40000, 1400)},
		{.name = "forwarded, IPv4, 1440 bytes", .spec = segment(4, "192.0.2.2", "198.51.100.18", 50000, 1400)},
		{.name = "forwarded, IPv4, 40 bytes", .spec = segment(4, "192.0.2.2", "198.51.100.18", 50000, 0)},
		{.name = "forwarded, IPv6, 1460 bytes",
		 .spec = segment(6, "2001:db8:c::2", "2001:db8:a1::2", 50000, 1400)},
	};
	size_t count = sizeof(rows) / sizeof(rows[0]);
	struct scene s;

	if (scene_open(&s) < 0) {
		fprintf(stderr, "cannot load nat.bpf; run as root\n");
		return 1;
	}
	/* so high that no packet is dropped, but all are counted */
	s.limits.rate = s.config.rate = 125000000000;
	scene_limits_store(&s);
	scene_config_store(&s);
	for (size_t i = 2; i < count; i++) {
		struct packet_spec there = rows[i].spec, back = there;

		back.src = scene_relay(there.family);
		back.dst = scene_server(there.family);
		back.sport = 2000;
		back.dport = 50001;
		flow_put(&s, &there, &back);
		flow_put(&s, &back, &there);
	}
	for (unsigned run = 0; run < RUNS; run++)
		for (size_t i = 0; i < count; i++)
			rows[i].ns[run] = measure(&s, &rows[i].spec);
	for (size_t i = 0; i < count; i++) {
		qsort(rows[i].ns, RUNS, sizeof(rows[i].ns[0]), compare);
		printf("%-32s %4u ns (p10 %u, p90 %u)\n", rows[i].name, rows[i].ns[RUNS / 2], rows[i].ns[RUNS / 10],
		       rows[i].ns[RUNS * 9 / 10]);
	}
	printf("forwarded in all: %llu (no packet was dropped: %llu)\n",
	       (unsigned long long)(scene_counter(&s, DT_NAT_FORWARDED_UP) + scene_counter(&s, DT_NAT_FORWARDED_DOWN)),
	       (unsigned long long)scene_counter(&s, DT_NAT_DROP_TTL));
	printf("dropped for the rate: %llu, outside the window: %llu\n",
	       (unsigned long long)scene_counter(&s, DT_NAT_DROP_RATE),
	       (unsigned long long)scene_counter(&s, DT_NAT_DROP_WINDOW));
	scene_close(&s);
	return 0;
}
