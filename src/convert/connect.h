/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets of converted connections, and connecting to servers. */
#ifndef DETOURD_CONVERT_CONNECT_H
#define DETOURD_CONVERT_CONNECT_H

#include "convert/state.h"

/* From now on close(), and the death of this process, resets the connection: a cut must never look like an end. */
void dt_copy_resets_on_close(int fd, bool resets);
/* With that, what a connection of either end has. An option that this kernel has not for MPTCP is done without. */
void dt_copy_socket_prepare(int fd);
/* So that one client's connections, so many with this one, do not take all of the host's memory. */
void dt_copy_buffers_limit(int fd, uint32_t connections);
/*
 * Connects to the lease's server, if that is permitted now, from the address that the client came to, and
 * from this port (0: any), or another one where that is taken. 0: *out is a socket that is connected or on the way. -EPERM: it is not permitted; others of the route and connect(2).
 */
int dt_copy_connect(const struct dt_copy_lease *lease, uint16_t port, int *out);

#endif
