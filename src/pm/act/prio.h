/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MP_PRIO (RFC 8684, 3.3.8) tells the server which subflows to keep as backup. */
#ifndef DETOURD_PM_ACT_PRIO_H
#define DETOURD_PM_ACT_PRIO_H

#include <stdbool.h>

struct dt_connection;
struct dt_subflow;

/* Sends MP_PRIO if the server does not know yet what is wanted of this subflow now. */
void dt_subflow_prefer(struct dt_subflow *s);
/* Sends MP_PRIO for the initial subflow. The kernel's negative errno. */
int dt_subflow_set_direct_backup(struct dt_connection *c, bool backup);
/*
 * Makes an established subflow send a segment, by an MP_PRIO that changes nothing. A server or relay that forgot the
 * subflow answers with RST, which ends it.
 */
void dt_subflow_stir(const struct dt_subflow *s);

/* Logs that the kernel refused a command about this subflow. */
void dt_subflow_log_refused(const struct dt_subflow *s, const char *what, int err);

#endif
