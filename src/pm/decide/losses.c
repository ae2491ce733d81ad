/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/decide/losses.h"

#include "base/clock.h"
#include "base/minmax.h"
#include "pm/decide/liveness.h"

/* Losses closer together than a round trip, or than this, are one. */
#define ROUND_MIN_NS (20 * DT_MS)
/*
 * Retransmissions count while no more than this is under way: a window that has just overrun a queue sends hundreds
 * again, round trip after round trip, and a path that loses by chance never lets it grow so far.
 */
#define WINDOW_SMALL 10
/* A segment that others have overtaken is lost, not late, if it does not come in three quarters of a round trip. */
#define LATE_MIN_NS (15 * DT_MS)
/*
 * Many: this share of the segments, over the last DT_LOSSES; or this smaller one, if these were within so many round
 * trips.
 */
#define MANY_SHARE 0.15
#define DENSE_SHARE 0.05
#define DENSE_ROUNDS 10
#define MANY_NS (5 * DT_SEC)

static uint64_t round_ns(const struct dt_liveness *liveness)
{
	return dt_max_u64(dt_max_u64(liveness->rtt_us * DT_US, liveness->echo_ns), ROUND_MIN_NS);
}

static void retransmissions_note(struct dt_losses *l, const struct dt_pulse *sample)
{
	int32_t more = (int32_t)(sample->retransmitted - l->retransmitted);

	/* the number falls where one turns out to have been needless: by no more than was counted */
	if (l->begun && sample->packets_out <= WINDOW_SMALL)
		l->lost += (uint32_t)(more < 0 && l->lost < (uint32_t)-more ? -(int32_t)l->lost : more);
	l->retransmitted = sample->retransmitted;
}

static void hole_note(struct dt_losses *l, const struct dt_liveness *liveness, const struct dt_pulse *sample,
		      uint64_t now_ns)
{
	uint64_t late_ns = (liveness->rtt_us * 3 / 4 + 2ULL * sample->rttvar_us) * DT_US;

	if (!sample->own_hole) {
		l->missing_ns = 0;
		return;
	}
	if (!l->missing_ns || sample->rcv_nxt != l->rcv_nxt) {
		l->missing_ns = now_ns;
		l->rcv_nxt = sample->rcv_nxt;
		l->counted = false;
	}
	if (l->counted || now_ns - l->missing_ns < dt_max_u64(late_ns, LATE_MIN_NS))
		return;
	l->counted = true;
	l->lost++;
}

bool dt_losses_sample(struct dt_losses *l, const struct dt_liveness *liveness, const struct dt_pulse *sample,
		      uint64_t now_ns)
{
	const struct dt_loss *newest = &l->last[(l->at + DT_LOSSES - 1) % DT_LOSSES];
	uint32_t before;

	if (liveness->first_ns == now_ns) /* another socket */
		*l = (struct dt_losses){0};
	before = l->lost;
	retransmissions_note(l, sample);
	hole_note(l, liveness, sample, now_ns);
	l->begun = true;
	if ((int32_t)(l->lost - before) <= 0 || now_ns - newest->at_ns < round_ns(liveness))
		return false;
	l->last[l->at] = (struct dt_loss){now_ns, sample->data_segs_out + sample->data_segs_in, l->lost};
	l->at = (l->at + 1) % DT_LOSSES;
	return true;
}

uint64_t dt_losses_oldest_ns(const struct dt_losses *l)
{
	return l->last[l->at].at_ns;
}

bool dt_losses_are_many(const struct dt_losses *l, const struct dt_liveness *liveness, uint64_t since_ns,
			uint64_t now_ns)
{
	const struct dt_loss *oldest = &l->last[l->at], *newest = &l->last[(l->at + DT_LOSSES - 1) % DT_LOSSES];
	bool dense = newest->at_ns - oldest->at_ns <= DENSE_ROUNDS * round_ns(liveness);

	if (!oldest->at_ns || oldest->at_ns <= since_ns || now_ns - oldest->at_ns > MANY_NS)
		return false;
	return (int32_t)(newest->lost - oldest->lost) >=
	       (dense ? DENSE_SHARE : MANY_SHARE) * (newest->segments - oldest->segments);
}

unsigned dt_losses_since(const struct dt_losses *l, uint64_t since_ns)
{
	unsigned count = 0;

	for (unsigned i = 0; i < DT_LOSSES; i++)
		count += l->last[i].at_ns > since_ns;
	return count;
}
