/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Full paths and slack ones, seen every 5 ms for a second. */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "pm/decide/pace.h"

/* Segments arrive at a rate in the first on_ms of each period. */
static bool has_slack(unsigned per_second, unsigned on_ms, unsigned period_ms, unsigned look_ms)
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
	return dt_pace_has_slack(&pace);
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
