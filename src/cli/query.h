/* SPDX-License-Identifier: GPL-2.0-or-later */
/* detourd status, why and monitor: questions to a running daemon. All return the exit code. */
#ifndef DETOURD_CLI_QUERY_H
#define DETOURD_CLI_QUERY_H

#include "cli/options.h"

int dt_cli_status(const struct dt_options *options);
int dt_cli_why(const struct dt_options *options);
/* Until the daemon stops (1), or stdout is closed or the user interrupts. */
int dt_cli_monitor(const struct dt_options *options);

#endif
