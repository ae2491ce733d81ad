/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/top/series.h"

#define HEIGHTS 8

void dt_series_add(struct dt_series *s, double bps)
{
	s->bps[s->next] = (float)bps;
	s->next = (s->next + 1) % DT_SERIES_SAMPLES;
	if (s->count < DT_SERIES_SAMPLES)
		s->count++;
}

/* ago: 0 is the newest. Below 0: unknown. */
static double sample(const struct dt_series *s, size_t ago)
{
	return ago < s->count ? (double)s->bps[(s->next + DT_SERIES_SAMPLES - 1 - ago) % DT_SERIES_SAMPLES] : -1;
}

double dt_series_highest(const struct dt_series *s, size_t samples)
{
	double highest = 0;

	for (size_t ago = 0; ago < samples && ago < s->count; ago++)
		if (sample(s, ago) > highest)
			highest = sample(s, ago);
	return highest;
}

void dt_series_print(const struct dt_series *s, size_t columns, double highest_bps, bool ascii, FILE *to)
{
	static const char *const blocks[HEIGHTS] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const signs[HEIGHTS] = {"_", ".", ":", "-", "=", "+", "*", "#"};

	for (size_t ago = columns; ago-- > 0;) {
		double bps = sample(s, ago);
		int height = 0;

		if (bps > 0 && highest_bps > 0)
			height = bps >= highest_bps ? HEIGHTS - 1 : (int)(bps / highest_bps * HEIGHTS);
		fputs(bps < 0 ? " " : (ascii ? signs : blocks)[height], to);
	}
}
