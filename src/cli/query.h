/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to a running daemon, for the commands that ask. */
#ifndef DETOURD_CLI_QUERY_H
#define DETOURD_CLI_QUERY_H

#include <jansson.h>

#include "cli/options.h"

/* A socket, or a negative errno after one line on errors. flags: 0 or SOCK_NONBLOCK. */
int dt_query_connect(const struct dt_options *options, int flags, FILE *errors);
/* The stream that answers; NULL after one line on errors. */
FILE *dt_query_stream(const struct dt_options *options, const char *request, FILE *errors);
/* The answer, an object; NULL after one line on errors. */
json_t *dt_query(const struct dt_options *options, const char *request, FILE *errors);
/* The exit code after output: 1 and a line on stderr if stdout could not be written. */
int dt_query_output_done(void);

#endif
