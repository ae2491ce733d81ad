/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/raw.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

int dt_raw_open(const struct dt_ip *to, int protocol)
{
	int fd = socket(dt_ip_is_v4(to) ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	struct dt_endpoint host = {*to, 0};
	struct sockaddr_storage sa;
	socklen_t len = dt_endpoint_to_sockaddr(&host, &sa);
	int err;

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, len) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}
