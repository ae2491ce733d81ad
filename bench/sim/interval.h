/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 95 % confidence intervals by bootstrap: groups (clients, traces) are drawn again and again, and the figure made anew. */
#ifndef DETOURD_BENCH_INTERVAL_H
#define DETOURD_BENCH_INTERVAL_H

#include <stddef.h>
#include <stdint.h>

struct sim_interval {
	double value, low, high;
};

/* Makes the figures (nfigures of them) of groups; times[g] says how often group g counts. */
typedef void (*sim_figures_fn)(const void *data, const unsigned *times, double *figures);
#define SIM_FIGURES_MAX 16
/* Draws from the seeded numbers of chance.h. groups, resamples and nfigures above 0. 0, or -ENOMEM. */
int sim_intervals(sim_figures_fn fn, const void *data, size_t groups, unsigned resamples, size_t nfigures,
		  struct sim_interval *intervals);

#endif
