/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What makes a host ready for its first use: keys, configuration files, units. All say on stderr what they did, and why not. */
#ifndef DETOURD_CLI_SETUP_H
#define DETOURD_CLI_SETUP_H

#include <stdbool.h>

/* Replaces a file by one that root writes and the units' user may read. Negative errno. */
int dt_setup_write(const char *path, const char *text);
/*
 * Where there is no configuration at config_path: makes it, with [section], the key file beside it, and a key unless that
 * file is there. 1: made; 0: there is one already; negative errno.
 */
int dt_setup_config(const char *config_path, const char *section, const char *by);
/* Enables and starts a unit. False: there is no systemd here, or it refused. */
bool dt_setup_start(const char *unit);

#endif
