/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/top/detail.h"

#include <string.h>

#include "base/units.h"
#include "cli/cells.h"
#include "cli/fields.h"
#include "cli/top/events.h"
#include "cli/users.h"

#define SUBFLOW_COLUMNS 6

static void subflow_cells(struct dt_table *t, const json_t *subflow)
{
	const char *state = dt_field_text(subflow, "state");

	dt_table_add(t, DT_PLAIN, "%s", dt_top_path_name(subflow));
	dt_table_add(t, DT_PLAIN, "%s%s", state, dt_field_is_true(subflow, "backup") ? ", backup" : "");
	dt_cell_rate(t, subflow, "receive_bps");
	dt_cell_rate(t, subflow, "send_bps");
	dt_table_add(t, DT_PLAIN, "%ld %%", dt_cell_percent(dt_field_real(subflow, "share")));
}

/* What is left of the line for a sparkline of the last minutes. */
static size_t detail_spark_columns(const struct dt_canvas *c)
{
	size_t beside = 66, columns = c->screen->columns;

	return columns < beside + 10 ? 10 : columns - beside > DT_SERIES_SAMPLES ? DT_SERIES_SAMPLES : columns - beside;
}

static void detail_paths_add(struct dt_canvas *c, const struct dt_top_connection *k, size_t most)
{
	size_t spark_width = detail_spark_columns(c), i;
	double highest = dt_canvas_highest(&k->paths, spark_width);
	char title[40];
	const struct dt_table_column columns[SUBFLOW_COLUMNS] = {
		{"PATH", .min = 6},
		{"STATE", .drop = 4, .wide = 11},
		{"DOWN", .right = true, .wide = 11, .drop = 1},
		{"UP", .right = true, .drop = 3, .wide = 11},
		{"SHARE", .right = true, .drop = 5},
		{dt_canvas_spark_title(c, spark_width, title), .drop = 2},
	};
	struct dt_table *t = dt_table_new(columns, SUBFLOW_COLUMNS);
	json_t *subflow;

	json_array_foreach(json_object_get(k->last, "subflows"), i, subflow) {
		subflow_cells(t, subflow);
		dt_canvas_spark_cell(c, t, dt_top_lines_find(&k->paths, dt_top_path_name(subflow)), spark_width,
				     highest);
	}
	dt_canvas_table(c, t, most);
}

void dt_top_detail_add(struct dt_canvas *c)
{
	const struct dt_top_connection *k = dt_top_model_connection(c->m, c->v->detail);
	char age[DT_UNITS_STRLEN], user[DT_USER_STRLEN] = "?";
	const char *why;
	size_t left;

	if (!k) {
		dt_canvas_line(c, DT_DIM, "nothing is known of connection %" JSON_INTEGER_FORMAT " any more",
			       c->v->detail);
		return;
	}
	if (json_object_get(k->last, "uid"))
		dt_user_name((uint32_t)dt_field_number(k->last, "uid"), user);
	dt_canvas_line(c, DT_BOLD, "connection %" JSON_INTEGER_FORMAT " to %s, of %s (%s), for %s", k->id,
		       dt_field_text(k->last, "remote"), dt_field_text(k->last, "program"), user,
		       dt_duration_format(dt_field_count(k->last, "age_s"), age));
	if (k->seen_ms < c->m->answered_ms)
		dt_canvas_line(c, DT_WARNING, "it has ended");
	if (json_object_get(k->last, "gain"))
		dt_canvas_line(c, DT_PLAIN, "gain %s", dt_field_text(json_object_get(k->last, "gain"), "text"));
	why = dt_field_text_if_any(k->last, "why");
	if (*why)
		dt_canvas_text(c, DT_PLAIN, "%s", why);
	dt_canvas_put(c, DT_PLAIN, "");
	left = c->rows > c->line ? c->rows - c->line : 0;
	detail_paths_add(c, k, left);
	dt_canvas_put(c, DT_PLAIN, "");
	dt_top_events_add(c, c->rows > c->line ? c->rows - c->line : 0, k->id);
}
