/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A picture of `detourd top` in the making: lines, texts, tables and sparklines from top to bottom. Pure. */
#ifndef DETOURD_CLI_TOP_CANVAS_H
#define DETOURD_CLI_TOP_CANVAS_H

#include <stdint.h>
#include <stdio.h>

#include "cli/screen.h"
#include "cli/table.h"
#include "cli/top/keys.h"
#include "cli/top/model.h"
#include "cli/top/series.h"

struct dt_canvas {
	const struct dt_top_model *m;
	struct dt_top_view *v;
	const struct dt_screen *screen;
	uint64_t now_ms;
	FILE *to;
	size_t line;	 /* the next one */
	size_t rows;	 /* without the last, which has the keys */
	size_t selected; /* a line */
};

/* Text that grows as it is written: *text is complete, and to be freed, after dt_canvas_memory_end(). */
FILE *dt_canvas_memory(char **text, size_t *len);
void dt_canvas_memory_end(FILE *to);

/* One line, cut to the screen; clean has been through dt_text_clean(). Nothing once the rows are full. */
void dt_canvas_put(struct dt_canvas *c, enum dt_colour colour, const char *clean);
/* The same, cleaned. */
void dt_canvas_line(struct dt_canvas *c, enum dt_colour colour, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* As many lines as it needs. */
void dt_canvas_text(struct dt_canvas *c, enum dt_colour colour, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Frees the table, of which no more than so many lines are added. */
void dt_canvas_table(struct dt_canvas *c, struct dt_table *t, size_t most);

/* How long a sparkline is in a table of several columns. */
size_t dt_canvas_spark_columns(const struct dt_canvas *c);
/* "LAST 30 s": what a sparkline of so many columns shows. buf holds 40 bytes; returns buf. */
const char *dt_canvas_spark_title(const struct dt_canvas *c, size_t columns, char *buf);
/* To be freed. s may be NULL: nothing is known. */
char *dt_canvas_spark(const struct dt_canvas *c, const struct dt_series *s, size_t columns, double highest_bps);
void dt_canvas_spark_cell(const struct dt_canvas *c, struct dt_table *t, const struct dt_series *s, size_t columns,
			  double highest_bps);
/* The highest of the last so many samples of all lines. */
double dt_canvas_highest(const struct dt_top_lines *lines, size_t samples);

#endif
