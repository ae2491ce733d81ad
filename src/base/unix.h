/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections to Unix stream sockets. */
#ifndef DETOURD_BASE_UNIX_H
#define DETOURD_BASE_UNIX_H

/*
 * A socket connected to path; flags (SOCK_NONBLOCK or 0) are added to SOCK_CLOEXEC. -ENAMETOOLONG; -ENOENT and
 * -ECONNREFUSED: nobody listens there; -EAGAIN with SOCK_NONBLOCK: the listener's queue is full; others of connect(2).
 */
int dt_unix_connect(const char *path, int flags);

#endif
