/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What moves on each subflow. sockops is silent on a host that only receives, so its sockets are sampled: all of them
 * whenever stock is taken, and those that moved since, each by itself and more often. Idle ones cost nothing.
 */
#ifndef DETOURD_PM_ARRIVALS_H
#define DETOURD_PM_ARRIVALS_H

#include "net/sock_diag.h"
#include "pm/track.h"

struct dt_arrivals;

struct dt_arrival {
	uint64_t bytes_received; /* as of the last sample */
	uint64_t bytes_acked;
	uint64_t rate_bps; /* received bits a second between the last two samples */
	uint64_t moved_ns; /* when either was last seen to grow; 0: never */
};

/* diag is borrowed. -ENOMEM. */
int dt_arrivals_new(struct dt_arrivals **out, struct dt_netlink *diag);
/* May be NULL. */
void dt_arrivals_free(struct dt_arrivals *a);
/* Taking stock: each subflow; and when all were seen, those that were not are forgotten. */
void dt_arrivals_seen(struct dt_arrivals *a, const struct dt_subflow_record *record, uint64_t now_ns);
void dt_arrivals_end(struct dt_arrivals *a);
/* A new subflow is sampled from now on; one that taking stock has to find first would seem idle for seconds. */
void dt_arrivals_expect(struct dt_arrivals *a, const struct dt_endpoint *local, const struct dt_endpoint *remote,
			uint32_t device);
/* Every DT_ARRIVALS_SAMPLE_MS: the moving ones. */
void dt_arrivals_sample(struct dt_arrivals *a, uint64_t now_ns);
#define DT_ARRIVALS_SAMPLE_MS 1000
/* False: not (yet) seen. */
bool dt_arrivals_get(const struct dt_arrivals *a, const struct dt_endpoint *local, const struct dt_endpoint *remote,
		     struct dt_arrival *out);

#endif
