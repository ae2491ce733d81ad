/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens to new sockets: [mptcp] makes chosen programs' MPTCP ones, convert leads them to converters. */
#ifndef DETOURD_PM_ACT_SOCKETS_H
#define DETOURD_PM_ACT_SOCKETS_H

struct dt_pm;

/* Applies the configuration in force, its cgroups resolved. Logs why it has no effect, and keeps that for `why`. */
void dt_sockets_apply(struct dt_pm *pm);
/* Loads what leads connections to converters, if the configuration wants that anywhere. Logs why it has no effect. */
void dt_sockets_convert_apply(struct dt_pm *pm);

#endif
