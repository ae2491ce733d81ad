/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nothing is served in stories. */
#include <stdio.h>

#include "pm/web.h"
#include "web/metrics.h"

int dt_pm_web_open(struct dt_pm *pm)
{
	return 0;
}

int dt_pm_web_move(struct dt_pm *pm, const struct dt_web_place *to)
{
	return 0;
}

void dt_pm_web_close(struct dt_pm *pm)
{
}

void dt_metrics_answer(FILE *out, void (*write)(FILE *out, void *data), void *data)
{
}

void dt_metrics_common(FILE *out, const char *mode, uint64_t began_ns)
{
}
