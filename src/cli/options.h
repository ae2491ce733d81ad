/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line, parsed. */
#ifndef DETOURD_CLI_OPTIONS_H
#define DETOURD_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/forms.h"

/* The strings are argv's. */
struct dt_options {
	enum dt_command command;
	bool relay;
	bool json;
	const char *config;  /* NULL: not given */
	const char *control; /* NULL: not given */
	const char *server;  /* what `why` asks about */
};

/* -EINVAL after one line on stderr that says what is wrong. */
int dt_options_parse(struct dt_options *out, int argc, char **argv);
void dt_options_help(FILE *to);

#endif
