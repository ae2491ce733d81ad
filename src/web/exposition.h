/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes Prometheus' text format, version 0.0.4. Errors of writing are left to the stream. */
#ifndef DETOURD_WEB_EXPOSITION_H
#define DETOURD_WEB_EXPOSITION_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/histogram.h"

#define DT_EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* value may be any bytes: what is not UTF-8 becomes "?". */
struct dt_label {
	const char *name, *value;
};

#define DT_LABELS_MAX 4
/* Those without a name end the list. */
struct dt_labels {
	struct dt_label list[DT_LABELS_MAX];
};
#define DT_NO_LABELS ((struct dt_labels){{{NULL, NULL}}})

enum dt_metric { DT_METRIC_COUNTER, DT_METRIC_GAUGE, DT_METRIC_HISTOGRAM };

/* Begins a family: its samples follow, before another begins. help is one line. */
void dt_metric_begin(FILE *out, const char *name, enum dt_metric type, const char *help);
void dt_metric_count(FILE *out, const char *name, struct dt_labels labels, uint64_t value);
void dt_metric_value(FILE *out, const char *name, struct dt_labels labels, double value);
/* labels: one less than DT_LABELS_MAX at most. */
void dt_metric_histogram(FILE *out, const char *name, struct dt_labels labels, const struct dt_histogram *h,
			 const struct dt_histogram_bounds *bounds);
/* A family of one sample without labels. */
void dt_metric_one(FILE *out, const char *name, enum dt_metric type, const char *help, double value);

#endif
