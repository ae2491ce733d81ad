/* SPDX-License-Identifier: GPL-2.0-or-later */
/* detourd --version: the version on the first line, then what a bug report needs. Returns the exit code. */
#ifndef DETOURD_CLI_VERSION_H
#define DETOURD_CLI_VERSION_H

int dt_cli_version(void);

#endif
