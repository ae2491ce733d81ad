/* SPDX-License-Identifier: GPL-2.0-or-later */
/* detourd top: what a running daemon does, live on a whole screen. */
#ifndef DETOURD_CLI_TOP_H
#define DETOURD_CLI_TOP_H

#include "cli/options.h"

/* The exit code; until the user quits. */
int dt_cli_top(const struct dt_options *options);

#endif
