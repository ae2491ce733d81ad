/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The terminal of `detourd top`, by ncurses. There is one. */
#ifndef DETOURD_CLI_TOP_TERMINAL_H
#define DETOURD_CLI_TOP_TERMINAL_H

#include "cli/screen.h"
#include "cli/top/frame.h"

/* Takes the terminal over. A negative errno after a line on errors that says what it lacks. *ascii: it has no UTF-8. */
int dt_terminal_open(bool *ascii, FILE *errors);
/* Gives it back as it was. */
void dt_terminal_close(void);
struct dt_screen dt_terminal_screen(void);
void dt_terminal_paint(const struct dt_top_frame *frame);
/* A character or one of enum dt_top_key; 0: one that means nothing, or the size has changed; -1: none is waiting. */
int dt_terminal_key(void);

#endif
