/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports of converter leases that ended a short while ago. Each is kept bound, and nothing listens there: the host answers
 * SYNs by RST, so that a connection which still goes there fails at once. nat.bpf lets only those of the lease's client in.
 */
#ifndef DETOURD_RELAY_CONVERTER_CLOSED_H
#define DETOURD_RELAY_CONVERTER_CLOSED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "detourd/maps.h"

struct dt_lease_table;
struct dt_converter_closed;

struct dt_converter_closed_ports {
	int map_fd; /* of converter leases */
	struct dt_lease_table *ports;
	struct dt_converter_closed *list; /* the oldest first */
	size_t count;
};

/* Keeps the port of a lease that has no socket here any more. False: another program or process has it. */
bool dt_converter_closed_add(struct dt_converter_closed_ports *p, const struct dt_converter_key *key,
			     const struct dt_endpoint *at);
/* Gives back those whose time is over, with their entries of the map. */
void dt_converter_closed_tick(struct dt_converter_closed_ports *p, uint64_t now_ns);
/* Gives back the oldest one, to make room. False: there is none. */
bool dt_converter_closed_drop(struct dt_converter_closed_ports *p);
/* Frees the memory and closes the sockets; the map stays. */
void dt_converter_closed_fini(struct dt_converter_closed_ports *p);

#endif
