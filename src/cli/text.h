/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text on a terminal: how many columns it takes, and what of it may be shown. Names come from strangers (a process names
 * itself), so nothing is printed that a terminal would obey.
 */
#ifndef DETOURD_CLI_TEXT_H
#define DETOURD_CLI_TEXT_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

/*
 * A copy in which control characters, what is not UTF-8, and marks that change the direction or are invisible are "?".
 * To be freed; the program ends where memory does.
 */
char *dt_text_clean(const char *text);
/* All texts in a tree of JSON become clean. */
void dt_text_clean_json(json_t *value);
/* Columns that a clean text takes: two for East Asian characters and emoji, none for combining marks. */
size_t dt_text_width(const char *clean);
/* How many bytes of it fit into so many columns. *took: columns that these take. */
size_t dt_text_fit(const char *clean, size_t columns, size_t *took);
/* Prints it, cut to so many columns, with "…" where something is missing. Returns the columns taken. */
size_t dt_text_print_cut(const char *clean, size_t columns, FILE *to);
/* Prints it over as many lines as it needs, broken between words where possible. Later lines begin with so many blanks. */
void dt_text_print_wrapped(const char *clean, size_t columns, size_t indent, FILE *to);

#endif
