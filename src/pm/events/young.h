/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Young connections get no detours yet: for short ones, a lease and a join would cost more than they bring. */
#ifndef DETOURD_PM_EVENTS_YOUNG_H
#define DETOURD_PM_EVENTS_YOUNG_H

struct dt_connection;
struct dt_pm;

/* -ENOMEM. */
int dt_young_open(struct dt_pm *pm);
/* After the connections are gone. May be called if open failed. */
void dt_young_close(struct dt_pm *pm);
/* A new connection. Marks it to be planned at once, or when it is old enough or has moved enough (detour-after). */
void dt_young_begin(struct dt_connection *c);
/* It is young no longer, or over. */
void dt_young_end(struct dt_connection *c);

#endif
