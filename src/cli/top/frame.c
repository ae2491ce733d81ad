/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/top/frame.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/units.h"
#include "cli/cells.h"
#include "cli/fields.h"
#include "cli/text.h"
#include "cli/users.h"

#define ROWS_FOR_EVENTS 14 /* a screen with fewer rows shows none */
#define WIDE 100	   /* columns from which a sparkline is long */
#define TEXT_MAX 600

/* A picture in the making. */
struct canvas {
	const struct dt_top_model *m;
	struct dt_top_view *v;
	const struct dt_screen *screen;
	uint64_t now_ms;
	FILE *to;
	size_t line;	 /* the next one */
	size_t rows;	 /* without the last, which has the keys */
	size_t selected; /* a line */
};

static FILE *memory_open(char **text, size_t *len)
{
	FILE *to;

	*text = NULL;
	to = open_memstream(text, len);
	if (!to)
		dt_memory_exhausted("a screen");
	return to;
}

static void memory_close(FILE *to)
{
	if (fclose(to) != 0)
		dt_memory_exhausted("a screen");
}

static void line_put(struct canvas *c, enum dt_colour colour, const char *clean)
{
	if (c->line >= c->rows)
		return;
	c->line++;
	dt_screen_colour_begin(c->screen, colour, c->to);
	dt_text_print_cut(clean, c->screen->columns, c->to);
	dt_screen_colour_end(c->screen, colour, c->to);
	fputc('\n', c->to);
}

