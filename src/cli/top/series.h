/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How fast something moved lately, one sample after the other, and its sparkline. Pure. */
#ifndef DETOURD_CLI_TOP_SERIES_H
#define DETOURD_CLI_TOP_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define DT_SERIES_SAMPLES 300

/* All zero: empty. */
struct dt_series {
	float bps[DT_SERIES_SAMPLES]; /* below 0: nothing was known */
	size_t next, count;
};

/* The oldest sample goes. bps below 0: unknown. */
void dt_series_add(struct dt_series *s, double bps);
/* The highest of the last so many samples; 0 where there is none. */
double dt_series_highest(const struct dt_series *s, size_t samples);
/*
 * Exactly so many columns, the newest sample at the right: blank where nothing is known, else of eight heights, of which
 * the last is highest_bps. ascii: without block elements.
 */
void dt_series_print(const struct dt_series *s, size_t columns, double highest_bps, bool ascii, FILE *to);

#endif
