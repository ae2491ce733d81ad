/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clocks: CLOCK_BOOTTIME in nanoseconds, as in BPF maps, read once a turn of the loop and passed down; and the wall
 * clock, for what is kept over a reboot.
 */
#ifndef DETOURD_BASE_CLOCK_H
#define DETOURD_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define DT_US 1000ULL
#define DT_MS 1000000ULL
#define DT_SEC 1000000000ULL
#define DT_NEVER UINT64_MAX

static inline uint64_t dt_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * DT_SEC + (uint64_t)ts.tv_nsec;
}

/* CLOCK_MONOTONIC: as dt_now_ns(), but stands still while the host sleeps. */
static inline uint64_t dt_awake_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * DT_SEC + (uint64_t)ts.tv_nsec;
}

/* Seconds since 1970. */
static inline uint64_t dt_now_s(void)
{
	return (uint64_t)time(NULL);
}

#endif
