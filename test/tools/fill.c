/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Puts open flows and leases into the maps of a stopped relay, spread over its clients: fill PINS FLOWS LEASES. The
 * next start counts them. Flows go from 192.0.2.2 to 9.10.0.x by way of 198.51.100.18.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/bpf.h"
#include "base/clock.h"

#define LEASE_NS (600 * DT_SEC)

static uint64_t *clients;
static size_t nclients, room;

static int map_open(const char *pins, const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", pins, name);
	fd = bpf_obj_get(path);
	if (fd < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

static int client_take(const void *key, void *data)
{
	(void)data;
	if (nclients == room)
		clients = realloc(clients, (room = room ? 2 * room : 1024) * sizeof(*clients));
	if (!clients)
		exit(1);
	memcpy(&clients[nclients++], key, sizeof(*clients));
	return 0;
}

static struct dt_ip ip_of(const char *text, unsigned long n)
{
	struct dt_ip ip;

	dt_ip_parse(&ip, text);
	ip.w[3] = htonl(ntohl(ip.w[3]) + (uint32_t)n);
	return ip;
}

static void update(int fd, const void *key, const void *value)
{
	if (bpf_map_update_elem(fd, key, value, BPF_ANY) < 0) {
		perror("update");
		exit(1);
	}
}

static void flow_put(int fd, int usage_fd, unsigned long n, uint64_t now_ns)
{
	uint64_t id = clients[n % nclients];
	struct dt_flow_key up_key = {.src = ip_of("192.0.2.2", 0),
				     .dst = ip_of("198.51.100.18", 0),
				     .sport_be16 = htons((uint16_t)(1024 + n % 60000)),
				     .dport_be16 = htons((uint16_t)(50000 + n / 60000))};
	struct dt_flow up = {.new_src = up_key.dst,
			     .new_dst = ip_of("9.10.0.1", n / 10000),
			     .new_sport_be16 = htons((uint16_t)(40000 + n % 10000)),
			     .new_dport_be16 = htons(443),
			     .dir = DT_DIR_UP,
			     .state = DT_FLOW_ESTABLISHED,
			     .client_id = id,
			     .started_ns = now_ns,
			     .changed_ns = now_ns,
			     .seen_ns = now_ns,
			     .bytes = 1000};
	struct dt_flow_key down_key = {
		.src = up.new_dst, .dst = up.new_src, .sport_be16 = up.new_dport_be16, .dport_be16 = up.new_sport_be16};
	struct dt_flow down = up;
	struct dt_client_usage usage;

	down.new_src = up_key.dst;
	down.new_dst = up_key.src;
	down.new_sport_be16 = up_key.dport_be16;
	down.new_dport_be16 = up_key.sport_be16;
	down.dir = DT_DIR_DOWN;
	update(fd, &up_key, &up);
	update(fd, &down_key, &down);
	for (int i = 0; i < 2; i++) {
		uint64_t row = i ? 0 : id;

		if (bpf_map_lookup_elem(usage_fd, &row, &usage) < 0)
			continue;
		usage.started++;
		usage.established++;
		update(usage_fd, &row, &usage);
	}
}

static void lease_put(int fd, unsigned long n, uint64_t now_ns)
{
	struct dt_lease_key key = {.client = ip_of("192.0.2.2", n / 10000),
				   .relay = ip_of("198.51.100.18", 0),
				   .dpt_be16 = htons((uint16_t)(50000 + n % 10000))};
	struct dt_lease lease = {.client_id = clients[n % nclients],
				 .expires_ns = now_ns + LEASE_NS,
				 .created_ns = now_ns,
				 .server = ip_of("9.10.0.1", n % 250),
				 .rpt_be16 = htons((uint16_t)(1000 + n / 250))};

	update(fd, &key, &lease);
}

int main(int argc, char **argv)
{
	uint64_t now_ns = dt_now_ns();
	int flows, leases, usage;

	if (argc != 4) {
		fprintf(stderr, "usage: fill PINS FLOWS LEASES\n");
		return 2;
	}
	flows = map_open(argv[1], "flows");
	leases = map_open(argv[1], "leases");
	usage = map_open(argv[1], "usage");
	if (dt_bpf_map_walk(map_open(argv[1], "clients"), sizeof(uint64_t), client_take, NULL) < 0 || nclients == 0) {
		fprintf(stderr, "no clients\n");
		return 1;
	}
	for (unsigned long n = 0; n < strtoul(argv[2], NULL, 10); n++)
		flow_put(flows, usage, n, now_ns);
	for (unsigned long n = 0; n < strtoul(argv[3], NULL, 10); n++)
		lease_put(leases, n, now_ns);
	return 0;
}
