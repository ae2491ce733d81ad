/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "interval.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chance.h"

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int sim_intervals(sim_figures_fn fn, const void *data, size_t groups, unsigned resamples, size_t nfigures,
		  struct sim_interval *intervals)
{
	unsigned *times = malloc(groups * sizeof(*times));
	double *drawn = malloc(nfigures * resamples * sizeof(*drawn)), figures[SIM_FIGURES_MAX];

	if (!times || !drawn) {
		free(times);
		free(drawn);
		return -ENOMEM;
	}
	for (size_t g = 0; g < groups; g++)
		times[g] = 1;
	fn(data, times, figures);
	for (size_t f = 0; f < nfigures; f++)
		intervals[f].value = figures[f];
	for (unsigned n = 0; n < resamples; n++) {
		memset(times, 0, groups * sizeof(*times));
		for (size_t g = 0; g < groups; g++)
			times[sim_below((unsigned)groups)]++;
		fn(data, times, figures);
		for (size_t f = 0; f < nfigures; f++)
			drawn[f * resamples + n] = figures[f];
	}
	for (size_t f = 0; f < nfigures; f++) {
		qsort(drawn + f * resamples, resamples, sizeof(*drawn), compare);
		intervals[f].low = drawn[f * resamples + resamples / 40];
		intervals[f].high = drawn[f * resamples + resamples - 1 - resamples / 40];
	}
	free(times);
	free(drawn);
	return 0;
}
