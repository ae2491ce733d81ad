/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections that this host accepted. They get no detours: the side that opened them makes their subflows. But while
 * detourd runs, the kernel's path manager does nothing for them. This does it instead: it closes subflows beyond the
 * limit of `ip mptcp limits`, and announces `signal` endpoints.
 */
#ifndef DETOURD_PM_EVENTS_ACCEPTED_H
#define DETOURD_PM_EVENTS_ACCEPTED_H

#include "net/mptcp_pm.h"

struct dt_pm;
struct dt_subflow_record;

void dt_accepted_established(struct dt_pm *pm, const struct dt_mptcp_event *event);
/* Any other event of a connection that this host did not open. */
void dt_accepted_event(struct dt_pm *pm, const struct dt_mptcp_event *event);
/* While stock is taken: for each subflow of an accepted connection; and after the last. */
void dt_accepted_seen(struct dt_pm *pm, const struct dt_subflow_record *record);
void dt_accepted_stock_end(struct dt_pm *pm);
/* -ENOMEM. */
int dt_accepted_new(struct dt_pm *pm);
void dt_accepted_free(struct dt_pm *pm);

#endif
