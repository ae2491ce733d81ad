/* SPDX-License-Identifier: GPL-2.0-or-later */
/* detourd probe: whether a server speaks MPTCP, whether it gets there, and what detourd would do. */
#ifndef DETOURD_CLI_PROBE_H
#define DETOURD_CLI_PROBE_H

#include "cli/options.h"

/* Exit code: 0 if an address of the server answers. */
int dt_cli_probe(const struct dt_options *options);

#endif
