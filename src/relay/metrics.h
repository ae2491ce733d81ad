/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The relay's metrics. Reads only. */
#ifndef DETOURD_RELAY_METRICS_H
#define DETOURD_RELAY_METRICS_H

#include <stdio.h>

/* All families in Prometheus' text format; relay is the struct dt_relay. */
void dt_relay_metrics(FILE *out, void *relay);

#endif
