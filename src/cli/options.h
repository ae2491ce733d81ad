/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line, parsed by getopt_long(3): options may be shortened, and stand before or after the command. */
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
	const char *config;		   /* NULL: not given */
	const char *control;		   /* NULL: not given */
	const char *argument;		   /* of the command; NULL: not given */
	unsigned given;			   /* all options, as bits of enum dt_cli_option */
	const char *value[DT_CLI_OPTIONS]; /* of those that have one */
};

/* -EINVAL after one line on errors that says what is wrong. */
int dt_options_parse(struct dt_options *out, int argc, char **argv, FILE *errors);
/* All commands and options, or (not NULL) those of one command that is in the table. */
void dt_options_help(FILE *to, const char *command);

#endif
