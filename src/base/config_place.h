/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether this machine has what a value names, as the daemon would find it. It is looked at only if the machine is to be
 * judged (--check). What is wrong is noted at c->pos.
 */
#ifndef DETOURD_BASE_CONFIG_PLACE_H
#define DETOURD_BASE_CONFIG_PLACE_H

#include "base/config.h"

/* A control socket can be made here; the daemon makes the directories above. */
void dt_config_place_socket(struct dt_config *c, const char *path);
/* A file can be opened or made here. needed: the daemon does not start without. */
void dt_config_place_file(struct dt_config *c, const char *path, bool needed);
/* Some device has this name, or matches this pattern (fnmatch). */
void dt_config_place_interface(struct dt_config *c, const char *pattern);
/*
 * As dt_config_device(), for the name of a WireGuard device, which may exist or not. lo is refused, whatever is judged.
 */
bool dt_config_wireguard_device(struct dt_config *c, const char *text, char **out);

#endif
