/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a change means before connections are planned again: which subflows end, and which may be tried again. */
#ifndef DETOURD_PM_PLAN_CHANGES_H
#define DETOURD_PM_PLAN_CHANGES_H

#include <stdint.h>

struct dt_connection;
struct dt_pm;
struct dt_pm_lease;
struct dt_pm_relay;

/* flags: the marks of store/marks.h. Connections that have to be planned are marked. */
void dt_changes_host(struct dt_pm *pm, unsigned flags, uint64_t now_ns);
void dt_changes_relay(struct dt_pm_relay *relay, unsigned flags, uint64_t now_ns);
void dt_changes_lease(struct dt_pm_lease *lease, unsigned flags, uint64_t now_ns);
void dt_changes_connection(struct dt_connection *c, unsigned flags, uint64_t now_ns);
/* The relay is about to be closed by us: frees every detour over it. */
void dt_changes_relay_gone(const struct dt_pm_relay *relay);

#endif
