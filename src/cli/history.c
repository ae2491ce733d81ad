/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/history.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/units.h"
#include "cli/course.h"
#include "cli/fields.h"
#include "cli/plot.h"
#include "cli/query.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/top/series.h"

#define SINCE_DEFAULT_S (7 * 24 * 3600)
#define SPARK_COLUMNS 14
#define PERCENT_MAX 1e6 /* more is not printed as a number of people's */

/* --- what is asked for ------------------------------------------------------------------------- */

static int complain(FILE *errors, const char *what, const char *value)
{
	fprintf(errors, "detourd: %s: %s\n", what, value);
	return -EINVAL;
}

int dt_history_ask_parse(struct dt_history_ask *out, const struct dt_options *options, FILE *errors)
{
	const char *since = options->value[DT_CLI_SINCE], *destination = options->value[DT_CLI_DESTINATION];

	*out = (struct dt_history_ask){.since_s = since ? dt_duration_parse(since) : SINCE_DEFAULT_S,
				       .via = options->value[DT_CLI_VIA],
				       .by_destination = destination != NULL,
				       .plot = options->value[DT_CLI_PLOT]};
	if (!out->since_s)
		return complain(errors, "--since takes a time such as 90m, 24h or 7d", since);
	if (destination && dt_prefix_parse(&out->destination, destination) < 0)
		return complain(errors, "--destination takes ADDRESS or ADDRESS/BITS, in numbers", destination);
	return 0;
}

/* Either of both contains the other. */
static bool overlap(const struct dt_prefix *a, const struct dt_prefix *b)
{
	return dt_prefix_contains(a, &b->ip) || dt_prefix_contains(b, &a->ip);
}

static bool passes(const struct dt_history_ask *ask, const json_t *record)
{
	struct dt_prefix destination;

	if (ask->via && strcmp(dt_field_text_if_any(record, "relay"), ask->via) != 0)
		return false;
	return !ask->by_destination || (dt_prefix_parse(&destination, dt_field_text(record, "destination")) == 0 &&
					overlap(&ask->destination, &destination));
}

json_t *dt_history_choose(const struct dt_history_ask *ask, const json_t *answer)
{
	json_t *chosen = json_array(), *record;
	size_t i;

	if (!chosen)
		dt_memory_exhausted("a history");
	json_array_foreach(json_object_get(answer, "records"), i, record)
		if (json_is_object(record) && passes(ask, record))
			json_array_append(chosen, record);
	return chosen;
}

/* --- for people -------------------------------------------------------------------------------- */

/* The course in so many columns, each the highest that was measured then; what is below zero counts as zero. */
static struct dt_series series_of(const struct dt_course *c, uint64_t from_s, uint64_t until_s)
{
	double column[SPARK_COLUMNS];
	struct dt_series s = {.count = 0};
	uint64_t step = (until_s - from_s) / SPARK_COLUMNS + 1;

	for (size_t i = 0; i < SPARK_COLUMNS; i++)
		column[i] = -1;
	for (size_t p = 0; p < c->count; p++) {
		uint64_t begin = c->points[p].begin_s > from_s ? c->points[p].begin_s : from_s;

		for (uint64_t at = begin; at < begin + c->points[p].span_s && at < until_s; at += step)
			column[(at - from_s) / step] =
				fmax(column[(at - from_s) / step], fmax(c->points[p].percent, 0));
	}
	for (size_t i = 0; i < SPARK_COLUMNS; i++)
		dt_series_add(&s, column[i]);
	return s;
}

