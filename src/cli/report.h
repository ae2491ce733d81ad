/* SPDX-License-Identifier: GPL-2.0-or-later */
/* detourd report: what a bug report needs to say of this machine, in one file. */
#ifndef DETOURD_CLI_REPORT_H
#define DETOURD_CLI_REPORT_H

#include "cli/options.h"

/* config: the mode's configuration file. Writes options->argument, or a file named by date and time. The exit code. */
int dt_cli_report(const struct dt_options *options, const char *config);

#endif
