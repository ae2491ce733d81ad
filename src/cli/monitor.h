/* SPDX-License-Identifier: GPL-2.0-or-later */
/* detourd monitor: a running daemon's events, filtered. */
#ifndef DETOURD_CLI_MONITOR_H
#define DETOURD_CLI_MONITOR_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/options.h"

/* Which events are shown. */
struct dt_monitor_filter {
	int level;	  /* the least, an index of the words of --level */
	const char *kind; /* these two: NULL without such a filter */
	const char *via;
	json_int_t connection; /* 0: any */
};

/* -EINVAL after one line on errors that says what is wrong. */
int dt_monitor_filter_parse(struct dt_monitor_filter *out, const struct dt_options *options, FILE *errors);
bool dt_monitor_filter_passes(const struct dt_monitor_filter *f, const json_t *event);
/* The exit code, which is 2 if an option's value is wrong. Until the daemon stops (1), or stdout is closed. */
int dt_cli_monitor(const struct dt_options *options);

#endif
