/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/converter_ports.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <sodium.h>
#include <string.h>

#include "detourd/maps.h"

#define TRIES 8

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

void dt_converter_ports_init(struct dt_converter_ports *p, int flows_fd)
{
	memset(p, 0, sizeof(*p));
	p->flows_fd = flows_fd;
}

void dt_converter_ports_configure(struct dt_converter_ports *p, struct dt_port_range range)
{
	uint32_t count = (uint32_t)(range.max - range.min) + 1;

	if (p->stride && range.min == p->range.min && range.max == p->range.max)
		return;
	p->range = range;
	p->at = randombytes_uniform(count);
	do {
		p->stride = 1 + randombytes_uniform(count);
	} while (common_divisor(p->stride, count) != 1);
}

/* As nat.bpf sees the server's segments to this port. */
static bool is_flows(const struct dt_converter_ports *p, const struct dt_ip *relay, const struct dt_endpoint *server,
		     uint16_t port)
{
	struct dt_flow_key key;
	struct dt_flow flow;

	memset(&key, 0, sizeof(key));
	key.src = server->ip;
	key.dst = *relay;
	key.sport_be16 = htons(server->port);
	key.dport_be16 = htons(port);
	return bpf_map_lookup_elem(p->flows_fd, &key, &flow) == 0;
}

uint16_t dt_converter_ports_next(struct dt_converter_ports *p, const struct dt_ip *relay,
				 const struct dt_endpoint *server)
{
	uint32_t count = (uint32_t)(p->range.max - p->range.min) + 1;

	/* from which address it connects to another family is not known here */
	if (!p->stride || dt_ip_family(relay) != dt_ip_family(&server->ip))
		return 0;
	for (int i = 0; i < TRIES; i++) {
		uint16_t port = (uint16_t)(p->range.min + p->at);

		p->at = (p->at + p->stride) % count;
		if (!is_flows(p, relay, server, port))
			return port;
	}
	return 0;
}
