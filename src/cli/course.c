/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/course.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/memory.h"
#include "cli/fields.h"
#include "cli/text.h"

#define KEY_SHOWN 8 /* characters of the key of a relay that has no name any more */

static void exhausted(void)
{
	dt_memory_exhausted("a history");
}

/* To be freed. */
static char *relay_of(const json_t *record)
{
	const char *name = dt_field_text_if_any(record, "relay"), *key = dt_field_text_if_any(record, "relay_key");
	char *text = NULL;

	if (*name || !*key)
		return dt_text_clean(*name ? name : "all detours");
	if (asprintf(&text, "key %.*s", KEY_SHOWN, key) < 0)
		exhausted();
	return text;
}

static struct dt_course *course_of(struct dt_courses *out, const json_t *record)
{
	struct dt_course fresh = {.relay = relay_of(record),
				  .destination = dt_text_clean(dt_field_text(record, "destination")),
				  .direction = dt_text_clean(dt_field_text(record, "direction"))};

	for (size_t i = 0; i < out->count; i++) {
		struct dt_course *c = &out->all[i];

		if (strcmp(c->destination, fresh.destination) == 0 && strcmp(c->relay, fresh.relay) == 0 &&
		    strcmp(c->direction, fresh.direction) == 0) {
			free(fresh.relay);
			free(fresh.destination);
			free(fresh.direction);
			return c;
		}
	}
	if (!dt_array_append(&out->all, &out->count, sizeof(fresh), &fresh))
		exhausted();
	return &out->all[out->count - 1];
}

static double weight_of(const struct dt_course *c)
{
	double sum = 0;

	for (size_t i = 0; i < c->count; i++)
		sum += c->points[i].weight;
	return sum;
}

static int compare(const void *left, const void *right)
{
	const struct dt_course *a = left, *b = right;
	double of_a = weight_of(a), of_b = weight_of(b);
	int by_destination = strcmp(a->destination, b->destination);

	if (of_a != of_b)
		return of_a > of_b ? -1 : 1;
	return by_destination ? by_destination : strcmp(a->relay, b->relay);
}

void dt_courses_make(struct dt_courses *out, const json_t *records)
{
	json_t *record;
	size_t i;

	*out = (struct dt_courses){0};
	json_array_foreach(records, i, record) {
		uint64_t measured = dt_field_count(record, "measured");
		struct dt_course_point point = {.begin_s = dt_field_count(record, "begin_s"),
						.span_s = dt_field_count(record, "span_s"),
						.percent = dt_field_real(record, "percent"),
						.error = fabs(dt_field_real(record, "error_percent")),
						.weight = measured ? (double)measured : 1};
		struct dt_course *c;

		if (!json_is_object(record))
			continue;
		c = course_of(out, record);
		if (!dt_array_append(&c->points, &c->count, sizeof(point), &point))
			exhausted();
	}
	if (out->count)
		qsort(out->all, out->count, sizeof(out->all[0]), compare);
}

void dt_courses_free(struct dt_courses *courses)
{
	for (size_t i = 0; i < courses->count; i++) {
		free(courses->all[i].destination);
		free(courses->all[i].relay);
		free(courses->all[i].direction);
		free(courses->all[i].points);
	}
	free(courses->all);
	*courses = (struct dt_courses){0};
}

double dt_course_mean(const struct dt_course *course, double *error, double *weight)
{
	double sum = 0, squares = 0;

	*weight = weight_of(course);
	for (size_t i = 0; i < course->count; i++) {
		const struct dt_course_point *p = &course->points[i];

		sum += p->percent * p->weight;
		squares += p->error * p->weight * p->error * p->weight;
	}
	*error = *weight > 0 ? sqrt(squares) / *weight : 0;
	return *weight > 0 ? sum / *weight : 0;
}
