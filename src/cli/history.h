/* SPDX-License-Identifier: GPL-2.0-or-later */
/* detourd history: what detours were worth over time, as the client measured it. */
#ifndef DETOURD_CLI_HISTORY_H
#define DETOURD_CLI_HISTORY_H

#include <jansson.h>
#include <stdio.h>

#include "base/addr.h"
#include "cli/options.h"
#include "cli/screen.h"

/* What is asked for. */
struct dt_history_ask {
	uint64_t since_s; /* how long ago it begins */
	const char *via;  /* a relay; NULL: any */
	bool by_destination;
	struct dt_prefix destination;
	const char *plot; /* a file; NULL: none */
};

/* -EINVAL after one line on errors that says what is wrong. */
int dt_history_ask_parse(struct dt_history_ask *out, const struct dt_options *options, FILE *errors);
/* The records that are asked for: a new array. answer may hold anything. */
json_t *dt_history_choose(const struct dt_history_ask *ask, const json_t *answer);
/* For people: a line each destination, relay and direction. */
void dt_history_print(const struct dt_history_ask *ask, const json_t *records, const struct dt_screen *screen,
		      uint64_t now_s, FILE *to);
/* The exit code. */
int dt_cli_history(const struct dt_options *options);

#endif
