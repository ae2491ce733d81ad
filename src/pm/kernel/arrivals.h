/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many bytes moved on each subflow. track.bpf's callbacks (sockops) do not run on a host that only receives, so
 * sockets are sampled: all of them whenever stock is taken, and in between only those on which something moves.
 */
#ifndef DETOURD_PM_KERNEL_ARRIVALS_H
#define DETOURD_PM_KERNEL_ARRIVALS_H

#include "net/sock_diag.h"
#include "pm/kernel/pulse.h"
#include "pm/kernel/track.h"

struct dt_arrivals;

struct dt_arrival {
	uint64_t bytes_received; /* as of the last sample */
	uint64_t bytes_acked;
	uint64_t rate_bps; /* received, bits per second, between the last two samples */
	uint64_t sent_bps; /* acknowledged, likewise */
	uint64_t moved_ns; /* when one of the byte counts last grew; 0: never */
};

/* Bytes that moved, of several subflows: the sums that metrics show. They only grow. */
struct dt_moved {
	uint64_t down, up;
};

/*
 * pulses, diag, track, and direct, to which subflows count unless dt_arrivals_assign() says otherwise, are borrowed, and must
 * live longer. pulses reads many sockets at once; without it (NULL) diag reads one after the other. -ENOMEM.
 */
int dt_arrivals_new(struct dt_arrivals **out, struct dt_pulse_reader *pulses, struct dt_netlink *diag,
		    const struct dt_track *track, struct dt_moved *direct);
/* May be NULL. */
void dt_arrivals_free(struct dt_arrivals *a);
/* While stock is taken: once for each subflow. */
void dt_arrivals_seen(struct dt_arrivals *a, const struct dt_subflow_record *record, uint64_t now_ns);
/* Stock was taken: forgets the subflows that were not seen. */
void dt_arrivals_end(struct dt_arrivals *a);
/* A new subflow: sampled from now on. If it waited for the next stock, it would seem idle until then. */
void dt_arrivals_expect(struct dt_arrivals *a, const struct dt_endpoint *local, const struct dt_endpoint *remote,
			uint32_t device);
/* From now on this subflow's bytes count to sum, which must live as long as a. */
void dt_arrivals_assign(struct dt_arrivals *a, const struct dt_endpoint *local, const struct dt_endpoint *remote,
			uint32_t device, struct dt_moved *sum);
/* The subflow is over: takes track's last numbers of it, and has track forget it. */
void dt_arrivals_finish(struct dt_arrivals *a, const struct dt_endpoint *local, const struct dt_endpoint *remote);
#define DT_ARRIVALS_SAMPLE_MS 1000
/* Samples the moving ones. To be called every DT_ARRIVALS_SAMPLE_MS. */
void dt_arrivals_sample(struct dt_arrivals *a, uint64_t now_ns);
/* False: not seen yet. */
bool dt_arrivals_get(const struct dt_arrivals *a, const struct dt_endpoint *local, const struct dt_endpoint *remote,
		     struct dt_arrival *out);

#endif
