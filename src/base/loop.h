/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What libuv's handles want to be told, each time. */
#ifndef DETOURD_BASE_LOOP_H
#define DETOURD_BASE_LOOP_H

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

/*
 * uv_timer_start() counts from the time at which this turn of the loop began, so that a timer may fire early by as long
 * as the turn has lasted. What is due by our own clock would then not be due yet.
 */
static inline void dt_timer_arm(uv_timer_t *timer, uv_timer_cb callback, uint64_t timeout_ms, uint64_t repeat_ms)
{
	uv_update_time(timer->loop);
	uv_timer_start(timer, callback, timeout_ms, repeat_ms);
}

#endif
