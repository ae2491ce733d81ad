/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/netns.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/run_dir.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

int dt_netns_cookie(uint64_t *cookie)
{
	/* any socket in the namespace knows it */
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;
	socklen_t len = sizeof(*cookie);

	if (fd < 0)
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &len) < 0)
		err = -errno;
	close(fd);
	return err;
}

int dt_netns_lock(const char *role)
{
	char name[64];
	uint64_t cookie;
	int err = dt_netns_cookie(&cookie);

	if (err) {
		dt_log_err("cannot identify this network namespace (SO_NETNS_COOKIE): %s", strerror(-err));
		return err;
	}
	snprintf(name, sizeof(name), "netns-%" PRIx64 ".%s", cookie, role);
	return dt_run_dir_lock(name);
}
