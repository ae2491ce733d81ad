/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/decide/pace.h"

#include <string.h>

#include "base/clock.h"
#include "base/minmax.h"

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

/*
 * A narrow path delivers without a pause and always as much. In slow start a path that has room delivers more and more,
 * with pauses until the next round trip. This shows after so long, and two round trips.
 */
#define RUN_NS (40 * DT_MS)
#define RUN_RTTS 2
#define RUN_PAUSE_NS (15 * DT_MS)
#define RUN_GROWS 1.3 /* the second half is so many times the first */

static void top_add(struct dt_pace *p, double rate)
{
	for (int i = 0; i < DT_PACE_TOP; i++)
		if (rate > p->top[i]) {
			double lower = p->top[i];

			p->top[i] = rate;
			rate = lower;
		}
}

static void run_begin(struct dt_pace *p, uint64_t from_ns, uint32_t segments)
{
	p->run_ns = from_ns;
	p->run_segments = segments;
	p->half_ns = 0;
}

static double rate_of(uint32_t segments, uint64_t ns)
{
	return (double)segments * DT_SEC / (double)ns;
}

/* The run is long enough: is the path full? */
static void run_judge(struct dt_pace *p, uint32_t segments, uint64_t now_ns)
{
	double first = rate_of(p->half_segments - p->run_segments, p->half_ns - p->run_ns);
	double second = rate_of(segments - p->half_segments, now_ns - p->half_ns);

	p->narrow = second < first * RUN_GROWS ? rate_of(segments - p->run_segments, now_ns - p->run_ns) : 0;
	run_begin(p, now_ns, segments);
}

static void run_note(struct dt_pace *p, uint32_t segments, uint32_t srtt_us, uint64_t now_ns)
{
	uint64_t least_ns;

	if (!p->rtt_us || srtt_us < p->rtt_us)
		p->rtt_us = srtt_us;
	if (segments != p->last_segments) {
		if (!p->run_ns || now_ns - p->heard_ns > RUN_PAUSE_NS)
			run_begin(p, p->last_ns, p->last_segments);
		p->heard_ns = now_ns;
	}
	if (!p->last_ns || now_ns - p->last_ns > RUN_PAUSE_NS || now_ns - p->heard_ns > RUN_PAUSE_NS)
		p->run_ns = 0; /* a pause, or nobody looked */
	if (!p->run_ns)
		return;
	least_ns = dt_max_u64(RUN_NS, RUN_RTTS * DT_US * p->rtt_us);
	if (!p->half_ns && now_ns - p->run_ns >= least_ns / 2) {
		p->half_ns = now_ns;
		p->half_segments = segments;
	} else if (p->half_ns && now_ns - p->run_ns >= least_ns) {
		run_judge(p, segments, now_ns);
	}
}

void dt_pace_sample(struct dt_pace *p, const struct dt_pulse *sample, uint64_t now_ns)
{
	uint32_t segments = sample->data_segs_in + sample->delivered;
	double rate;

	run_note(p, segments, sample->srtt_us, now_ns);
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

double dt_pace_room(const struct dt_pace *p)
{
	double fast = p->top[DT_PACE_TOP - 1];

	if (p->slots < SLOTS_MIN || fast * SLOT_NS < (double)SLOT_SEGMENTS_MIN * DT_SEC)
		return 0;
	return fast / rate_of(p->last_segments - p->begin_segments, p->last_ns - p->begin_ns);
}

bool dt_pace_has_slack(const struct dt_pace *p)
{
	return dt_pace_room(p) > 1 / FULL_SHARE;
}

void dt_pace_reset(struct dt_pace *p)
{
	p->begin_ns = 0;
	p->slots = 0;
	memset(p->top, 0, sizeof(p->top));
}
