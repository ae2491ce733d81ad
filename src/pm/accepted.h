/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections that this host accepted. They get no detours: whoever opened them makes their subflows. But our taking
 * over switches off what the kernel's path manager did for them, which is made good here: the limit of `ip mptcp
 * limits` is kept by closing what is beyond it, and `signal` endpoints are announced.
 */
#ifndef DETOURD_PM_ACCEPTED_H
#define DETOURD_PM_ACCEPTED_H

#include "pm/pm.h"

void dt_accepted_established(struct dt_pm *pm, const struct dt_mptcp_event *event);
/* Any other event of a connection that is not one of those we opened. */
void dt_accepted_event(struct dt_pm *pm, const struct dt_mptcp_event *event);
/* Taking stock: one subflow; and when all were seen. */
void dt_accepted_seen(struct dt_pm *pm, const struct dt_subflow_record *record);
void dt_accepted_stock_end(struct dt_pm *pm);
/* -ENOMEM. */
int dt_accepted_new(struct dt_pm *pm);
void dt_accepted_free(struct dt_pm *pm);

#endif