static void course_add(struct dt_table *t, const struct dt_course *c, uint64_t from_s, uint64_t now_s, double highest)
{
	double error, weight, mean = dt_course_mean(c, &error, &weight);
	struct dt_series s = series_of(c, from_s, now_s + 1);
	char *spark = NULL, age[DT_UNITS_STRLEN];
	uint64_t last_s = 0;
	size_t len;
	FILE *to = open_memstream(&spark, &len);

	if (!to)
		dt_memory_exhausted("a history");
	dt_series_print(&s, SPARK_COLUMNS, highest, false, to);
	if (fclose(to) != 0)
		dt_memory_exhausted("a history");
	for (size_t p = 0; p < c->count; p++)
		if (c->points[p].begin_s + c->points[p].span_s > last_s)
			last_s = c->points[p].begin_s + c->points[p].span_s;
	dt_table_add(t, DT_PLAIN, "%s", c->destination);
	dt_table_add(t, DT_PLAIN, "%s", c->relay);
	dt_table_add(t, DT_PLAIN, "%s", c->direction);
	dt_table_add(t,
		     mean > error    ? DT_GOOD
		     : mean < -error ? DT_BAD
				     : DT_PLAIN,
		     "%+.0f %% ± %.0f", fmin(fmax(mean, -100), PERCENT_MAX), fmin(error, PERCENT_MAX));
	dt_table_add(t, DT_PLAIN, "%.0f times", fmin(weight, 1e12));
	dt_table_add(t, DT_PLAIN, "%s ago", dt_duration_format(now_s > last_s ? now_s - last_s : 0, age));
	dt_table_add(t, DT_PLAIN, "%s", spark);
	free(spark);
}

void dt_history_print(const struct dt_history_ask *ask, const json_t *records, const struct dt_screen *screen,
		      uint64_t now_s, FILE *to)
{
	uint64_t from_s = now_s > ask->since_s ? now_s - ask->since_s : 0;
	char age[DT_UNITS_STRLEN], title[40];
	const struct dt_table_column columns[] = {
		{"DESTINATION", .min = 15, .drop = 1},
		{"RELAY", .min = 12},
		{"WAY", .drop = 4},
		{"GAIN", .right = true},
		{"MEASURED", .right = true, .drop = 3},
		{"LAST", .right = true, .drop = 5},
		{title, .drop = 2},
	};
	struct dt_courses courses;
	struct dt_table *t;
	double highest = 0;

	dt_courses_make(&courses, records);
	snprintf(title, sizeof(title), "LAST %s", dt_duration_format(ask->since_s, age));
	if (courses.count == 0) {
		fprintf(to, "nothing was measured in the last %s\n", age);
		dt_courses_free(&courses);
		return;
	}
	for (size_t i = 0; i < courses.count; i++)
		for (size_t p = 0; p < courses.all[i].count; p++)
			highest = fmax(highest, courses.all[i].points[p].percent);
	t = dt_table_new(columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < courses.count; i++)
		course_add(t, &courses.all[i], from_s, now_s, highest);
	dt_table_print(t, screen, to);
	dt_table_free(t);
	dt_courses_free(&courses);
}

/* --- the command ------------------------------------------------------------------------------- */

/* 0, or the exit code after one line on stderr. */
static int plot_write(const struct dt_history_ask *ask, const json_t *records)
{
	uint64_t now_s = dt_now_s();
	struct dt_courses courses;
	FILE *to = fopen(ask->plot, "we");
	bool failed = !to;

	if (to) {
		dt_courses_make(&courses, records);
		dt_plot(&courses, now_s > ask->since_s ? now_s - ask->since_s : 0, now_s, to);
		dt_courses_free(&courses);
		failed = ferror(to);
		failed = fclose(to) != 0 || failed;
	}
	if (failed)
		fprintf(stderr, "detourd: cannot write %s: %s\n", ask->plot, strerror(errno));
	return failed;
}

int dt_cli_history(const struct dt_options *options)
{
	struct dt_screen screen = dt_screen_look();
	struct dt_history_ask ask;
	json_t *answer, *records;
	char request[48];
	int code = 0;

	if (dt_history_ask_parse(&ask, options, stderr) < 0)
		return 2;
	snprintf(request, sizeof(request), "history %llu", (unsigned long long)ask.since_s);
	answer = dt_query(options, request, stderr);
	if (!answer)
		return 1;
	records = dt_history_choose(&ask, answer);
	if (ask.plot)
		code = plot_write(&ask, records);
	if (options->json) {
		json_object_set(answer, "records", records);
		json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		putchar('\n');
	} else {
		dt_history_print(&ask, records, &screen, dt_now_s(), stdout);
	}
	json_decref(records);
	json_decref(answer);
	return code ? code : dt_query_output_done();
}
