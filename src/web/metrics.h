/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `metrics = PLACE` and `detourd metrics`, of either mode: the mode writes its families. */
#ifndef DETOURD_WEB_METRICS_H
#define DETOURD_WEB_METRICS_H

#include <stdio.h>

#include "web/server.h"

/* Serves the documents, as dt_web_open() does, at place; *out is NULL if that is not set. Logs why it failed. */
int dt_metrics_open(struct dt_web **out, uv_loop_t *loop, const struct dt_web_place *place,
		    const struct dt_web_document *documents, size_t count, void *data);
/* The answer to "metrics" of the control socket: {"text": "..."}. */
void dt_metrics_answer(FILE *out, void (*write)(FILE *out, void *data), void *data);
/* What both modes have: version and start. */
void dt_metrics_common(FILE *out, const char *mode, uint64_t began_ns);

#endif
