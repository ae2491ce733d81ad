/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How fast data moves, by the daemon's own samples (kernel/arrivals.h). Asks the kernel nothing, and changes nothing. */
#ifndef DETOURD_PM_RATES_H
#define DETOURD_PM_RATES_H

#include <stddef.h>
#include <stdint.h>

struct dt_connection;
struct dt_endpoint;
struct dt_pm;

/* Of one path, or of several together. */
struct dt_rates {
	uint64_t down_bps, up_bps; /* between the last two samples */
	uint64_t bytes;		   /* moved in both directions, so far */
};

/* Of one subflow. */
struct dt_rates dt_rates_of(const struct dt_connection *c, const struct dt_endpoint *local,
			    const struct dt_endpoint *remote);
/* Of all its subflows. */
struct dt_rates dt_rates_connection(const struct dt_connection *c);
/* The part that some have of all: of what moves now, or where nothing does of what has moved; 0 where nothing has. */
double dt_rates_share(const struct dt_rates *some, const struct dt_rates *all);

struct dt_rates_all {
	struct dt_rates all;
	struct dt_rates detours;
	size_t moving; /* connections */
};
/* relays: one for each relay of the configuration, all zero, by its index. */
void dt_rates_sum(const struct dt_pm *pm, struct dt_rates_all *sum, struct dt_rates *relays, size_t nrelays);

#endif
