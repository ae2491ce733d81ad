/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The records of `detourd history`, put together by destination, relay and direction. Pure. */
#ifndef DETOURD_CLI_COURSE_H
#define DETOURD_CLI_COURSE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* One measured stretch of time. */
struct dt_course_point {
	uint64_t begin_s, span_s;
	double percent, error; /* percentage points */
	double weight;	       /* measurements; at least 1 */
};

struct dt_course {
	char *destination, *relay; /* clean */
	char *direction;
	struct dt_course_point *points; /* as they came: the oldest first */
	size_t count;
};

struct dt_courses {
	struct dt_course *all; /* the most measured first */
	size_t count;
};

/* records may hold anything. The program ends where memory does. */
void dt_courses_make(struct dt_courses *out, const json_t *records);
void dt_courses_free(struct dt_courses *courses);
/* Of all its points. *error: standard error; *weight: measurements. */
double dt_course_mean(const struct dt_course *course, double *error, double *weight);

#endif
