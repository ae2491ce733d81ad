/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one clock: CLOCK_BOOTTIME in nanoseconds, which BPF maps hold too. Read once a turn, passed down. */
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

#endif
