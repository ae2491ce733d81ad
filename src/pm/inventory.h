/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inventory.bpf: every MPTCP subflow of this network namespace as it is now. */
#ifndef DETOURD_PM_INVENTORY_H
#define DETOURD_PM_INVENTORY_H

#include "base/addr.h"

struct dt_inventory;

/* Logs why it failed. */
int dt_inventory_open(struct dt_inventory **out);
/* May be NULL. */
void dt_inventory_close(struct dt_inventory *inv);

/* v4-mapped addresses are plain IPv4 here, as everywhere. */
typedef void (*dt_inventory_fn)(const struct dt_subflow_record *record, void *data);

/*
 * Calls fn for each subflow, of connections opened and accepted, in no order. A socket that comes or goes meanwhile may
 * or may not be among them. -errno: cut short.
 */
int dt_inventory_read(struct dt_inventory *inv, dt_inventory_fn fn, void *data);

#endif
