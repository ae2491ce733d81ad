/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Full paths and slack ones, seen every 5 ms for a second. */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "pm/decide/pace.h"

/* Segments arrive at a rate in the first on_ms of each period. */
static struct dt_pace pace_of(unsigned per_second, unsigned on_ms, unsigned period_ms, unsigned look_ms)
{
	struct dt_pulse pulse = {0};
	struct dt_pace pace = {0};
	double segments = 0;

	for (unsigned ms = 1; ms <= 1000; ms++) {
		if (ms % period_ms < on_ms)
			segments += per_second / 1000.0;
		pulse.data_segs_in = (uint32_t)segments;
		if (ms % look_ms == 0)
			dt_pace_sample(&pace, &pulse, ms * DT_MS);
	}
	return pace;
}

static bool has_slack(unsigned per_second, unsigned on_ms, unsigned period_ms, unsigned look_ms)
{
	struct dt_pace pace = pace_of(per_second, on_ms, period_ms, look_ms);

	return dt_pace_has_slack(&pace);
}

static double room(unsigned per_second, unsigned on_ms, unsigned period_ms, unsigned look_ms)
{
	struct dt_pace pace = pace_of(per_second, on_ms, period_ms, look_ms);

	return dt_pace_room(&pace);
}

Test(pace, a_full_path_has_no_slack)
{
	cr_assert_not(has_slack(3000, 1, 1, 5));
	cr_assert_not(has_slack(200, 1, 1, 5), "2 Mbit/s");
	cr_assert_not(has_slack(3000, 15, 20, 5), "bursts of a queue, a round trip apart");
}

Test(pace, a_program_that_pauses_leaves_slack)
{
	cr_assert(has_slack(3000, 26, 200, 5), "5 Mbit/s in pieces of 128 kB");
	cr_assert(has_slack(3000, 25, 100, 5));
	cr_assert(has_slack(3000, 200, 1000, 5), "video");
}

Test(pace, nothing_is_known_from_few_looks_or_few_segments)
{
	cr_assert_not(has_slack(3000, 26, 200, 200));
	cr_assert_not(has_slack(40, 25, 250, 5));
	cr_assert_not(dt_pace_has_slack(&(struct dt_pace){0}));
}

Test(pace, a_path_has_room_by_how_long_it_pauses)
{
	cr_assert_float_eq(room(3000, 1, 1, 5), 1, 0.1);
	cr_assert_float_eq(room(800, 1, 1, 5), 1, 0.1, "10 Mbit/s");
	cr_assert_float_eq(room(3000, 50, 100, 5), 2, 0.2);
	cr_assert_float_eq(room(3000, 50, 200, 5), 4, 0.4);
	cr_assert_eq(room(3000, 26, 200, 200), 0, "looked at too seldom");
	cr_assert_eq(room(200, 1, 1, 5), 0, "too few segments");
	cr_assert_eq(dt_pace_room(&(struct dt_pace){0}), 0);
}

/*
 * The lowest rate with which a path seems to be full in its first 300 ms; 0: it never does. It delivers full_per_second at
 * most, of a window that begins with 10 segments and doubles each round trip; paced: spread over half of one.
 */
static double narrow_of(double full_per_second, unsigned rtt_ms, bool paced, bool acks)
{
	struct dt_pulse pulse = {.srtt_us = rtt_ms * 1000};
	struct dt_pace pace = {0};
	double queue = 0, arrived = 0, least = 0, share = 0;
	unsigned window = 10;

	for (unsigned ms = 0; ms <= 300; ms++) {
		unsigned in_round = ms % rtt_ms;

		if (in_round == 0 && ms)
			window *= 2;
		if (!paced && in_round == 0)
			queue += window;
		if (paced && in_round < rtt_ms / 2)
			queue += window / (rtt_ms / 2.0);
		share = queue < full_per_second / 1000 ? queue : full_per_second / 1000;
		queue -= share;
		arrived += share;
		pulse.data_segs_in = acks ? 0 : (uint32_t)arrived;
		pulse.delivered = acks ? (uint32_t)(arrived / 2) * 2 : 0; /* every second segment is acknowledged */
		if (ms % 5 == 0)
			dt_pace_sample(&pace, &pulse, (1000 + ms) * DT_MS);
		if (pace.narrow > 0 && (least <= 0 || pace.narrow < least))
			least = pace.narrow;
	}
	return least;
}

Test(pace, a_narrow_path_shows_in_slow_start)
{
	for (unsigned acks = 0; acks < 2; acks++) {
		double narrow = narrow_of(345, 20, false, acks);

		cr_assert(narrow > 200 && narrow < 400, "%.0f", narrow);
		narrow = narrow_of(345, 100, false, acks);
		cr_assert(narrow == 0 || narrow < 400, "%.0f", narrow);
	}
}

Test(pace, a_wide_path_does_not)
{
	static const unsigned rtts_ms[] = {10, 20, 40, 100, 200};

	for (size_t i = 0; i < sizeof(rtts_ms) / sizeof(rtts_ms[0]); i++)
		for (unsigned how = 0; how < 4; how++) {
			double narrow = narrow_of(3300, rtts_ms[i], how & 1, how & 2);

			cr_assert(narrow == 0 || narrow > 0.35 * 3300, "%u ms, %u: %.0f", rtts_ms[i], how, narrow);
		}
}
