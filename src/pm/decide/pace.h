/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a path is full, or carries less than it could because its sender has no more to send. Segments leave a full
 * path one after the other, at its rate. A program that sends less lets pauses in between: then the path's best moments
 * are much faster than its mean. This shows for data that arrives, too, of which nothing else tells how much the sender
 * has left. Pure.
 */
#ifndef DETOURD_PM_DECIDE_PACE_H
#define DETOURD_PM_DECIDE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/types.h>

#include "detourd/maps.h"

#define DT_PACE_TOP 3

/*
 * Of one subflow, all zero at first. Counts segments that arrived, here or at the peer: bytes that arrive out of order are
 * acknowledged later, and a sender's segments leave it in bursts also where the path is full.
 */
struct dt_pace {
	uint64_t begin_ns; /* of what is observed; 0: nothing yet */
	uint32_t begin_segments;
	uint64_t slot_ns; /* start of the present slot */
	uint32_t slot_segments;
	uint64_t last_ns; /* last sample */
	uint32_t last_segments;
	unsigned slots;		 /* that ended */
	double top[DT_PACE_TOP]; /* segments a second in the fastest slots, fastest first */
	double recent;		 /* segments a second in the last two or three slots; 0: unknown */

	/* the first moments of a path: what arrives without a pause, and the first half of that */
	uint32_t rtt_us;   /* shortest */
	uint64_t heard_ns; /* when something arrived */
	uint64_t run_ns, half_ns;
	uint32_t run_segments, half_segments;
	double narrow; /* it is full with so many segments a second; 0: not that one knows */
};

void dt_pace_sample(struct dt_pace *p, const struct dt_pulse *sample, uint64_t now_ns);
/* It paused: it could carry more. False too if that is not known, because it was looked at too seldom. */
bool dt_pace_has_slack(const struct dt_pace *p);
/* Its fastest moments, as a multiple of its mean: a path can carry no more than that. 0: not known. */
double dt_pace_room(const struct dt_pace *p);
/* Begins to observe anew; "recent" stays. */
void dt_pace_reset(struct dt_pace *p);

#endif
