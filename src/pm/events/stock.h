/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking stock: reads the inventory of all subflows and applies the difference to what is known. Unknown connections are
 * taken over with their subflows, those that are gone are freed. Arrivals are sampled in the same pass.
 */
#ifndef DETOURD_PM_EVENTS_STOCK_H
#define DETOURD_PM_EVENTS_STOCK_H

#include <stdbool.h>
#include <stdint.h>

struct dt_pm;

/* -ENOMEM. */
int dt_stock_new(struct dt_pm *pm);
void dt_stock_free(struct dt_pm *pm);
/* Takes stock now: at start, after a reload, after lost events. Logs a failure. */
void dt_stock_take(struct dt_pm *pm);
/* Takes stock if it is time. True: it did. Called every second. */
bool dt_stock_tick(struct dt_pm *pm, uint64_t now_ns);

#endif
