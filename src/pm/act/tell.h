/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Closes a subflow's socket by SOCK_DESTROY and tells the server by RM_ADDR, so that it closes its half. */
#ifndef DETOURD_PM_ACT_TELL_H
#define DETOURD_PM_ACT_TELL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

struct dt_connection;

/*
 * False: the server should have heard of it, and RM_ADDR was not sent, or only by a path that may be dead. Id 0 is the
 * initial subflow's.
 */
bool dt_tell_end(struct dt_connection *c, uint8_t id, const struct dt_endpoint *local,
		 const struct dt_endpoint *remote);
/* RM_ADDR of an id whose socket is closed. False: it was not sent. */
bool dt_tell_again(struct dt_connection *c, uint8_t id);

#endif
