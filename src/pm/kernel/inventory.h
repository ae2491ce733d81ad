/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reader of inventory.bpf: all MPTCP subflows of this network namespace, as they are now. */
#ifndef DETOURD_PM_KERNEL_INVENTORY_H
#define DETOURD_PM_KERNEL_INVENTORY_H

#include "base/addr.h"

struct dt_inventory;

/* Logs why it failed. */
int dt_inventory_open(struct dt_inventory **out);
/* May be NULL. */
void dt_inventory_close(struct dt_inventory *inv);

typedef void (*dt_inventory_fn)(const struct dt_subflow_record *record, void *data);

/*
 * Calls fn for each subflow, of opened and of accepted connections, in no particular order. A socket that is opened or
 * closed meanwhile may be missing. -errno: it ended early, and fn has not seen all.
 */
int dt_inventory_read(struct dt_inventory *inv, dt_inventory_fn fn, void *data);

#endif
