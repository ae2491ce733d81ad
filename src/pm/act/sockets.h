/* SPDX-License-Identifier: GPL-2.0-or-later */
/* [mptcp]: chosen programs' new sockets become MPTCP. */
#ifndef DETOURD_PM_ACT_SOCKETS_H
#define DETOURD_PM_ACT_SOCKETS_H

struct dt_pm;

/* Applies the configuration in force, its cgroups resolved. Logs why it has no effect, and keeps that for `why`. */
void dt_sockets_apply(struct dt_pm *pm);

#endif
