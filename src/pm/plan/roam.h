/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a change of the host's links, addresses and routes means for one connection. */
#ifndef DETOURD_PM_PLAN_ROAM_H
#define DETOURD_PM_PLAN_ROAM_H

#include <stdint.h>

struct dt_connection;

/* When it is planned for the first time: notes which way its packets go. */
void dt_roam_begin(struct dt_connection *c);
/* The network changed: ends subflows whose address is gone, renews those that hang, and has others begun. */
void dt_roam_network_changed(struct dt_connection *c, uint64_t now_ns);
/* It has another subflow now, or a join failed: ends subflows that were kept only until then. */
void dt_roam_leave(struct dt_connection *c, uint64_t now_ns);

#endif
