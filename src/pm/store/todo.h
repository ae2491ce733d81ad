/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Marks: what has changed and must be planned again. A module that learns something marks what it affects. Setting a
 * mark does nothing else. Once a turn of the loop, plan/run.c takes all marks and plans. The order of marks does not
 * matter, nor whether one was set twice: the plan depends only on what is known when the mark is taken.
 */
#ifndef DETOURD_PM_STORE_TODO_H
#define DETOURD_PM_STORE_TODO_H

#include <stdbool.h>

#include "pm/store/marks.h"

struct dt_connection;
struct dt_pm;
struct dt_pm_lease;
struct dt_pm_relay;

void dt_todo_connection(struct dt_connection *c, enum dt_connection_todo what);
void dt_todo_connections(struct dt_pm *pm, enum dt_connection_todo what);
void dt_todo_relay(struct dt_pm_relay *relay, enum dt_relay_todo what);
void dt_todo_lease(struct dt_pm_lease *lease, enum dt_lease_todo what);
void dt_todo_host(struct dt_pm *pm, enum dt_host_todo what);
/* Marks DT_HOST_RETURNED for this interface. lost_ns: when it was lost; 0: it is new. */
void dt_todo_returned(struct dt_pm *pm, uint32_t ifindex, uint64_t lost_ns);
/* NULL: this interface did not come back. */
const struct dt_return *dt_todo_return_of(const struct dt_todo *todo, uint32_t ifindex);
/* They have been taken into account. */
void dt_todo_returns_end(struct dt_todo *todo);

/* Each removes the marks of the connection or lease that was marked first, and returns it. NULL: none is marked. */
struct dt_connection *dt_todo_take_connection(struct dt_pm *pm, unsigned *flags);
struct dt_pm_lease *dt_todo_take_lease(struct dt_pm *pm, unsigned *flags);
unsigned dt_todo_take_host(struct dt_pm *pm);
bool dt_todo_is_empty(const struct dt_todo *todo);

/* To be called before they are freed. */
void dt_todo_forget_connection(struct dt_connection *c);
void dt_todo_forget_lease(struct dt_pm_lease *lease);

#endif
