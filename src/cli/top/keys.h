/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the user of `detourd top` wants to see, and what each key changes in that. Pure. */
#ifndef DETOURD_CLI_TOP_KEYS_H
#define DETOURD_CLI_TOP_KEYS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "cli/choose.h"
#include "cli/top/model.h"

#define DT_TOP_FILTER_MAX 64

/* Characters are themselves, as Unicode numbers. */
enum dt_top_key {
	DT_TOP_UP = 0x110000, /* above Unicode */
	DT_TOP_DOWN,
	DT_TOP_PAGE_UP,
	DT_TOP_PAGE_DOWN,
	DT_TOP_HOME,
	DT_TOP_END,
	DT_TOP_ENTER,
	DT_TOP_ESCAPE,
	DT_TOP_BACKSPACE,
};

struct dt_top_view {
	struct dt_choose choose;	/* order, and filters of the command line */
	char filter[DT_TOP_FILTER_MAX]; /* "": none */
	bool typing;			/* keys go into the filter */
	bool paused, help, quit;
	bool ascii;	     /* the terminal has no UTF-8 */
	json_int_t selected; /* a connection; 0: none */
	json_int_t detail;   /* the connection whose paths are shown; 0: none */
	size_t first;	     /* of the list, on the screen */
	size_t page;	     /* connections that fit on it, as it was drawn last */
};

/* The connections, or a relay's clients, that pass the filters, in order: a new array. */
json_t *dt_top_list(const struct dt_top_view *v, const struct dt_top_model *m);
/* key: a character or one of enum dt_top_key. What means nothing changes nothing. */
void dt_top_press(struct dt_top_view *v, const struct dt_top_model *m, int key);
/* Which of the list is selected; 0 where that one is gone. */
size_t dt_top_selected(const struct dt_top_view *v, const json_t *list);
/* How many connections are worth asking for: not more than are shown, unless others may come first. */
size_t dt_top_wanted(const struct dt_top_view *v);
/* What each key does, a line each. */
void dt_top_keys_print(FILE *to);

#endif
