/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes subflows whose path fades backup (their end is events/watch.c's), and regular again. If only backups are left beside them, those carry meanwhile. */
#ifndef DETOURD_PM_PLAN_FADE_H
#define DETOURD_PM_PLAN_FADE_H

struct dt_connection;

/* Before dt_plain_plan(), which does it for the initial subflow. */
void dt_fade_plan(struct dt_connection *c);

#endif
