/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network namespace this process is in. */
#ifndef DETOURD_BASE_NETNS_H
#define DETOURD_BASE_NETNS_H

#include <stdint.h>

/*
 * A lock of this name in this namespace, held until the descriptor is closed: an abstract Unix socket, which belongs to
 * the namespace and dies with its holder. -EBUSY: somebody else holds it.
 */
int dt_netns_lock(const char *name);
/* What tells namespaces apart in BPF (SO_NETNS_COOKIE); fd is any socket. Negative errno. */
int dt_netns_cookie(int fd, uint64_t *cookie);

#endif
