/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events for `detourd monitor`. Costs nothing while no monitor is connected. */
#ifndef DETOURD_PM_STORE_REPORT_H
#define DETOURD_PM_STORE_REPORT_H

struct dt_connection;
struct dt_pm;
struct dt_pm_relay;
struct dt_subflow;

/* One event. c and relay may be NULL. */
void dt_report(struct dt_pm *pm, const char *event, const struct dt_connection *c, const struct dt_pm_relay *relay,
	       const char *detail);
/* One event of a subflow; s NULL: the connection's initial subflow. */
void dt_report_subflow(const struct dt_connection *c, const struct dt_subflow *s, const char *detail);

#endif
