/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Source ports for the connections that a converter makes: of source-ports, which the kernel by itself uses for nothing. One
 * that a flow of the NAT has towards the same server is left out, and nat.bpf leaves out those of sockets.
 */
#ifndef DETOURD_RELAY_CONVERTER_PORTS_H
#define DETOURD_RELAY_CONVERTER_PORTS_H

#include "base/addr.h"

/* Goes through the range in an order of its own, so that a port comes again only after all others. */
struct dt_converter_ports {
	int flows_fd;
	struct dt_port_range range;
	uint32_t at, stride;
};

/* flows_fd: the map of nat.bpf's flows. */
void dt_converter_ports_init(struct dt_converter_ports *p, int flows_fd);
void dt_converter_ports_configure(struct dt_converter_ports *p, struct dt_port_range range);
/* One for a connection from this address of the relay; 0: the kernel is to choose. */
uint16_t dt_converter_ports_next(struct dt_converter_ports *p, const struct dt_ip *relay,
				 const struct dt_endpoint *server);

#endif
