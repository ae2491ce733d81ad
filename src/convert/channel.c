/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "convert/channel.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/netns.h"
#include "base/run_dir.h"
#include "base/unix.h"

#define SEND_BUFFER (1 << 20)

int dt_channel_path(char *out, size_t cap)
{
	uint64_t cookie;
	int err = dt_netns_cookie(&cookie);

	if (err)
		return err;
	snprintf(out, cap, DT_RUN_DIR "/netns-%" PRIx64 ".convert", cookie);
	return dt_run_dir_make();
}

int dt_channel_listen(const char *path)
{
	struct sockaddr_un sa;
	int fd, err = dt_unix_address(&sa, path);

	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(path);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || chmod(path, 0600) < 0 ||
	    listen(fd, DT_CHANNEL_BACKLOG) < 0)
		err = -errno;
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

bool dt_channel_peer_is_trusted(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && (peer.uid == 0 || peer.uid == geteuid());
}

int dt_channel_connect(const char *path)
{
	int fd = dt_unix_connect(path, SOCK_SEQPACKET | SOCK_NONBLOCK), size = SEND_BUFFER;

	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (dt_channel_peer_is_trusted(fd))
		return fd;
	close(fd);
	return -EPERM;
}

int dt_channel_send(int fd, struct dt_channel_message *m, int passed)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {m, sizeof(*m)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	m->version = DT_CHANNEL_VERSION;
	if (passed >= 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &passed, sizeof(int));
	}
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int passed_take(struct msghdr *msg)
{
	int fd = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len >= CMSG_LEN(sizeof(int)))
			memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

int dt_channel_receive(int fd, struct dt_channel_message *m, int *passed)
{
	/* room for one descriptor: the kernel closes what is beyond it */
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {m, sizeof(*m)};
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t got = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int err = 1;

	*passed = -1;
	if (got < 0)
		return -errno;
	*passed = passed_take(&msg);
	if (got == 0)
		return 0;
	if ((size_t)got < 2 * sizeof(uint32_t))
		err = -EBADMSG;
	else if (m->version != DT_CHANNEL_VERSION)
		err = -EPROTO;
	else if (got != sizeof(*m) || m->type >= DT_CHANNEL_TYPES || msg.msg_flags & MSG_TRUNC)
		err = -EBADMSG;
	if (err > 0) {
		m->reason[sizeof(m->reason) - 1] = '\0';
		return err;
	}
	if (*passed >= 0)
		close(*passed);
	*passed = -1;
	return err;
}
