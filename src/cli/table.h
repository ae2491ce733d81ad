/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables that fit a screen. Where a table is too wide, the column named "below" goes under each row, then texts are cut,
 * then columns are left out, and at last everything is cut. Cells are cleaned (text.h).
 *
 * Our own, because libsmartcols has no static archive in Debian, and the release is one static binary.
 */
#ifndef DETOURD_CLI_TABLE_H
#define DETOURD_CLI_TABLE_H

#include "cli/screen.h"

#define DT_TABLE_COLUMNS_MAX 12

struct dt_table_column {
	const char *title;
	bool right;    /* aligned to the right, as numbers are */
	bool below;    /* goes below the row where the table is too wide; at most one, the last */
	unsigned min;  /* columns that a cut text has at least; 0: it is not cut */
	unsigned drop; /* the highest is left out first; 0: it stays */
	unsigned wide; /* columns that it has at least, so that a screen drawn again does not jump */
};

struct dt_table;

/* columns is borrowed. The program ends where memory does. */
struct dt_table *dt_table_new(const struct dt_table_column *columns, size_t count);
void dt_table_free(struct dt_table *t);
/* Cells are added row by row, each row whole. */
void dt_table_add(struct dt_table *t, enum dt_colour colour, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void dt_table_print(const struct dt_table *t, const struct dt_screen *screen, FILE *to);

#endif
