/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which detours a connection should have: as many as its rule says, over the preferred relays. */
#ifndef DETOURD_PM_PLAN_DETOURS_H
#define DETOURD_PM_PLAN_DETOURS_H

#include <stdbool.h>
#include <stdint.h>

struct dt_connection;
struct dt_pm_relay;

/*
 * Finds out over which relay subflows of an earlier run go: by the address that relays say clients join at. Returns how
 * many may belong to relays that have not answered yet. They count as detours until then.
 */
unsigned dt_detours_resolve(struct dt_connection *c, uint64_t now_ns);
/* Begins the missing detours. unsure: what dt_detours_resolve() returned. */
void dt_detours_plan(struct dt_connection *c, unsigned unsure, uint64_t now_ns);
/* Begins a detour over this relay if that is possible now. True if there is one, or will be in a moment. */
bool dt_detours_open(struct dt_connection *c, struct dt_pm_relay *relay, uint64_t now_ns);

#endif
