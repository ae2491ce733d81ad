/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection as the policy sees it: its paths, and the order in which to try relays. */
#ifndef DETOURD_PM_PLAN_ORDER_H
#define DETOURD_PM_PLAN_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/key.h"
#include "pm/decide/policy.h"

struct dt_connection;
struct dt_plan;
struct dt_pm_relay;
struct dt_subflow;

/* Stands for a relay's key in the history: what a connection is worth without detours. */
extern const uint8_t dt_order_no_relay[DT_KEY_LEN];

/* In which direction a new connection moves most bytes. Later, dt_choice_tick() keeps that. */
void dt_order_way_look(struct dt_connection *c);
/* The relays that the rules allow, the most promising first. Returns their number. Changes nothing. */
size_t dt_order_relays(const struct dt_connection *c, struct dt_pm_relay *relays[DT_POLICY_PATHS_MAX]);
/* The relays that the plan allows, as paths. Both arrays have DT_POLICY_PATHS_MAX entries. Returns their number. */
size_t dt_order_paths(const struct dt_connection *c, const struct dt_plan *plan, uint64_t now_ns, struct dt_path *paths,
		      struct dt_pm_relay **relays);
/*
 * All subflows over no relay, as one path. *open: one of them is established, and the user did not make it backup.
 * *fixed: the policy cannot make them backup, since they are more than the initial subflow, or none.
 */
struct dt_path dt_order_direct(struct dt_connection *c, bool *open, bool *fixed);
/* Joins, once the connection has settled, as backup if the policy says so. False: it failed; it backs off. */
bool dt_order_join(struct dt_subflow *s, uint64_t now_ns);

#endif
