/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The relay's metrics, and where they are served. */
#ifndef DETOURD_RELAY_METRICS_H
#define DETOURD_RELAY_METRICS_H

#include <stdio.h>

/* All families in Prometheus' text format; relay is the struct dt_relay. */
void dt_relay_metrics(FILE *out, void *relay);

struct dt_relay;
struct dt_web_place;

/* Serves them at place, if that is set. Logs why it failed. */
int dt_relay_web_open(struct dt_relay *r, const struct dt_web_place *place);
/* If this fails they stay where they are, and the log says why. */
int dt_relay_web_move(struct dt_relay *r, const struct dt_web_place *from, const struct dt_web_place *to);

#endif
