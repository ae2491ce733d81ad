/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/histogram.h"

void dt_histogram_add(struct dt_histogram *h, const struct dt_histogram_bounds *bounds, double value)
{
	size_t i = 0;

	while (i < bounds->count && value > bounds->at[i])
		i++;
	h->counts[i]++;
	h->sum += value;
}
