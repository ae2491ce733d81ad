/* SPDX-License-Identifier: GPL-2.0-or-later */
/* convert.bpf sends MPTCP connections to converters instead of their servers, until this is closed. */
#ifndef DETOURD_PM_KERNEL_CONVERT_H
#define DETOURD_PM_KERNEL_CONVERT_H

#include "base/addr.h"

struct dt_convert;

/* Attached to the cgroup root; concerns sockets of the namespace with this cookie. Logs nothing. Negative errno. */
int dt_convert_open(struct dt_convert **out, uint64_t netns_cookie, int cgroup_fd);
/* May be NULL. New connections are direct; for those that were converted, getpeername() gives the converter now. */
void dt_convert_close(struct dt_convert *c);
/*
 * From now on until expires_ns (CLOCK_BOOTTIME), new connections to server go to "to". If that is of the other family,
 * those of IPv6 sockets do, and those of IPv4 sockets stay direct.
 */
int dt_convert_put(struct dt_convert *c, const struct dt_endpoint *server, const struct dt_endpoint *to,
		   uint64_t expires_ns);
/* To programs the peer of connections that were made at this converter's address, before this was opened, is the server. */
int dt_convert_earlier(struct dt_convert *c, const struct dt_endpoint *at, const struct dt_endpoint *server);
/* New connections to server are direct. */
void dt_convert_remove(struct dt_convert *c, const struct dt_endpoint *server);

/* In words, an error of dt_convert_open(). */
const char *dt_convert_problem(int err);

#endif
