/* SPDX-License-Identifier: GPL-2.0-or-later */
/* detourd why: what a running client knows of one server, which may be named by its host name. */
#ifndef DETOURD_CLI_WHY_H
#define DETOURD_CLI_WHY_H

#include <jansson.h>

#include "cli/options.h"

/* Adds the answer about another address to sum: lists and counts of both. */
void dt_why_add(json_t *sum, const json_t *answer);
/* Returns the exit code. */
int dt_cli_why(const struct dt_options *options);

#endif
