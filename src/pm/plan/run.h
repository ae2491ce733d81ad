/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one place that plans: it takes the marks of store/todo.h in each turn of the loop. */
#ifndef DETOURD_PM_PLAN_RUN_H
#define DETOURD_PM_PLAN_RUN_H

struct dt_pm;

/* From now on marks are taken in each turn: after the loop has read what waited, and before it sleeps. -ENOMEM. */
int dt_run_open(struct dt_pm *pm);
/* May be called if open failed. */
void dt_run_close(struct dt_pm *pm);

#endif
