/* SPDX-License-Identifier: GPL-2.0-or-later */
/* On a relay: detourd invite, clients and revoke. All return the exit code. */
#ifndef DETOURD_CLI_INVITE_H
#define DETOURD_CLI_INVITE_H

#include "cli/options.h"

/* Prints one line for the client. Where no relay runs or is configured yet, it becomes one. */
int dt_cli_invite(const struct dt_options *options);
int dt_cli_clients(const struct dt_options *options);
int dt_cli_revoke(const struct dt_options *options);

#endif
