/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/decide/pace.h"

#include "base/clock.h"

/*
 * Shortest slot. Longer than the bursts of queues and of radio links, shorter than the pauses between the pieces that a
 * program sends.
 */
#define SLOT_NS (25 * DT_MS)
/* Fewer slots show nothing. */
#define SLOTS_MIN 10
/* Fewer segments in one of the fastest slots are chance. */
#define SLOT_SEGMENTS_MIN 8
/* A full path's mean is more than this share of its fastest slots. Losses and round trips make it less even. */
#define FULL_SHARE 0.4

static void top_add(struct dt_pace *p, double rate)
{
	for (int i = 0; i < DT_PACE_TOP; i++)
		if (rate > p->top[i]) {
			double lower = p->top[i];

			p->top[i] = rate;
			rate = lower;
		}
}

void dt_pace_sample(struct dt_pace *p, const struct dt_pulse *sample, uint64_t now_ns)
{
	uint32_t segments = sample->data_segs_in + sample->data_segs_out;
	double rate;

	p->last_ns = now_ns;
	p->last_segments = segments;
	if (!p->begin_ns) {
		p->begin_ns = p->slot_ns = now_ns;
		p->begin_segments = p->slot_segments = segments;
		return;
	}
	if (now_ns - p->slot_ns < SLOT_NS)
		return;
	rate = (double)(segments - p->slot_segments) * DT_SEC / (double)(now_ns - p->slot_ns);
	top_add(p, rate);
	p->recent = p->recent > 0 ? (p->recent + rate) / 2 : rate;
	p->slots++;
	p->slot_ns = now_ns;
	p->slot_segments = segments;
}

bool dt_pace_has_slack(const struct dt_pace *p)
{
	double fast = p->top[DT_PACE_TOP - 1], mean;

	if (p->slots < SLOTS_MIN || fast * SLOT_NS < (double)SLOT_SEGMENTS_MIN * DT_SEC)
		return false;
	mean = (double)(p->last_segments - p->begin_segments) * DT_SEC / (double)(p->last_ns - p->begin_ns);
	return mean < fast * FULL_SHARE;
}

void dt_pace_reset(struct dt_pace *p)
{
	*p = (struct dt_pace){.recent = p->recent};
}
