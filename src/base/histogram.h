/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts values by ranges, as Prometheus' histograms do. Pure. */
#ifndef DETOURD_BASE_HISTOGRAM_H
#define DETOURD_BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define DT_HISTOGRAM_BOUNDS_MAX 16

/* The upper bounds of its ranges, each included, rising. What is above the last is counted, too. */
struct dt_histogram_bounds {
	size_t count;
	double at[DT_HISTOGRAM_BOUNDS_MAX];
};

/* All zero: nothing was counted. */
struct dt_histogram {
	uint64_t counts[DT_HISTOGRAM_BOUNDS_MAX + 1]; /* of each range alone */
	double sum;
};

void dt_histogram_add(struct dt_histogram *h, const struct dt_histogram_bounds *bounds, double value);

#endif
