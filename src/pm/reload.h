/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a new configuration changes while the daemon runs. */
#ifndef DETOURD_PM_RELOAD_H
#define DETOURD_PM_RELOAD_H

struct dt_client_config;
struct dt_pm;

/*
 * Takes over fresh, also on failure. -EINVAL or -EKEYREJECTED, logged: the old configuration stays in force, unchanged.
 * -ENOMEM: the new one is in force, but a relay could not be opened.
 */
int dt_pm_reload(struct dt_pm *pm, struct dt_client_config *fresh);

#endif
