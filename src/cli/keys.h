/* SPDX-License-Identifier: GPL-2.0-or-later */
/* detourd genkey and pubkey. Both return the exit code. */
#ifndef DETOURD_CLI_KEYS_H
#define DETOURD_CLI_KEYS_H

int dt_cli_genkey(void);
/* Reads one key from stdin. */
int dt_cli_pubkey(void);

#endif
