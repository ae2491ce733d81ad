/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "convert/connect.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "convert/destination.h"

#define UNSENT_MAX (512 << 10) /* bytes that wait in a socket beyond what the path takes */
#define KEEPALIVE_S 300
/*
 * What the kernel may hold for one client. While its connections are few, the kernel sizes their buffers by what the paths
 * carry (up to 6 MB each, tcp_rmem); those beyond get a part each of the same size as if all had one.
 */
#define BUFFERS_FREE 16
#define BUFFERS_MAX (64 << 20)
#define BUFFERS_EACH 4 /* of a connection: to receive and to send, at two ends */

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

static void option_set(int fd, int level, int option, int value)
{
	setsockopt(fd, level, option, &value, sizeof(value));
}

void dt_copy_resets_on_close(int fd, bool resets)
{
	struct linger linger = {.l_onoff = resets, .l_linger = 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

void dt_copy_buffers_limit(int fd, uint32_t connections)
{
	/* the kernel makes twice of it, and no more than twice net.core.rmem_max and wmem_max (208 kB) */
	int bytes;

	if (connections <= BUFFERS_FREE)
		return;
	bytes = (int)(BUFFERS_MAX / BUFFERS_EACH / 2 / connections);
	option_set(fd, SOL_SOCKET, SO_RCVBUF, bytes);
	option_set(fd, SOL_SOCKET, SO_SNDBUF, bytes);
}

void dt_copy_socket_prepare(int fd)
{
	dt_copy_resets_on_close(fd, true);
	option_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	option_set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_MAX);
	option_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	option_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S);
}

/*
 * From the address that the client came to, as a flow of the NAT; to a server of the other family from one that the routes
 * choose. port: 0: the kernel chooses. 0: connected or on the way.
 */
static int server_connect(const struct dt_copy_lease *lease, uint16_t port, int *out)
{
	struct dt_endpoint from = {lease->relay.ip, port};
	bool same = dt_ip_family(&from.ip) == dt_ip_family(&lease->server.ip);
	struct sockaddr_storage sa;
	socklen_t len = dt_endpoint_to_sockaddr(&from, &sa);
	int fd = socket(dt_ip_is_v4(&lease->server.ip) ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			IPPROTO_TCP),
	    err = 0;

	if (fd < 0)
		return -errno;
	dt_copy_socket_prepare(fd);
	option_set(fd, port ? SOL_SOCKET : IPPROTO_IP, port ? SO_REUSEADDR : IP_BIND_ADDRESS_NO_PORT, 1);
	if (same && bind(fd, (struct sockaddr *)&sa, len) < 0)
		err = -errno;
	len = dt_endpoint_to_sockaddr(&lease->server, &sa);
	if (err == 0 && connect(fd, (struct sockaddr *)&sa, len) < 0 && errno != EINPROGRESS)
		err = -errno;
	if (err == 0)
		*out = fd;
	else
		close(fd);
	return err;
}

int dt_copy_connect(const struct dt_copy_lease *lease, uint16_t port, int *out)
{
	int err = dt_destination_check(lease->copier->route_fd, &lease->server.ip, lease->special);

	if (err == 0)
		err = server_connect(lease, port, out);
	/* the port is taken, or may not be */
	if (port && (err == -EADDRINUSE || err == -EADDRNOTAVAIL || err == -EACCES))
		err = server_connect(lease, 0, out);
	return err;
}
