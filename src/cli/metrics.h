/* SPDX-License-Identifier: GPL-2.0-or-later */
/* detourd metrics: a running daemon's metrics on standard output, for node_exporter's textfile collector. */
#ifndef DETOURD_CLI_METRICS_H
#define DETOURD_CLI_METRICS_H

#include "cli/options.h"

/* The exit code. Nothing is printed on standard output if it is not 0. */
int dt_cli_metrics(const struct dt_options *options);

#endif
