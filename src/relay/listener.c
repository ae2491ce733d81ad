/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/loop.h"

/* Datagrams read in one turn of the loop, so that timers run even during a flood. */
#define BURST 64
#define SOCKET_BUFFER (4 << 20)

struct dt_listener {
	uv_poll_t poll;
	int fd;
	dt_listener_fn fn;
	void *data;
};

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static bool destination_take(struct msghdr *msg, struct dt_ip *to)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			*to = dt_ip_from_v4(info.ipi_addr.s_addr);
			return true;
		}
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			*to = dt_ip_from_v6(&info.ipi6_addr);
			return true;
		}
	}
	return false;
}

static void source_put(struct msghdr *msg, union control *control, const struct dt_ip *from, uint32_t ifindex)
{
	struct cmsghdr *c;

	memset(control, 0, sizeof(*control));
	msg->msg_control = control;
	msg->msg_controllen = sizeof(*control);
	c = CMSG_FIRSTHDR(msg);
	if (dt_ip_is_v4(from)) {
		struct in_pktinfo info = {.ipi_spec_dst.s_addr = dt_ip_v4(from)};

		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		msg->msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		struct in6_pktinfo info = {.ipi6_ifindex = ifindex};

		memcpy(&info.ipi6_addr, from->b, sizeof(info.ipi6_addr));
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		msg->msg_controllen = CMSG_SPACE(sizeof(info));
	}
}

/* False: nothing more to read. */
static bool datagram_take(struct dt_listener *l)
{
	/* one byte more than any valid datagram, so that longer ones can be recognized */
	uint8_t in[DT_WIRE_MAX + 1], reply[DT_WIRE_MAX];
	struct sockaddr_storage peer;
	union control control;
	struct iovec iov = {in, sizeof(in)};
	struct msghdr msg = {.msg_name = &peer,
			     .msg_namelen = sizeof(peer),
			     .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	struct dt_endpoint from;
	struct dt_ip to;
	ssize_t got = recvmsg(l->fd, &msg, MSG_DONTWAIT);
	size_t len;

	if (got < 0)
		return errno == EINTR || errno == ECONNREFUSED;
	if (dt_endpoint_from_sockaddr(&from, (struct sockaddr *)&peer) < 0 || !destination_take(&msg, &to))
		return true;
	len = l->fn(l->data, &from, &to, in, (size_t)got, reply);
	if (len == 0)
		return true;
	iov.iov_base = reply;
	iov.iov_len = len;
	source_put(&msg, &control, &to, 0);
	/* a reply that cannot be sent now is like one lost on the way: the client asks again */
	sendmsg(l->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	return true;
}

static void readable(uv_poll_t *poll, int status, int events)
{
	struct dt_listener *l = poll->data;

	dt_poll_resume(poll, status, readable);
	for (int i = 0; i < BURST && datagram_take(l); i++)
		;
}

static int socket_open(const struct dt_endpoint *at)
{
	struct sockaddr_storage sa;
	socklen_t len = dt_endpoint_to_sockaddr(at, &sa);
	int one = 1, size = SOCKET_BUFFER, err;
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool v6 = sa.ss_family == AF_INET6;

	if (fd < 0)
		return -errno;
	if ((v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0) ||
	    setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&sa, len) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return fd;
}

int dt_listener_open(struct dt_listener **out, uv_loop_t *loop, const struct dt_endpoint *at, dt_listener_fn fn,
		     void *data)
{
	struct dt_listener *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	l->fn = fn;
	l->data = data;
	l->fd = socket_open(at);
	if (l->fd < 0) {
		err = l->fd;
		free(l);
		return err;
	}
	err = uv_poll_init(loop, &l->poll, l->fd);
	if (err) {
		close(l->fd);
		free(l);
		return err;
	}
	l->poll.data = l;
	err = uv_poll_start(&l->poll, UV_READABLE, readable);
	if (err) {
		dt_listener_close(l);
		return err;
	}
	*out = l;
	return 0;
}

static void closed(uv_handle_t *handle)
{
	struct dt_listener *l = handle->data;

	close(l->fd);
	free(l);
}

void dt_listener_close(struct dt_listener *l)
{
	if (l)
		uv_close((uv_handle_t *)&l->poll, closed);
}
