/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/source.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

bool dt_source_for(const struct dt_endpoint *remote, struct dt_ip *out)
{
	struct sockaddr_storage sa;
	socklen_t len = dt_endpoint_to_sockaddr(remote, &sa);
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct dt_endpoint local;
	bool found;

	if (fd < 0)
		return false;
	found = connect(fd, (struct sockaddr *)&sa, len) == 0;
	len = sizeof(sa);
	found = found && getsockname(fd, (struct sockaddr *)&sa, &len) == 0 &&
		dt_endpoint_from_sockaddr(&local, (struct sockaddr *)&sa) == 0;
	close(fd);
	if (found)
		*out = local.ip;
	return found;
}

int dt_source_port(struct dt_endpoint *local)
{
	struct dt_endpoint any = {local->ip, 0};
	struct sockaddr_storage sa;
	socklen_t len = dt_endpoint_to_sockaddr(&any, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&sa, len) < 0 || getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		err = -errno;
	close(fd);
	if (err == 0)
		dt_endpoint_from_sockaddr(local, (struct sockaddr *)&sa);
	return err;
}
