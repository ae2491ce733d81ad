/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/memory.h"
#include "cli/text.h"

#define GAP 2
#define INDENT 2 /* of what goes below a row */

struct cell {
	const char *text;
	enum dt_colour colour;
};

struct dt_table {
	const struct dt_table_column *columns;
	size_t count;
	struct cell *cells;
	size_t ncells;
};

/* How the columns are laid out on one screen. */
struct layout {
	size_t width[DT_TABLE_COLUMNS_MAX];
	bool shown[DT_TABLE_COLUMNS_MAX]; /* in the row */
	int below;			  /* the column below the row; -1: none */
};

struct dt_table *dt_table_new(const struct dt_table_column *columns, size_t count)
{
	struct dt_table *t = calloc(1, sizeof(*t));

	assert(count <= DT_TABLE_COLUMNS_MAX);
	if (!t)
		dt_memory_exhausted("a table");
	t->columns = columns;
	t->count = count;
	return t;
}

void dt_table_free(struct dt_table *t)
{
	for (size_t i = 0; i < t->ncells; i++)
		free((char *)t->cells[i].text);
	free(t->cells);
	free(t);
}

void dt_table_add(struct dt_table *t, enum dt_colour colour, const char *format, ...)
{
	struct cell cell = {.colour = colour};
	char *text = NULL;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		dt_memory_exhausted("a table");
	cell.text = dt_text_clean(text);
	free(text);
	if (!dt_array_append(&t->cells, &t->ncells, sizeof(cell), &cell))
		dt_memory_exhausted("a table");
}

/* --- layout ------------------------------------------------------------------------------------ */

static size_t total(const struct dt_table *t, const struct layout *l)
{
	size_t sum = 0, shown = 0;

	for (size_t i = 0; i < t->count; i++)
		if (l->shown[i]) {
			sum += l->width[i];
			shown++;
		}
	return sum + (shown ? (shown - 1) * GAP : 0);
}

static size_t least(const struct dt_table *t, const struct layout *l, size_t i, bool hard)
{
	size_t min = hard ? 1 : t->columns[i].min;

	return min && min < l->width[i] ? min : l->width[i];
}

/* Takes columns from the widest texts until the row fits, or all are at their least. hard: from any column. */
static void shrink(const struct dt_table *t, struct layout *l, size_t columns, bool hard)
{
	while (total(t, l) > columns) {
		size_t widest = t->count;

		for (size_t i = 0; i < t->count; i++)
			if (l->shown[i] && l->width[i] > least(t, l, i, hard) &&
			    (widest == t->count || l->width[i] > l->width[widest]))
				widest = i;
		if (widest == t->count)
			return;
		l->width[widest]--;
	}
}

/* False: none is left that may go. */
static bool drop_one(const struct dt_table *t, struct layout *l)
{
	size_t first = t->count;

	for (size_t i = 0; i < t->count; i++)
		if (l->shown[i] && t->columns[i].drop &&
		    (first == t->count || t->columns[i].drop > t->columns[first].drop))
			first = i;
	if (first < t->count)
		l->shown[first] = false;
	return first < t->count;
}

static void natural_widths(const struct dt_table *t, struct layout *l)
{
	for (size_t i = 0; i < t->count; i++) {
		l->width[i] = dt_text_width(t->columns[i].title);
		if (l->width[i] < t->columns[i].wide)
			l->width[i] = t->columns[i].wide;
		l->shown[i] = t->ncells == 0;
	}
	for (size_t n = 0; n < t->ncells; n++) {
		size_t width = dt_text_width(t->cells[n].text);

		/* a column that is empty everywhere is left out */
		l->shown[n % t->count] = l->shown[n % t->count] || width > 0;
		if (width > l->width[n % t->count])
			l->width[n % t->count] = width;
	}
	l->below = -1;
}

static void lay_out(const struct dt_table *t, struct layout *l, size_t columns)
{
	struct layout whole;

	natural_widths(t, l);
	if (total(t, l) > columns && t->columns[t->count - 1].below && l->shown[t->count - 1]) {
		l->below = (int)t->count - 1;
		l->shown[l->below] = false;
	}
	whole = *l;
	do {
		memcpy(l->width, whole.width, sizeof(l->width));
		shrink(t, l, columns, false);
	} while (total(t, l) > columns && drop_one(t, l));
	shrink(t, l, columns, true);
}

/* --- printing ---------------------------------------------------------------------------------- */

static void cell_print(const struct dt_table *t, const struct layout *l, size_t i, const struct cell *cell,
		       const struct dt_screen *screen, bool last, FILE *to)
{
	size_t width = dt_text_width(cell->text), room = l->width[i];
	size_t blanks = width < room ? room - width : 0;

	if (t->columns[i].right)
		fprintf(to, "%*s", (int)blanks, "");
	dt_screen_colour_begin(screen, cell->colour, to);
	dt_text_print_cut(cell->text, room, to);
	dt_screen_colour_end(screen, cell->colour, to);
	if (!last)
		fprintf(to, "%*s", (int)((t->columns[i].right ? 0 : blanks) + GAP), "");
}

static void row_print(const struct dt_table *t, const struct layout *l, const struct cell *cells,
		      const struct dt_screen *screen, FILE *to)
{
	size_t last = t->count;

	while (last > 0 && (!l->shown[last - 1] || !*cells[last - 1].text))
		last--;
	for (size_t i = 0; i < last; i++)
		if (l->shown[i])
			cell_print(t, l, i, &cells[i], screen, i + 1 == last, to);
	fputc('\n', to);
	if (l->below < 0 || !*cells[l->below].text)
		return;
	fprintf(to, "%*s", INDENT, "");
	dt_screen_colour_begin(screen, cells[l->below].colour, to);
	dt_text_print_cut(cells[l->below].text, screen->columns > INDENT ? screen->columns - INDENT : 1, to);
	dt_screen_colour_end(screen, cells[l->below].colour, to);
	fputc('\n', to);
}

void dt_table_print(const struct dt_table *t, const struct dt_screen *screen, FILE *to)
{
	struct cell titles[DT_TABLE_COLUMNS_MAX];
	struct layout l;

	lay_out(t, &l, screen->columns);
	for (size_t i = 0; i < t->count; i++)
		titles[i] = (struct cell){t->columns[i].title, DT_BOLD};
	if (l.below >= 0)
		titles[l.below].text = "";
	row_print(t, &l, titles, screen, to);
	for (size_t n = 0; n + t->count <= t->ncells; n += t->count)
		row_print(t, &l, t->cells + n, screen, to);
}
