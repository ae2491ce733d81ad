/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Other programs on TC ingress that see packets before the NAT does: on tcx (since Linux 6.6), or as filters of a smaller
 * priority. Any of them can end the chain, and then no detour works by that interface.
 */
#ifndef DETOURD_RELAY_NEIGHBOURS_H
#define DETOURD_RELAY_NEIGHBOURS_H

#include <net/if.h>
#include <stddef.h>
#include <stdint.h>

#include "net/netlink.h"

struct dt_neighbour {
	uint32_t ifindex;
	uint32_t priority; /* 0: on tcx */
	uint32_t program;  /* id; 0: not a BPF program */
	char interface[IF_NAMESIZE];
	char name[32]; /* of the program, or the kind of filter; "" if the kernel does not tell */
};

/* Zeroed: none. */
struct dt_neighbours {
	struct dt_neighbour *list;
	size_t count;
};

/* What it means. */
#define DT_NEIGHBOUR_EFFECT "sees packets before the NAT; if it ends the chain, no detour works by this interface"

#define DT_NEIGHBOUR_STRLEN 96
/* "filter 5 (flower)", "tcx program 12 (name)". */
const char *dt_neighbour_format(const struct dt_neighbour *n, char *buf);

/* Adds those on one interface before our filter. -ENOMEM, or the kernel's error. */
int dt_neighbours_add(struct dt_neighbours *all, struct dt_netlink *nl, uint32_t ifindex, const char *interface);
/* Takes *now, which is then empty, in place of what was known, and logs what is new and what has gone. */
void dt_neighbours_replace(struct dt_neighbours *known, struct dt_neighbours *now);
void dt_neighbours_fini(struct dt_neighbours *all);

#endif