/* One line, cut to the screen. */
static void line_add(struct canvas *c, enum dt_colour colour, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void line_add(struct canvas *c, enum dt_colour colour, const char *format, ...)
{
	char text[TEXT_MAX], *clean;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	clean = dt_text_clean(text);
	line_put(c, colour, clean);
	free(clean);
}

/* As many lines as it needs. */
static void text_add(struct canvas *c, enum dt_colour colour, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void text_add(struct canvas *c, enum dt_colour colour, const char *format, ...)
{
	char text[TEXT_MAX], *clean, *lines, *line, *rest;
	va_list args;
	size_t len;
	FILE *to = memory_open(&lines, &len);

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	clean = dt_text_clean(text);
	dt_text_print_wrapped(clean, c->screen->columns, 2, to);
	memory_close(to);
	for (line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		line_put(c, colour, line);
	free(lines);
	free(clean);
}

/* Adds a table, but no more than so many lines of it. */
static void table_add(struct canvas *c, struct dt_table *t, size_t most)
{
	char *text, *at;
	size_t len;
	FILE *to = memory_open(&text, &len);

	dt_table_print(t, c->screen, to);
	memory_close(to);
	dt_table_free(t);
	for (at = text; *at && most > 0 && c->line < c->rows; most--, c->line++) {
		size_t bytes = strcspn(at, "\n");

		fprintf(c->to, "%.*s\n", (int)bytes, at);
		at += bytes + (at[bytes] == '\n');
	}
	free(text);
}

/* --- sparklines -------------------------------------------------------------------------------- */

/* To be freed. s may be NULL. */
static char *spark(const struct canvas *c, const struct dt_series *s, size_t columns, double highest_bps)
{
	static const struct dt_series none;
	size_t len;
	char *text;
	FILE *to = memory_open(&text, &len);

	dt_series_print(s ? s : &none, columns, highest_bps, c->v->ascii, to);
	memory_close(to);
	return text;
}

static void spark_cell(const struct canvas *c, struct dt_table *t, const struct dt_series *s, size_t columns,
		       double highest_bps)
{
	char *text = spark(c, s, columns, highest_bps);

	dt_table_add(t, DT_PLAIN, "%s", text);
	free(text);
}

static double highest_of(const struct dt_top_lines *lines, size_t samples)
{
	double highest = 0;

	for (size_t i = 0; i < lines->count; i++) {
		double one = dt_series_highest(&lines->all[i].series, samples);

		if (one > highest)
			highest = one;
	}
	return highest;
}

static size_t spark_columns(const struct canvas *c)
{
	return c->screen->columns >= WIDE ? 30 : 12;
}

/* "LAST 30 s": what a sparkline of so many columns shows. buf holds 40 bytes. */
static const char *spark_title(const struct canvas *c, size_t columns, char *buf)
{
	char age[DT_UNITS_STRLEN];

	snprintf(buf, 40, "LAST %s", dt_duration_format(columns * c->m->every_ms / 1000, age));
	return buf;
}

/* --- head -------------------------------------------------------------------------------------- */

static void summary_add(struct canvas *c)
{
	const json_t *status = c->m->status, *total = json_object_get(status, "total");
	char age[DT_UNITS_STRLEN] = "?", counted[80], gain[160] = "";
	size_t clients = json_array_size(json_object_get(status, "clients"));

	if (dt_top_model_is_relay(c->m))
		snprintf(counted, sizeof(counted), "%zu client%s, %llu open flows", clients, clients == 1 ? "" : "s",
			 (unsigned long long)dt_field_count(status, "open_flows"));
	else
		snprintf(counted, sizeof(counted), "%llu connections, %llu moving",
			 (unsigned long long)dt_field_count(total, "connections"),
			 (unsigned long long)dt_field_count(total, "moving"));
	if (json_object_get(total, "gain"))
		snprintf(gain, sizeof(gain), "; gain %s", dt_field_text(json_object_get(total, "gain"), "text"));
	if (json_object_get(status, "uptime_s"))
		dt_duration_format(dt_field_count(status, "uptime_s"), age);
	line_add(c, DT_BOLD, "detourd %s, for %s: %s%s", dt_field_text(status, "mode"), age, counted, gain);
}

static void problem_add(struct canvas *c)
{
	char age[DT_UNITS_STRLEN];

	if (c->v->paused)
		line_add(c, DT_WARNING, "paused; p goes on");
	if (c->m->problem && c->m->status)
		text_add(c, DT_BAD, "no answer for %s, trying again: %s",
			 dt_duration_format((c->now_ms - c->m->answered_ms) / 1000, age), c->m->problem);
	else if (c->m->problem)
		text_add(c, DT_BAD, "no answer, trying again: %s", c->m->problem);
	else if (!c->m->status)
		line_add(c, DT_DIM, "asking the daemon");
}

/* "down 53.8 Mbit/s ▁▂▃" in so many columns. */
static void rate_print(const struct canvas *c, const char *word, const struct dt_series *s, const char *key,
		       size_t columns, FILE *to)
{
	char rate[DT_UNITS_STRLEN];
	double bps = dt_field_real(json_object_get(c->m->status, "total"), key);
	int len = fprintf(to, "%-4s %11s ", word, dt_rate_format(bps, rate));
	char *text;

	if (len > 0 && (size_t)len + 8 <= columns) {
		size_t room = columns - (size_t)len < 60 ? columns - (size_t)len : 60;

		text = spark(c, s, room, dt_series_highest(s, room));
		fputs(text, to);
		free(text);
	}
}

static void rates_add(struct canvas *c)
{
	bool wide = c->screen->columns >= 60;
	size_t len, half = wide ? c->screen->columns / 2 - 1 : c->screen->columns;
	char *text;
	FILE *to = memory_open(&text, &len);

	rate_print(c, "down", &c->m->down, "receive_bps", half, to);
	if (!wide) {
		memory_close(to);
		line_put(c, DT_PLAIN, text);
		free(text);
		to = memory_open(&text, &len);
	} else {
		fputs("  ", to);
	}
	rate_print(c, "up", &c->m->up, "send_bps", half, to);
	memory_close(to);
	line_put(c, DT_PLAIN, text);
	free(text);
}

/* --- paths, and a relay's clients -------------------------------------------------------------- */

#define PATH_COLUMNS 8

static void direct_cells(const struct canvas *c, struct dt_table *t)
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

static void paths_add(struct canvas *c, size_t most)
{
	const json_t *relays = json_object_get(c->m->status, "relays");
	size_t spark_width = spark_columns(c), i;
	double highest = highest_of(&c->m->lines, spark_width);
	char title[40];
	const struct dt_table_column columns[PATH_COLUMNS] = {
		{"PATH", .min = 6},
		{"STATE", .drop = 2},
		{"RTT", .right = true, .drop = 7, .wide = 8},
		{"DOWN", .right = true, .wide = 11},
		{"UP", .right = true, .drop = 3, .wide = 11},
		{"SHARE", .right = true, .drop = 5},
		{"GAIN", .min = 8, .drop = 4},
		{spark_title(c, spark_width, title), .drop = 6},
	};
	struct dt_table *t = dt_table_new(columns, PATH_COLUMNS);
	json_t *relay;

	direct_cells(c, t);
	spark_cell(c, t, dt_top_lines_find(&c->m->lines, "direct"), spark_width, highest);
	json_array_foreach(relays, i, relay) {
		relay_cells(t, relay);
		spark_cell(c, t, dt_top_lines_find(&c->m->lines, dt_field_text(relay, "name")), spark_width, highest);
	}
	table_add(c, t, most);
}

#define CLIENT_COLUMNS 8

/* The first of the list that is drawn, so that the selected one is. */
static size_t first_shown(struct canvas *c, const json_t *list, size_t fit)
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

static void clients_add(struct canvas *c, const json_t *list, size_t most)
{
	size_t spark_width = spark_columns(c);
	double highest = highest_of(&c->m->lines, spark_width);
	char title[40];
	const struct dt_table_column columns[CLIENT_COLUMNS] = {
		{"CLIENT", .min = 6},
		{"ADDRESS", .min = 15, .drop = 5},
		{"LAST SEEN", .right = true, .drop = 4},
		{"DOWN", .right = true, .wide = 11},
		{"UP", .right = true, .drop = 1, .wide = 11},
		{"LEASES", .right = true, .drop = 6},
		{"FLOWS", .right = true, .drop = 2},
		{spark_title(c, spark_width, title), .drop = 3},
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
		spark_cell(c, t, dt_top_lines_find(&c->m->lines, dt_field_text(client, "name")), spark_width, highest);
	}
	table_add(c, t, most);
}

/* --- connections ------------------------------------------------------------------------------- */

#define CONNECTION_COLUMNS 9

static void connection_cells(struct dt_table *t, const json_t *connection)
{
	char user[DT_USER_STRLEN] = "", *paths = dt_cell_paths(connection);

	if (json_object_get(connection, "uid"))
		dt_user_name((uint32_t)dt_field_number(connection, "uid"), user);
	dt_table_add(t, DT_DIM, "%" JSON_INTEGER_FORMAT, dt_field_number(connection, "id"));
	dt_table_add(t, DT_PLAIN, "%s", dt_field_text_if_any(connection, "program"));
	dt_table_add(t, DT_PLAIN, "%s", user);
	dt_table_add(t, DT_PLAIN, "%s", dt_field_text(connection, "remote"));
	dt_table_add(t, DT_PLAIN, "%s", dt_field_text_if_any(connection, "rule"));
	dt_cell_duration(t, connection, "age_s", "");
	dt_cell_rate(t, connection, "receive_bps");
	dt_cell_rate(t, connection, "send_bps");
	dt_table_add(t, DT_DIM, "%s", paths);
	free(paths);
}

static void connections_add(struct canvas *c, const json_t *list, size_t most)
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
		line_add(c, DT_DIM, "%s",
			 json_array_size(json_object_get(c->m->status, "connections"))
				 ? "no connection matches"
				 : "no connections that this host opened with MPTCP");
		return;
	}
	t = dt_table_new(columns, CONNECTION_COLUMNS);
	for (size_t i = first; i < count && i < first + fit; i++)
		connection_cells(t, json_array_get(list, i));
	if (fit > 0 && c->line + 1 + dt_top_selected(c->v, list) - first < c->rows)
		c->selected = c->line + 1 + dt_top_selected(c->v, list) - first;
	table_add(c, t, most);
}

/* Where the list is not of all connections. */
static void rest_add(struct canvas *c, const json_t *list)
{
	uint64_t known = dt_field_count(json_object_get(c->m->status, "total"), "connections");
	size_t asked = json_array_size(json_object_get(c->m->status, "connections"));

	if (!dt_top_model_is_relay(c->m) && known > asked && dt_top_wanted(c->v) > c->v->page + 1)
		line_add(c, DT_DIM, "%zu of the %zu fastest; there are %llu", json_array_size(list), asked,
			 (unsigned long long)known);
}

/* --- events ------------------------------------------------------------------------------------ */

/* "14:03:59" of an RFC 3339 time, in this host's time zone. buf holds 10 bytes. */
static const char *clock_of(const json_t *event, char *buf)
{
	struct tm utc = {0}, local;
	time_t at;

	strcpy(buf, "?");
	if (!strptime(dt_field_text(event, "time"), "%Y-%m-%dT%H:%M:%S", &utc))
		return buf;
	at = timegm(&utc);
	if (localtime_r(&at, &local))
		strftime(buf, 10, "%H:%M:%S", &local);
	return buf;
}

static void event_add(struct canvas *c, const json_t *event)
{
	const char *via = dt_event_way(event);
	bool warns = strcmp(dt_field_text(event, "level"), "warn") == 0;
	char clock[10], id[80] = "";

	if (json_object_get(event, "id"))
		snprintf(id, sizeof(id), " %" JSON_INTEGER_FORMAT " %s", dt_field_number(event, "id"),
			 dt_field_text_if_any(event, "remote"));
	line_add(c, warns ? DT_WARNING : DT_PLAIN, "%s %s%s%s%s: %s", clock_of(event, clock),
		 dt_field_text(event, "event"), id, *via ? " " : "", via, dt_field_text(event, "detail"));
}

/* The last ones, the newest at the bottom. id: only of this connection; 0: all. */
static void events_add(struct canvas *c, size_t most, json_int_t id)
{
	size_t count = json_array_size(c->m->events), from = count, found = 0;

	while (from > 0 && found < most) {
		from--;
		found += !id || dt_field_number(json_array_get(c->m->events, from), "id") == id;
	}
	for (; from < count; from++) {
		const json_t *event = json_array_get(c->m->events, from);

		if (!id || dt_field_number(event, "id") == id)
			event_add(c, event);
	}
}

/* --- one connection ---------------------------------------------------------------------------- */

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
static size_t detail_spark_columns(const struct canvas *c)
{
	size_t beside = 66, columns = c->screen->columns;

	return columns < beside + 10 ? 10 : columns - beside > DT_SERIES_SAMPLES ? DT_SERIES_SAMPLES : columns - beside;
}

static void detail_paths_add(struct canvas *c, const struct dt_top_connection *k, size_t most)
{
	size_t spark_width = detail_spark_columns(c), i;
	double highest = highest_of(&k->paths, spark_width);
	char title[40];
	const struct dt_table_column columns[SUBFLOW_COLUMNS] = {
		{"PATH", .min = 6},
		{"STATE", .drop = 4, .wide = 11},
		{"DOWN", .right = true, .wide = 11, .drop = 1},
		{"UP", .right = true, .drop = 3, .wide = 11},
		{"SHARE", .right = true, .drop = 5},
		{spark_title(c, spark_width, title), .drop = 2},
	};
	struct dt_table *t = dt_table_new(columns, SUBFLOW_COLUMNS);
	json_t *subflow;

	json_array_foreach(json_object_get(k->last, "subflows"), i, subflow) {
		subflow_cells(t, subflow);
		spark_cell(c, t, dt_top_lines_find(&k->paths, dt_top_path_name(subflow)), spark_width, highest);
	}
	table_add(c, t, most);
}

static void detail_add(struct canvas *c)
{
	const struct dt_top_connection *k = dt_top_model_connection(c->m, c->v->detail);
	char age[DT_UNITS_STRLEN], user[DT_USER_STRLEN] = "?";
	const char *why;
	size_t left;

	if (!k) {
		line_add(c, DT_DIM, "nothing is known of connection %" JSON_INTEGER_FORMAT " any more", c->v->detail);
		return;
	}
	if (json_object_get(k->last, "uid"))
		dt_user_name((uint32_t)dt_field_number(k->last, "uid"), user);
	line_add(c, DT_BOLD, "connection %" JSON_INTEGER_FORMAT " to %s, of %s (%s), for %s", k->id,
		 dt_field_text(k->last, "remote"), dt_field_text(k->last, "program"), user,
		 dt_duration_format(dt_field_count(k->last, "age_s"), age));
	if (k->seen_ms < c->m->answered_ms)
		line_add(c, DT_WARNING, "it has ended");
	if (json_object_get(k->last, "gain"))
		line_add(c, DT_PLAIN, "gain %s", dt_field_text(json_object_get(k->last, "gain"), "text"));
	why = dt_field_text_if_any(k->last, "why");
	if (*why)
		text_add(c, DT_PLAIN, "%s", why);
	line_put(c, DT_PLAIN, "");
	left = c->rows > c->line ? c->rows - c->line : 0;
	detail_paths_add(c, k, left);
	line_put(c, DT_PLAIN, "");
	events_add(c, c->rows > c->line ? c->rows - c->line : 0, k->id);
}

/* --- the whole --------------------------------------------------------------------------------- */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void overview_add(struct canvas *c)
{
	size_t relays = json_array_size(json_object_get(c->m->status, "relays"));
	size_t events = c->rows >= ROWS_FOR_EVENTS ? least(json_array_size(c->m->events), c->rows / 4) : 0;
	size_t below = events ? events + 1 : 0, left;
	json_t *list = dt_top_list(c->v, c->m);

	rates_add(c);
	if (!dt_top_model_is_relay(c->m) && c->rows > c->line + 6) {
		line_put(c, DT_PLAIN, "");
		paths_add(c, least(relays + 2, (c->rows - c->line) / 3 + 1));
	}
	if (c->rows > c->line + 4)
		line_put(c, DT_PLAIN, "");
	rest_add(c, list);
	left = c->rows > c->line + below ? c->rows - c->line - below : 0;
	if (left > 0 && dt_top_model_is_relay(c->m))
		clients_add(c, list, left);
	else if (left > 0)
		connections_add(c, list, left);
	json_decref(list);
	while (events && c->line < c->rows - events)
		line_put(c, DT_PLAIN, "");
	events_add(c, events, 0);
}

static void help_add(struct canvas *c)
{
	char *text, *at, *line;
	size_t len;
	FILE *to = memory_open(&text, &len);

	dt_top_keys_print(to);
	memory_close(to);
	for (line = strtok_r(text, "\n", &at); line; line = strtok_r(NULL, "\n", &at))
		line_put(c, DT_PLAIN, line);
	free(text);
}

/* The last line. */
static void foot_add(struct canvas *c)
{
	const char *sort = dt_choose_sort_name(&c->v->choose);

	while (c->line < c->rows)
		line_put(c, DT_PLAIN, "");
	c->rows++;
	if (c->v->help)
		line_add(c, DT_DIM, "any key: back");
	else if (c->v->typing)
		line_add(c, DT_BOLD, "filter: %s_", c->v->filter);
	else if (c->v->detail)
		line_add(c, DT_DIM, "q quit  ? keys  Escape back  p pause");
	else if (*c->v->filter)
		line_add(c, DT_DIM, "q quit  ? keys  filter: %s (Escape: none)  s by %s", c->v->filter, sort);
	else
		line_add(c, DT_DIM, "q quit  ? keys  s by %s  / filter  Enter paths  p pause", sort);
}

/* Each character that is not ASCII becomes as many signs as it has columns. */
static void ascii_make(char *text)
{
	char *to = text;

	while (*text) {
		size_t len = 1;
		char one[8] = "";

		while (((unsigned char)text[len] & 0xc0) == 0x80 && len < sizeof(one) - 1)
			len++;
		memcpy(one, text, len);
		text += len;
		if (len == 1)
			*to++ = *one;
		else
			for (size_t columns = dt_text_width(one); columns > 0; columns--)
				*to++ = strcmp(one, "…") == 0 || strcmp(one, "±") == 0 ? '~' : '?';
	}
	*to = '\0';
}

struct dt_top_frame dt_top_frame_make(const struct dt_top_model *m, struct dt_top_view *v,
				      const struct dt_screen *screen, uint64_t now_ms)
{
	struct dt_top_frame frame = {.selected = SIZE_MAX};
	struct canvas c = {m, v, screen, now_ms, NULL, 0, screen->rows > 1 ? screen->rows - 1 : 1, SIZE_MAX};
	size_t len;

	c.to = memory_open(&frame.text, &len);
	if (!v->help && m->status)
		summary_add(&c);
	problem_add(&c);
	if (v->help)
		help_add(&c);
	else if (v->detail)
		detail_add(&c);
	else if (m->status)
		overview_add(&c);
	if (screen->rows > 1)
		foot_add(&c);
	memory_close(c.to);
	if (v->ascii)
		ascii_make(frame.text);
	frame.selected = c.selected;
	return frame;
}
