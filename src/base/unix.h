/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unix sockets by their paths. */
#ifndef DETOURD_BASE_UNIX_H
#define DETOURD_BASE_UNIX_H

#include <sys/socket.h>
#include <sys/un.h>

/* The address of path. -ENAMETOOLONG. */
int dt_unix_address(struct sockaddr_un *out, const char *path);
/*
 * A socket connected to path; type is SOCK_STREAM or the like, SOCK_NONBLOCK may be added, SOCK_CLOEXEC is.
 * -ENAMETOOLONG; -ENOENT and -ECONNREFUSED: nobody listens there; -EAGAIN with SOCK_NONBLOCK: the listener's queue is
 * full; others of connect(2).
 */
int dt_unix_connect(const char *path, int type);
/*
 * Before a listener binds path: makes the missing directories above (0755), and removes the socket file of a killed
 * daemon. -EADDRINUSE: a process listens there; -EEXIST: it is not a socket; -ENAMETOOLONG; others of mkdir(2), unlink(2).
 */
int dt_unix_place_clear(const char *path);

#endif
