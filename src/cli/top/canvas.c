/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/top/canvas.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/units.h"
#include "cli/text.h"

#define WIDE 100 /* columns from which a sparkline is long */
#define TEXT_MAX 600

FILE *dt_canvas_memory(char **text, size_t *len)
{
	FILE *to;

	*text = NULL;
	to = open_memstream(text, len);
	if (!to)
		dt_memory_exhausted("a screen");
	return to;
}

void dt_canvas_memory_end(FILE *to)
{
	if (fclose(to) != 0)
		dt_memory_exhausted("a screen");
}

void dt_canvas_put(struct dt_canvas *c, enum dt_colour colour, const char *clean)
{
	if (c->line >= c->rows)
		return;
	c->line++;
	dt_screen_colour_begin(c->screen, colour, c->to);
	dt_text_print_cut(clean, c->screen->columns, c->to);
	dt_screen_colour_end(c->screen, colour, c->to);
	fputc('\n', c->to);
}

void dt_canvas_line(struct dt_canvas *c, enum dt_colour colour, const char *format, ...)
{
	char text[TEXT_MAX], *clean;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	clean = dt_text_clean(text);
	dt_canvas_put(c, colour, clean);
	free(clean);
}

void dt_canvas_text(struct dt_canvas *c, enum dt_colour colour, const char *format, ...)
{
	char text[TEXT_MAX], *clean, *lines, *line, *rest;
	va_list args;
	size_t len;
	FILE *to = dt_canvas_memory(&lines, &len);

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	clean = dt_text_clean(text);
	dt_text_print_wrapped(clean, c->screen->columns, 2, to);
	dt_canvas_memory_end(to);
	for (line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		dt_canvas_put(c, colour, line);
	free(lines);
	free(clean);
}

void dt_canvas_table(struct dt_canvas *c, struct dt_table *t, size_t most)
{
	char *text, *at;
	size_t len;
	FILE *to = dt_canvas_memory(&text, &len);

	dt_table_print(t, c->screen, to);
	dt_canvas_memory_end(to);
	dt_table_free(t);
	for (at = text; *at && most > 0 && c->line < c->rows; most--, c->line++) {
		size_t bytes = strcspn(at, "\n");

		fprintf(c->to, "%.*s\n", (int)bytes, at);
		at += bytes + (at[bytes] == '\n');
	}
	free(text);
}

char *dt_canvas_spark(const struct dt_canvas *c, const struct dt_series *s, size_t columns, double highest_bps)
{
	static const struct dt_series none;
	size_t len;
	char *text;
	FILE *to = dt_canvas_memory(&text, &len);

	dt_series_print(s ? s : &none, columns, highest_bps, c->v->ascii, to);
	dt_canvas_memory_end(to);
	return text;
}

void dt_canvas_spark_cell(const struct dt_canvas *c, struct dt_table *t, const struct dt_series *s, size_t columns,
			  double highest_bps)
{
	char *text = dt_canvas_spark(c, s, columns, highest_bps);

	dt_table_add(t, DT_PLAIN, "%s", text);
	free(text);
}

double dt_canvas_highest(const struct dt_top_lines *lines, size_t samples)
{
	double highest = 0;

	for (size_t i = 0; i < lines->count; i++) {
		double one = dt_series_highest(&lines->all[i].series, samples);

		if (one > highest)
			highest = one;
	}
	return highest;
}

size_t dt_canvas_spark_columns(const struct dt_canvas *c)
{
	return c->screen->columns >= WIDE ? 30 : 12;
}

const char *dt_canvas_spark_title(const struct dt_canvas *c, size_t columns, char *buf)
{
	char age[DT_UNITS_STRLEN];

	snprintf(buf, 40, "LAST %s", dt_duration_format(columns * c->m->every_ms / 1000, age));
	return buf;
}
