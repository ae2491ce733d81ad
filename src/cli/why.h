/* SPDX-License-Identifier: GPL-2.0-or-later */
/* detourd why: what a running client knows of one server, which may be named by its host name. */
#ifndef DETOURD_CLI_WHY_H
#define DETOURD_CLI_WHY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "cli/options.h"

#define DT_WHY_HOST_MAX 256
#define DT_WHY_ADDRESSES_MAX 16

/* "HOST" or "HOST:PORT" (port 0: none). False: it is neither. Numeric addresses are for dt_endpoint_parse(). */
bool dt_why_host_parse(const char *text, char host[DT_WHY_HOST_MAX], uint16_t *port);
/* Adds the answer about another address to sum: lists and counts of both. */
void dt_why_add(json_t *sum, const json_t *answer);
/* Returns the exit code. */
int dt_cli_why(const struct dt_options *options);

#endif
