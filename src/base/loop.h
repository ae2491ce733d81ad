/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What using libuv's loop and handles takes. */
#ifndef DETOURD_BASE_LOOP_H
#define DETOURD_BASE_LOOP_H

#include <stdlib.h>
#include <uv.h>

/* From now on libuv ends the process by dt_memory_exhausted() where it would abort. Before any other call of libuv. */
void dt_loop_guard_memory(void);

/*
 * To be called first in every poll callback of a socket. libuv stops polling on an error condition (status < 0), but
 * for a socket that is news to read like any other: ECONNREFUSED of a datagram, ENOBUFS of netlink.
 */
static inline void dt_poll_resume(uv_poll_t *poll, int status, uv_poll_cb callback)
{
	if (status < 0)
		uv_poll_start(poll, UV_READABLE, callback);
}

/* For uv_close(): the handle was allocated by itself. */
static inline void dt_handle_free(uv_handle_t *handle)
{
	free(handle);
}

/*
 * Starts a timer. uv_timer_start() alone counts from the time at which this turn of the loop began: a timer may then
 * fire too early by as long as the turn has lasted, before anything is due by our own clock.
 */
static inline void dt_timer_arm(uv_timer_t *timer, uv_timer_cb callback, uint64_t timeout_ms, uint64_t repeat_ms)
{
	uv_update_time(timer->loop);
	uv_timer_start(timer, callback, timeout_ms, repeat_ms);
}

#endif
