/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's metrics. Reads only. */
#ifndef DETOURD_PM_METRICS_H
#define DETOURD_PM_METRICS_H

#include <stdio.h>

/* All families in Prometheus' text format; pm is the struct dt_pm. */
void dt_pm_metrics(FILE *out, void *pm);

#endif
