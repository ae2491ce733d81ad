/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The beginning and end of connections. */
#ifndef DETOURD_PM_EVENTS_LIFETIME_H
#define DETOURD_PM_EVENTS_LIFETIME_H

#include <stdbool.h>
#include <stdint.h>

#include "net/mptcp_pm.h"

struct dt_connection;
struct dt_endpoint;
struct dt_pm;

/* -ENOMEM. */
int dt_connections_open(struct dt_pm *pm);
/* Closes all additional subflows and frees all connections. May be called if open failed. */
void dt_connections_close(struct dt_pm *pm);
/* Asks about connections that may be over, and frees those that are. Called every second. */
void dt_connections_tick(struct dt_pm *pm, uint64_t now_ns);

/* NULL: out of memory (logged). */
struct dt_connection *dt_connection_new(struct dt_pm *pm, dt_mptcp_token token, const struct dt_endpoint *local,
					const struct dt_endpoint *remote);
/* With close_detours, the additional subflows are closed too. */
void dt_connection_free(struct dt_connection *c, bool close_detours);
/* It is over: publishes that, and frees it. */
void dt_connection_over(struct dt_connection *c);
/* A subflow reached TCP_CLOSE. The whole connection may be over, which the kernel does not always report. */
void dt_connection_doubt(struct dt_connection *c, uint64_t now_ns);

#endif
