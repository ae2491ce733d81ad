/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a connection's server allows: how many subflows, and to which of its addresses. */
#ifndef DETOURD_PM_STORE_SERVER_H
#define DETOURD_PM_STORE_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/clock.h"

struct dt_connection;
struct dt_pm;

/* Several joins refused in a row show the server's limit. It holds this long, for all connections to the server. */
#define DT_SERVER_LIMIT_NS (60 * DT_SEC)

struct dt_server_limit {
	struct dt_endpoint server;
	unsigned limit;	   /* additional subflows that it accepts for one connection */
	uint64_t refused;  /* joins that it refused */
	uint64_t until_ns; /* 0: this entry is free */
};

/* -ENOMEM. */
int dt_server_limits_new(struct dt_pm *pm);
void dt_server_limits_free(struct dt_pm *pm);
/* Iterates over the limits that hold now, in no particular order. *next starts at 0. NULL: no more. */
const struct dt_server_limit *dt_server_limit_next(const struct dt_pm *pm, size_t *next, uint64_t now_ns);
/* This connection met its server's limit. */
void dt_server_limit_met(struct dt_connection *c, unsigned limit, uint64_t now_ns);
/* For a new connection: takes over the limit that earlier ones to the same server met. */
void dt_server_limit_recall(struct dt_connection *c, uint64_t now_ns);
bool dt_server_limit_holds(const struct dt_connection *c, uint64_t now_ns);
/* No limit holds, or fewer subflows than the limit are pending or established. */
bool dt_server_has_room(const struct dt_connection *c, uint64_t now_ns);

/*
 * The server's address for subflows: the connection's remote address. If the server wants no joins there (C flag, set
 * by load balancers): an announced address of the same family. False: there is none.
 */
bool dt_server_address(const struct dt_connection *c, struct dt_endpoint *out);
/* ADD_ADDR, as the kernel reports it. */
void dt_server_announced(struct dt_connection *c, uint8_t id, const struct dt_endpoint *at);
/* An announced address that an earlier run used. It is added without a mark. */
void dt_server_found(struct dt_connection *c, uint8_t id, const struct dt_endpoint *at);
/* RM_ADDR. */
void dt_server_removed(struct dt_connection *c, uint8_t id);

#endif
