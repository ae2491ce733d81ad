/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What arrives on each subflow. sockops is silent on a host that only receives, so its sockets are sampled: all of
 * them by one dump now and then, and those that moved since, each by itself and more often. Idle ones cost nothing.
 */
#ifndef DETOURD_PM_ARRIVALS_H
#define DETOURD_PM_ARRIVALS_H

#include "net/sock_diag.h"
#include "pm/track.h"

struct dt_arrivals;

struct dt_arrival {
	uint64_t bytes_received; /* as of the last sample */
	uint64_t rate_bps;	 /* bits a second between the last two samples */
	uint64_t moved_ns;	 /* when bytes_received was last seen to grow; 0: never */
};

/* diag and track are borrowed. -ENOMEM. */
int dt_arrivals_new(struct dt_arrivals **out, struct dt_netlink *diag, const struct dt_track *track);
/* May be NULL. */
void dt_arrivals_free(struct dt_arrivals *a);
/* Every DT_ARRIVALS_SWEEP_MS: finds those that began to receive, forgets those that are gone. Netlink's errors. */
int dt_arrivals_sweep(struct dt_arrivals *a, uint64_t now_ns);
/* Every DT_ARRIVALS_SAMPLE_MS: the moving ones. */
void dt_arrivals_sample(struct dt_arrivals *a, uint64_t now_ns);
#define DT_ARRIVALS_SWEEP_MS 5000
#define DT_ARRIVALS_SAMPLE_MS 1000
/* False: not (yet) seen. */
bool dt_arrivals_get(const struct dt_arrivals *a, const struct dt_endpoint *local, const struct dt_endpoint *remote,
		     struct dt_arrival *out);

#endif
