/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DETOURD_BASE_POLL_H
#define DETOURD_BASE_POLL_H

#include <uv.h>

/*
 * First in every poll callback of a socket. libuv stops polling (status < 0) on an error condition; for a socket
 * that is news to be read like any other: ECONNREFUSED of a datagram, ENOBUFS of netlink.
 */
static inline void dt_poll_resume(uv_poll_t *poll, int status, uv_poll_cb callback)
{
	if (status < 0)
		uv_poll_start(poll, UV_READABLE, callback);
}

#endif
