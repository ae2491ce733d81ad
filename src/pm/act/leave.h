/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Closing subflows: SOCK_DESTROY closes the socket, and REMOVE sends RM_ADDR, so that the server closes its end and has
 * room for another. Subflows of one connection are closed one after the other.
 */
#ifndef DETOURD_PM_ACT_LEAVE_H
#define DETOURD_PM_ACT_LEAVE_H

#include <stdbool.h>
#include <stdint.h>

struct dt_connection;
struct dt_pm;
struct dt_subflow;

/* -ENOMEM. */
int dt_leave_open(struct dt_pm *pm);
/* After the connections are gone. May be called if open failed. */
void dt_leave_close(struct dt_pm *pm);
/* Closes it now, or soon after the last one. s may be freed meanwhile: what is needed is copied. */
void dt_leave_subflow(struct dt_subflow *s);
/* Closes the initial subflow now. */
void dt_leave_direct(struct dt_connection *c);
/* True if a subflow with this id was given up and its socket is still open. */
bool dt_leave_is_leaving(const struct dt_connection *c, uint8_t id);
/* Closes all that wait. For when the connection, or detourd, ends. */
void dt_leave_at_once(struct dt_connection *c);

#endif
