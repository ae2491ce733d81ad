/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a new configuration changes while the daemon runs. */
#ifndef DETOURD_PM_RELOAD_H
#define DETOURD_PM_RELOAD_H

struct dt_client_config;
struct dt_pm;

/* -EINVAL, logged: something changed that cannot while the daemon runs. */
int dt_pm_reload_check(const struct dt_pm *pm, const struct dt_client_config *fresh);
/* Takes over fresh, also on failure: -ENOMEM, logged: it is in force, but a relay could not be opened. */
int dt_pm_reload(struct dt_pm *pm, struct dt_client_config *fresh);

#endif
