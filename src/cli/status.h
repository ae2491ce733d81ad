/* SPDX-License-Identifier: GPL-2.0-or-later */
/* detourd status. */
#ifndef DETOURD_CLI_STATUS_H
#define DETOURD_CLI_STATUS_H

#include "cli/options.h"

/* Exit code: 2 if an option's value is wrong. With --watch until the user interrupts. */
int dt_cli_status(const struct dt_options *options);

#endif
