/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/probe/reach.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <linux/mptcp.h>

#include "base/clock.h"
#include "base/minmax.h"
#include "net/source.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef SOL_MPTCP
#define SOL_MPTCP 284
#endif

#define TCP_MS 5000
/*
 * Two SYNs, after 0 and 1 s. The third, after 3 s, would be without MPTCP, and its answer have Linux turn MPTCP off for an
 * hour for all programs (net.mptcp.blackhole_timeout).
 */
#define MPTCP_MS 2700
#define MPTCP_TRIES 2
#define FINISH_MS 3000
#define LOOK_MS 10

/* Connects from *local, and fills in the port; 0 or errno, ETIMEDOUT after so many ms. The caller closes *fd. */
static int open_within(int protocol, const struct dt_endpoint *to, struct dt_endpoint *local, int ms, int *fd)
{
	struct sockaddr_storage at, from;
	socklen_t len = dt_endpoint_to_sockaddr(to, &at), from_len = dt_endpoint_to_sockaddr(local, &from);
	struct pollfd ready = {.events = POLLOUT};
	int err = 0;

	ready.fd = *fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	/* convert.bpf leaves bound sockets alone: this is about the server, not about a converter */
	if (*fd < 0 || bind(*fd, (struct sockaddr *)&from, from_len) < 0)
		return errno;
	if (connect(*fd, (struct sockaddr *)&at, len) < 0) {
		if (errno != EINPROGRESS)
			return errno;
		if (poll(&ready, 1, ms) <= 0)
			err = ETIMEDOUT;
		len = sizeof(err);
		if (err == 0 && getsockopt(*fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
			err = errno;
	}
	from_len = sizeof(from);
	if (getsockname(*fd, (struct sockaddr *)&from, &from_len) == 0)
		dt_endpoint_from_sockaddr(local, (struct sockaddr *)&from);
	return err;
}

bool dt_probe_tcp(struct dt_probe *p)
{
	struct dt_endpoint local = {0};
	uint64_t since_ns;
	int fd = -1;

	p->tcp = DT_PROBE_UNREACHABLE;
	p->tcp_error = ENETUNREACH;
	if (!dt_source_for(&p->server, &p->source))
		return false;
	local.ip = p->source;
	since_ns = dt_now_ns();
	p->tcp_error = open_within(IPPROTO_TCP, &p->server, &local, TCP_MS, &fd);
	p->rtt_us = (uint32_t)((dt_now_ns() - since_ns) / DT_US);
	if (fd >= 0)
		close(fd);
	if (p->tcp_error == 0)
		p->tcp = DT_PROBE_ANSWERS;
	else if (p->tcp_error == ECONNREFUSED)
		p->tcp = DT_PROBE_REFUSED;
	else if (p->tcp_error == ETIMEDOUT)
		p->tcp = DT_PROBE_SILENT;
	return p->tcp == DT_PROBE_ANSWERS;
}

/* False: the connection is plain TCP. */
static bool info_read(int fd, struct mptcp_info *info)
{
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return getsockopt(fd, SOL_MPTCP, MPTCP_INFO, info, &len) == 0 &&
	       !(info->mptcpi_flags & MPTCP_INFO_FLAG_FALLBACK);
}

int dt_probe_mptcp(struct dt_probe *p, struct dt_endpoint *local)
{
	struct mptcp_info info;
	int fd = -1;

	p->mptcp_error = ETIMEDOUT;
	for (int i = 0; i < MPTCP_TRIES && p->mptcp_error == ETIMEDOUT; i++) {
		if (fd >= 0)
			close(fd);
		*local = (struct dt_endpoint){p->source, 0};
		p->mptcp_error = open_within(IPPROTO_MPTCP, &p->server, local,
					     (int)dt_max_u64(MPTCP_MS, p->rtt_us / 1000 + 500), &fd);
	}
	if (p->mptcp_error == 0 && info_read(fd, &info)) {
		p->mptcp = DT_PROBE_YES;
		return fd;
	}
	if (p->mptcp_error == 0)
		p->mptcp = DT_PROBE_NO;
	else if (p->mptcp_error == ETIMEDOUT || p->mptcp_error == ECONNRESET || p->mptcp_error == ECONNREFUSED)
		p->mptcp = DT_PROBE_DROPPED;
	else
		p->mptcp = DT_PROBE_UNASKED;
	if (fd >= 0)
		close(fd);
	return -1;
}

void dt_probe_finish(struct dt_probe *p, int fd)
{
	uint64_t end_ns = dt_now_ns() + FINISH_MS * DT_MS + 4 * p->rtt_us * DT_US;
	struct pollfd ended = {.fd = fd};
	struct mptcp_info info;
	uint64_t before;

	if (!info_read(fd, &info))
		p->mptcp = DT_PROBE_LOST;
	before = info.mptcpi_snd_una;
	shutdown(fd, SHUT_WR);
	while (p->mptcp == DT_PROBE_YES && !p->acked && !ended.revents) {
		poll(&ended, 1, LOOK_MS);
		if (!info_read(fd, &info))
			p->mptcp = DT_PROBE_LOST;
		else
			p->acked = info.mptcpi_snd_una > before;
		/* by now it was sent again several times: an end that got it would have answered */
		if (!p->acked && dt_now_ns() > end_ns)
			p->mptcp = DT_PROBE_LOST;
	}
}
