/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a probe found, in words and in JSON. Pure. */
#ifndef DETOURD_CLI_PROBE_WORDS_H
#define DETOURD_CLI_PROBE_WORDS_H

#include <jansson.h>
#include <stdio.h>

#include "cli/probe/result.h"

/* why: what the running client answers about this server; NULL: it was not asked, or does not answer. */
json_t *dt_probe_json(const struct dt_probe *p, const json_t *why);
void dt_probe_print(const struct dt_probe *p, const json_t *why, FILE *to);

#endif
