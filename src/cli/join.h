/* SPDX-License-Identifier: GPL-2.0-or-later */
/* detourd join LINE: from an invitation to a relay that works. Returns the exit code. */
#ifndef DETOURD_CLI_JOIN_H
#define DETOURD_CLI_JOIN_H

#include "cli/options.h"

int dt_cli_join(const struct dt_options *options);

#endif
