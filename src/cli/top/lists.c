/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/top/lists.h"

#include <string.h>

#include "base/units.h"
#include "cli/cells.h"
#include "cli/fields.h"

#define PATH_COLUMNS 8

static void direct_cells(const struct dt_canvas *c, struct dt_table *t)
{
	const json_t *total = json_object_get(c->m->status, "total");
	double down = dt_field_real(total, "receive_bps"), up = dt_field_real(total, "send_bps");
	char rate[DT_UNITS_STRLEN];
	json_t *relay;
	size_t i;

	json_array_foreach(json_object_get(c->m->status, "relays"), i, relay) {
		down -= dt_field_real(relay, "receive_bps");
		up -= dt_field_real(relay, "send_bps");
	}
	dt_table_add(t, DT_PLAIN, "direct");
	dt_table_add(t, DT_PLAIN, "%s", "");
	dt_table_add(t, DT_PLAIN, "%s", "");
	dt_table_add(t, down > 0 ? DT_PLAIN : DT_DIM, "%s", dt_rate_format(down > 0 ? down : 0, rate));
	dt_table_add(t, up > 0 ? DT_PLAIN : DT_DIM, "%s", dt_rate_format(up > 0 ? up : 0, rate));
	dt_table_add(t, DT_PLAIN, "%ld %%", 100 - dt_cell_percent(dt_field_real(total, "detours_share")));
	dt_table_add(t, DT_PLAIN, "%s", "");
}

static void relay_cells(struct dt_table *t, const json_t *relay)
{
	dt_cells_relay(t, relay);
	dt_table_add(t, DT_PLAIN, "%ld %%", dt_cell_percent(dt_field_real(relay, "share")));
	dt_cell_gain(t, relay);
}

void dt_top_paths_add(struct dt_canvas *c, size_t most)
{
	const json_t *relays = json_object_get(c->m->status, "relays");
	size_t spark_width = dt_canvas_spark_columns(c), i;
	double highest = dt_canvas_highest(&c->m->lines, spark_width);
	char title[40];
	const struct dt_table_column columns[PATH_COLUMNS] = {
		{"PATH", .min = 6},
		{"STATE", .drop = 2},
		{"RTT", .right = true, .drop = 7, .wide = 8},
		{"DOWN", .right = true, .wide = 11},
		{"UP", .right = true, .drop = 3, .wide = 11},
		{"SHARE", .right = true, .drop = 5},
		{"GAIN", .min = 8, .drop = 4},
		{dt_canvas_spark_title(c, spark_width, title), .drop = 6},
	};
	struct dt_table *t = dt_table_new(columns, PATH_COLUMNS);
	json_t *relay;

	direct_cells(c, t);
	dt_canvas_spark_cell(c, t, dt_top_lines_find(&c->m->lines, "direct"), spark_width, highest);
	json_array_foreach(relays, i, relay) {
		relay_cells(t, relay);
		dt_canvas_spark_cell(c, t, dt_top_lines_find(&c->m->lines, dt_field_text(relay, "name")), spark_width,
				     highest);
	}
	dt_canvas_table(c, t, most);
}

#define CLIENT_COLUMNS 8

/* The first of the list that is drawn, so that the selected one is. */
static size_t first_shown(struct dt_canvas *c, const json_t *list, size_t fit)
{
	size_t at = dt_top_selected(c->v, list), count = json_array_size(list);

	if (at < c->v->first)
		c->v->first = at;
	if (fit && at >= c->v->first + fit)
		c->v->first = at - fit + 1;
	if (c->v->first + fit > count)
		c->v->first = count > fit ? count - fit : 0;
	c->v->page = fit;
	return c->v->first;
}

void dt_top_clients_add(struct dt_canvas *c, const json_t *list, size_t most)
{
	size_t spark_width = dt_canvas_spark_columns(c);
	double highest = dt_canvas_highest(&c->m->lines, spark_width);
	char title[40];
	const struct dt_table_column columns[CLIENT_COLUMNS] = {
		{"CLIENT", .min = 6},
		{"ADDRESS", .min = 15, .drop = 5},
		{"LAST SEEN", .right = true, .drop = 4},
		{"DOWN", .right = true, .wide = 11},
		{"UP", .right = true, .drop = 1, .wide = 11},
		{"LEASES", .right = true, .drop = 6},
		{"FLOWS", .right = true, .drop = 2},
		{dt_canvas_spark_title(c, spark_width, title), .drop = 3},
	};
	struct dt_table *t = dt_table_new(columns, CLIENT_COLUMNS);

	for (size_t i = first_shown(c, list, most - 1); i < json_array_size(list); i++) {
		const json_t *client = json_array_get(list, i);

		dt_table_add(t, DT_PLAIN, "%s", dt_field_text(client, "name"));
		dt_table_add(t, DT_PLAIN, "%s", dt_field_text_if_any(client, "address"));
		dt_cell_duration(t, client, "seen_s_ago", " ago");
		dt_cell_rate(t, client, "receive_bps");
		dt_cell_rate(t, client, "send_bps");
		dt_table_add(t, DT_PLAIN, "%" JSON_INTEGER_FORMAT, dt_field_number(client, "leases"));
		dt_table_add(t, DT_PLAIN, "%" JSON_INTEGER_FORMAT, dt_field_number(client, "flows"));
		dt_canvas_spark_cell(c, t, dt_top_lines_find(&c->m->lines, dt_field_text(client, "name")), spark_width,
				     highest);
	}
	dt_canvas_table(c, t, most);
}

/* --- connections ------------------------------------------------------------------------------- */

#define CONNECTION_COLUMNS 9

void dt_top_connections_add(struct dt_canvas *c, const json_t *list, size_t most)
{
	static const struct dt_table_column columns[CONNECTION_COLUMNS] = {
		{"ID", .right = true, .drop = 6, .wide = 5},
		{"PROGRAM", .min = 7, .drop = 1, .wide = 7},
		{"USER", .min = 4, .drop = 7},
		{"SERVER", .min = 15, .drop = 3},
		{"RULE", .min = 4, .drop = 9},
		{"AGE", .right = true, .drop = 8, .wide = 6},
		{"DOWN", .right = true, .wide = 11},
		{"UP", .right = true, .drop = 4, .wide = 11},
		{"PATHS", .min = 14, .drop = 5},
	};
	size_t fit = most - 1, count = json_array_size(list), first = first_shown(c, list, fit);
	struct dt_table *t;

	if (count == 0) {
		dt_canvas_line(c, DT_DIM, "%s",
			       json_array_size(json_object_get(c->m->status, "connections"))
				       ? "no connection matches"
				       : "no connections that this host opened with MPTCP");
		return;
	}
	t = dt_table_new(columns, CONNECTION_COLUMNS);
	for (size_t i = first; i < count && i < first + fit; i++)
		dt_cells_connection(t, json_array_get(list, i));
	if (fit > 0 && c->line + 1 + dt_top_selected(c->v, list) - first < c->rows)
		c->selected = c->line + 1 + dt_top_selected(c->v, list) - first;
	dt_canvas_table(c, t, most);
}

void dt_top_rest_add(struct dt_canvas *c, const json_t *list)
{
	uint64_t known = dt_field_count(json_object_get(c->m->status, "total"), "connections");
	size_t asked = json_array_size(json_object_get(c->m->status, "connections"));

	if (!dt_top_model_is_relay(c->m) && known > asked && dt_top_wanted(c->v) > c->v->page + 1)
		dt_canvas_line(c, DT_DIM, "%zu of the %zu fastest; there are %llu", json_array_size(list), asked,
			       (unsigned long long)known);
}
