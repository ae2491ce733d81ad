/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/screen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS_DEFAULT 80
#define COLUMNS_MAX 10000

struct dt_screen dt_screen_look(void)
{
	const char *columns = getenv("COLUMNS"), *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	struct dt_screen s = {.columns = COLUMNS_DEFAULT};
	struct winsize size;
	unsigned long given = columns ? strtoul(columns, NULL, 10) : 0;

	if (given > 0 && given <= COLUMNS_MAX)
		s.columns = given;
	if (!isatty(STDOUT_FILENO))
		return s;
	s.rows = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
		s.columns = size.ws_col;
		s.rows = size.ws_row;
	}
	s.coloured = !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
	return s;
}

static const char *const codes[] = {
	[DT_PLAIN] = NULL, [DT_BOLD] = "1", [DT_DIM] = "2", [DT_GOOD] = "32", [DT_WARNING] = "33", [DT_BAD] = "31",
};

void dt_screen_colour_begin(const struct dt_screen *s, enum dt_colour colour, FILE *to)
{
	if (s->coloured && codes[colour])
		fprintf(to, "\033[%sm", codes[colour]);
}

void dt_screen_colour_end(const struct dt_screen *s, enum dt_colour colour, FILE *to)
{
	if (s->coloured && codes[colour])
		fputs("\033[0m", to);
}
