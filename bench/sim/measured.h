/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traces for the simulator from matrices of round-trip times over time. Hosts and times are divided in two: what is tuned
 * sees the first half of the hosts in the first half of the time, what is reported the other hosts, later. A path has
 * so many bytes under way, so its capacity follows from its round-trip time; one that took so long is dead meanwhile.
 */
#ifndef DETOURD_BENCH_MEASURED_H
#define DETOURD_BENCH_MEASURED_H

#include "sim/data.h"
#include "sim/sim.h"

#define SIM_WINDOW_BITS (8 * 125e3)
#define SIM_DEAD_S 3.0
#define SIM_RTT_LEAST_S 0.005 /* half of what Seattle's matrices resolve */

struct sim_measured {
	size_t nodes, slices;
	double slice_s;
	double **rtt_s; /* of each slice, from row to column */
	size_t *order;	/* of nodes: the first half is for tuning */
};

/* Divides the hosts, by the seeded numbers. 0, -ENOMEM, or -ENODATA: too few hosts or slices for two halves. */
int sim_measured_divide(struct sim_measured *m);
/* One trace, of hosts and a time drawn from a half. */
void sim_measured_trace(const struct sim_measured *m, int half, struct trace *t);
void sim_measured_fini(struct sim_measured *m);

#endif
