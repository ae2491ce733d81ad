/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filters that hand packets to nat.bpf: one on TC ingress of each interface but lo. */
#ifndef DETOURD_RELAY_FILTERS_H
#define DETOURD_RELAY_FILTERS_H

#include <net/if.h>

#include "net/network.h"

/* The place of our filter on an interface; another program's filter in this place is left alone. */
#define DT_FILTER_PRIORITY 0xde70

struct dt_filter {
	uint32_t ifindex;
	char name[IF_NAMESIZE];
};

/* Those that this run has put. Zeroed: none. */
struct dt_filters {
	struct dt_filter *list;
	size_t count;
};

struct dt_filter_programs {
	int l2_fd; /* for interfaces with an Ethernet header */
	int l3_fd; /* for tunnels */
};

/*
 * Puts a filter on the tunnels' device (tunnel, 0: none) and on every interface that glob names, replacing one that an earlier run left, and removes ours from
 * every other interface. Logs failures; returns the last of them. -ENOMEM.
 */
int dt_filters_attach(struct dt_filters *f, const struct dt_network *n, const char *glob, uint32_t tunnel,
		      const struct dt_filter_programs *programs);
/* Has the last dt_filters_attach() found or put the filter there? */
bool dt_filters_has(const struct dt_filters *f, uint32_t ifindex);
/* Is the filter on this interface now? Asks the kernel. */
bool dt_filters_attached(uint32_t ifindex);
/* Forgets and frees the list, so that the next dt_filters_attach() replaces each filter. The filters stay. */
void dt_filters_forget(struct dt_filters *f);
/* Removes ours from every interface, whichever run put them. */
int dt_filters_flush(void);

#endif
