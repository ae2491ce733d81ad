/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/top/frame.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "cli/fields.h"
#include "cli/text.h"
#include "cli/top/canvas.h"
#include "cli/top/detail.h"
#include "cli/top/events.h"
#include "cli/top/lists.h"

#define ROWS_FOR_EVENTS 14 /* a screen with fewer rows shows none */

/* --- head -------------------------------------------------------------------------------------- */

static void summary_add(struct dt_canvas *c)
{
	const json_t *status = c->m->status, *total = json_object_get(status, "total");
	char age[DT_UNITS_STRLEN] = "?", counted[120], gain[160] = "";
	unsigned long long converted = dt_field_count(status, "converted_connections");
	size_t clients = json_array_size(json_object_get(status, "clients"));

	if (dt_top_model_is_relay(c->m) && converted)
		snprintf(counted, sizeof(counted), "%zu client%s, %llu open flows, %llu converted", clients,
			 clients == 1 ? "" : "s", (unsigned long long)dt_field_count(status, "open_flows"), converted);
	else if (dt_top_model_is_relay(c->m))
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
	dt_canvas_line(c, DT_BOLD, "detourd %s, for %s: %s%s", dt_field_text(status, "mode"), age, counted, gain);
}

static void problem_add(struct dt_canvas *c)
{
	char age[DT_UNITS_STRLEN];

	if (c->v->paused)
		dt_canvas_line(c, DT_WARNING, "paused; p goes on");
	if (c->m->problem && c->m->status)
		dt_canvas_text(c, DT_BAD, "no answer for %s, trying again: %s",
			       dt_duration_format((c->now_ms - c->m->answered_ms) / 1000, age), c->m->problem);
	else if (c->m->problem)
		dt_canvas_text(c, DT_BAD, "no answer, trying again: %s", c->m->problem);
	else if (!c->m->status)
		dt_canvas_line(c, DT_DIM, "asking the daemon");
}

/* "down 53.8 Mbit/s ▁▂▃" in so many columns. */
static void rate_print(const struct dt_canvas *c, const char *word, const struct dt_series *s, const char *key,
		       size_t columns, FILE *to)
{
	char rate[DT_UNITS_STRLEN];
	double bps = dt_field_real(json_object_get(c->m->status, "total"), key);
	int len = fprintf(to, "%-4s %11s ", word, dt_rate_format(bps, rate));
	char *text;

	if (len > 0 && (size_t)len + 8 <= columns) {
		size_t room = columns - (size_t)len < 60 ? columns - (size_t)len : 60;

		text = dt_canvas_spark(c, s, room, dt_series_highest(s, room));
		fputs(text, to);
		free(text);
	}
}

static void rates_add(struct dt_canvas *c)
{
	bool wide = c->screen->columns >= 60;
	size_t len, half = wide ? c->screen->columns / 2 - 1 : c->screen->columns;
	char *text;
	FILE *to = dt_canvas_memory(&text, &len);

	rate_print(c, "down", &c->m->down, "receive_bps", half, to);
	if (!wide) {
		dt_canvas_memory_end(to);
		dt_canvas_put(c, DT_PLAIN, text);
		free(text);
		to = dt_canvas_memory(&text, &len);
	} else {
		fputs("  ", to);
	}
	rate_print(c, "up", &c->m->up, "send_bps", half, to);
	dt_canvas_memory_end(to);
	dt_canvas_put(c, DT_PLAIN, text);
	free(text);
}

/* --- the whole --------------------------------------------------------------------------------- */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void overview_add(struct dt_canvas *c)
{
	size_t relays = json_array_size(json_object_get(c->m->status, "relays"));
	size_t events = c->rows >= ROWS_FOR_EVENTS ? least(json_array_size(c->m->events), c->rows / 4) : 0;
	size_t below = events ? events + 1 : 0, left;
	json_t *list = dt_top_list(c->v, c->m);

	rates_add(c);
	if (!dt_top_model_is_relay(c->m) && c->rows > c->line + 6) {
		dt_canvas_put(c, DT_PLAIN, "");
		dt_top_paths_add(c, least(relays + 2, (c->rows - c->line) / 3 + 1));
	}
	if (c->rows > c->line + 4)
		dt_canvas_put(c, DT_PLAIN, "");
	dt_top_rest_add(c, list);
	left = c->rows > c->line + below ? c->rows - c->line - below : 0;
	if (left > 0 && dt_top_model_is_relay(c->m))
		dt_top_clients_add(c, list, left);
	else if (left > 0)
		dt_top_connections_add(c, list, left);
	json_decref(list);
	while (events && c->line < c->rows - events)
		dt_canvas_put(c, DT_PLAIN, "");
	dt_top_events_add(c, events, 0);
}

static void help_add(struct dt_canvas *c)
{
	char *text, *at, *line;
	size_t len;
	FILE *to = dt_canvas_memory(&text, &len);

	dt_top_keys_print(to);
	dt_canvas_memory_end(to);
	for (line = strtok_r(text, "\n", &at); line; line = strtok_r(NULL, "\n", &at))
		dt_canvas_put(c, DT_PLAIN, line);
	free(text);
}

/* The last line. */
static void foot_add(struct dt_canvas *c)
{
	const char *sort = dt_choose_sort_name(&c->v->choose);

	while (c->line < c->rows)
		dt_canvas_put(c, DT_PLAIN, "");
	c->rows++;
	if (c->v->help)
		dt_canvas_line(c, DT_DIM, "any key: back");
	else if (c->v->typing)
		dt_canvas_line(c, DT_BOLD, "filter: %s_", c->v->filter);
	else if (c->v->detail)
		dt_canvas_line(c, DT_DIM, "q quit  ? keys  Escape back  p pause");
	else if (*c->v->filter)
		dt_canvas_line(c, DT_DIM, "q quit  ? keys  filter: %s (Escape: none)  s by %s", c->v->filter, sort);
	else
		dt_canvas_line(c, DT_DIM, "q quit  ? keys  s by %s  / filter  Enter paths  p pause", sort);
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
	struct dt_canvas c = {m, v, screen, now_ms, NULL, 0, screen->rows > 1 ? screen->rows - 1 : 1, SIZE_MAX};
	size_t len;

	c.to = dt_canvas_memory(&frame.text, &len);
	if (!v->help && m->status)
		summary_add(&c);
	problem_add(&c);
	if (v->help)
		help_add(&c);
	else if (v->detail)
		dt_top_detail_add(&c);
	else if (m->status)
		overview_add(&c);
	if (screen->rows > 1)
		foot_add(&c);
	dt_canvas_memory_end(c.to);
	if (v->ascii)
		ascii_make(frame.text);
	frame.selected = c.selected;
	return frame;
}
