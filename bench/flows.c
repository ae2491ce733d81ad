/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many flows nat.bpf holds, in how much memory, and what a packet costs among them: bench-flows [FLOWS]. Each flow is
 * made by its SYN and SYN-ACK (BPF_PROG_TEST_RUN), all under one client's leases to 200 servers.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bpf/scene.h"

#define SERVERS 200
#define DPT 50000
#define SPORT 1024
#define PACKETS 200000

static struct scene scene;
static char servers[SERVERS][16];

static long memory_kb(void)
{
	char line[128];
	long kb = 0;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

static void leases_put(void)
{
	for (unsigned i = 0; i < SERVERS; i++) {
		struct dt_lease_key key = {.dpt_be16 = htons((uint16_t)(DPT + i))};
		struct dt_lease lease = {
			.client_id = SCENE_CLIENT_ID, .expires_ns = DT_NEVER, .rpt_be16 = htons(SCENE_RPT)};

		snprintf(servers[i], sizeof(servers[i]), "203.0.113.%u", i + 1);
		dt_ip_parse(&key.client, scene_client(4));
		dt_ip_parse(&key.relay, scene_relay(4));
		dt_ip_parse(&lease.server, servers[i]);
		bpf_map_update_elem(bpf_map__fd(scene.skel->maps.leases), &key, &lease, BPF_ANY);
	}
}

/* Of the flow's client. */
static struct packet_spec packet_up(unsigned long flow)
{
	return (struct packet_spec){.family = 4,
				    .src = scene_client(4),
				    .dst = scene_relay(4),
				    .sport = (uint16_t)(SPORT + flow / SERVERS),
				    .dport = (uint16_t)(DPT + flow % SERVERS),
				    .hops = 64,
				    .mss = 1400,
				    .window = 50000};
}

/* The verdict; *ns is what the program took. */
static int run(const struct packet_spec *spec, struct packet_seen *out, uint64_t *ns)
{
	uint8_t frame[2048], result[4096];
	size_t len = packet_build(spec, frame);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)len, .data_out = result,
		    .data_size_out = sizeof(result), .repeat = 1);

	if (bpf_prog_test_run_opts(bpf_program__fd(scene.skel->progs.nat_l2), &opts) < 0)
		return -1;
	*ns += opts.duration;
	packet_read(result, opts.data_size_out, out);
	return (int)opts.retval;
}

static bool flow_make(unsigned long flow, uint64_t *ns)
{
	struct packet_spec syn = packet_up(flow), answer;
	struct packet_seen seen;

	syn.flags = SYN;
	syn.options = OPT_JOIN_SYN;
	syn.seq = 1000;
	if (run(&syn, &seen, ns) != TC_ACT_REDIRECT)
		return false;
	answer = (struct packet_spec){.family = 4,
				      .src = servers[flow % SERVERS],
				      .dst = scene_relay(4),
				      .sport = SCENE_RPT,
				      .dport = seen.sport,
				      .flags = SYN | ACK,
				      .options = OPT_JOIN_SYNACK,
				      .hops = 64,
				      .mss = 1400,
				      .window = 50000,
				      .seq = 5000,
				      .ack = 1001};
	return run(&answer, &seen, ns) == TC_ACT_REDIRECT;
}

/* Nanoseconds of a data packet, cold, of some flow among the first ones. */
static uint64_t packets_run(unsigned long among)
{
	struct packet_seen seen;
	uint64_t ns = 0;

	for (unsigned long i = 0; i < PACKETS; i++) {
		struct packet_spec data = packet_up((unsigned long)random() % among);

		data.flags = ACK;
		data.seq = 1001;
		data.ack = 5001;
		data.payload = 1000;
		if (run(&data, &seen, &ns) != TC_ACT_REDIRECT) {
			fprintf(stderr, "a packet did not pass\n");
			exit(1);
		}
	}
	return ns / PACKETS;
}

int main(int argc, char **argv)
{
	unsigned long flows = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000, made, again = 0;
	uint64_t ns = 0;
	long before;

	scene.skel = nat_bpf__open();
	if (!scene.skel || bpf_map__set_max_entries(scene.skel->maps.flows, (uint32_t)flows * 2 + 4096) < 0 ||
	    nat_bpf__load(scene.skel) < 0) {
		fprintf(stderr, "cannot load nat.bpf; run as root\n");
		return 1;
	}
	scene_reset(&scene);
	scene.config.max_flows = (uint32_t)flows;
	scene.config.source_max = SCENE_SOURCE + 9999;
	scene.limits = (struct dt_client_limits){(uint32_t)flows, (uint32_t)flows, 1000000, .rate = 125000000000,
						 .bucket_ns = DT_SEC};
	scene.config.rate = 125000000000;
	scene_config_store(&scene);
	scene_limits_store(&scene);
	leases_put();
	before = memory_kb();
	/* where 32 ports in a row are taken the SYN is lost, and TCP sends it again */
	for (made = 0; made < flows && again < flows / 1000 + 1;)
		if (flow_make(made, &ns))
			made++;
		else
			again++;
	printf("%lu of %lu flows (%lu SYNs sent again), %ld MB, %lu bytes a flow, %llu ns for a SYN and its answer\n",
	       made, flows, again, (before - memory_kb()) / 1024,
	       made ? (unsigned long)(before - memory_kb()) * 1024 / made : 0,
	       made ? (unsigned long long)(ns / made) : 0);
	if (made < flows)
		for (unsigned i = 0; i < DT_NAT_COUNTERS; i++)
			if (scene_counter(&scene, i))
				printf("  counter %u: %llu\n", i, (unsigned long long)scene_counter(&scene, i));
	printf("a packet, cold, the entry's time included: %llu ns among 1000 flows, %llu ns among all\n",
	       (unsigned long long)packets_run(1000), (unsigned long long)packets_run(made));
	scene_close(&scene);
	return made < flows;
}
