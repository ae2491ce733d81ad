/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the output goes to: how wide it is, and whether it has colours. */
#ifndef DETOURD_CLI_SCREEN_H
#define DETOURD_CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum dt_colour { DT_PLAIN, DT_BOLD, DT_DIM, DT_GOOD, DT_WARNING, DT_BAD };

struct dt_screen {
	size_t columns; /* at least 1 */
	size_t rows;	/* 0: it is no terminal */
	bool coloured;
};

/*
 * Of stdout: a terminal's size, else COLUMNS of the environment, else 80 columns. Coloured: a terminal that can, unless
 * NO_COLOR is set and not empty (no-color.org).
 */
struct dt_screen dt_screen_look(void);
/* Text printed between these two is of this colour. */
void dt_screen_colour_begin(const struct dt_screen *s, enum dt_colour colour, FILE *to);
void dt_screen_colour_end(const struct dt_screen *s, enum dt_colour colour, FILE *to);

#endif
