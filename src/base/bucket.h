/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A token bucket for events, kept as one time: when the bucket will be full again if nothing more is taken (GCRA, ITU-T
 * I.371). bpf/ has its own, which count bytes and run on many CPUs at once.
 */
#ifndef DETOURD_BASE_BUCKET_H
#define DETOURD_BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed is a valid bucket without a limit. */
struct dt_bucket {
	uint64_t interval_ns; /* one event; 0: no limit */
	uint64_t depth_ns;    /* how far ahead of time events may be */
	uint64_t full_ns;
};

/* per_second 0: no limit. at_once: events after a long silence. What was taken already stays taken. */
void dt_bucket_limit(struct dt_bucket *b, unsigned per_second, unsigned at_once);
/* Takes one event, if there is room. */
bool dt_bucket_take(struct dt_bucket *b, uint64_t now_ns);

#endif
