/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other relays are tried, and replace those that carry less. See policy_world.h. */
#include <criterion/criterion.h>

#include "pm/policy_world.h"

Test(policy, finds_a_better_relay_and_keeps_it)
{
	struct world w;

	world_init(&w, 1);
	w.mbit[2] = 40;
	world_run(&w, 60);
	cr_assert(w.paths[2].state == DT_PATH_OPEN, "%s", w.log);
	world_log_clear(&w);
	world_run(&w, 60);
	cr_assert(w.paths[2].state == DT_PATH_OPEN, "%s", w.log);
}

Test(policy, equal_relays_are_not_swapped_for_ever)
{
	struct world w;

	world_init(&w, 2);
	world_run(&w, 60);
	world_log_clear(&w);
	world_run(&w, 120);
	cr_assert(w.decisions <= 8, "%s", w.log);
}

Test(policy, a_known_relay_replaces_one_that_got_slow)
{
	struct world w;

	world_init(&w, 1);
	world_only(&w, 1);
	dt_gain_note(&w.paths[0].gain, 20 * MBIT, 100, BEGIN_S - 10);
	dt_gain_note(&w.paths[1].gain, 15 * MBIT, 100, BEGIN_S - 10);
	w.mbit[0] = 20;
	world_run(&w, 10);
	w.paths[1].usable = true;
	world_run(&w, 5);
	cr_assert_str_eq(w.log, "open 0; ");
	w.mbit[0] = 5;
	world_run(&w, 5);
	cr_assert(world_logged(&w, "close 0; open 1; "), "%s", w.log);
}

Test(policy, a_short_connection_tries_no_other_relay)
{
	struct world w;

	world_init(&w, 1);
	w.mbit[1] = 40;
	world_run(&w, 6);
	cr_assert(w.trials == 0, "%s", w.log);
	world_run(&w, 3);
	cr_assert(w.trials == 1, "%s", w.log);
}

/* A round trip of 300 ms: slow start takes it seconds, and what it carries then is not what it can carry. */
Test(policy, a_long_path_is_given_time)
{
	struct world w;

	world_init(&w, 1);
	world_only(&w, 2);
	dt_gain_note(&w.paths[0].gain, 10 * MBIT, 100, BEGIN_S - 10);
	dt_gain_note(&w.paths[1].gain, 8 * MBIT, 100, BEGIN_S - 10);
	w.paths[0].srtt_us = w.paths[1].srtt_us = 300000;
	w.direct_mbit = 4;
	w.mbit[0] = 2;
	world_run(&w, 5);
	w.mbit[0] = 10;
	world_run(&w, 20);
	cr_assert_str_eq(w.log, "open 0; ");
	cr_assert_float_eq(w.paths[0].gain.last_bps, 10 * MBIT, MBIT, "%.1f", w.paths[0].gain.last_bps / MBIT);
}

Test(policy, trials_have_a_budget)
{
	struct world w;

	world_init(&w, 1);
	for (int s = 0; s < 600; s++) {
		/* none is better than expected, and all that is known of them is forgotten again */
		for (int i = 0; i < PATHS; i++)
			if (w.paths[i].state == DT_PATH_IDLE)
				w.paths[i].gain = (struct dt_gain){0};
		world_run(&w, 1);
		world_log_clear(&w);
	}
	/* a trial takes 3 s; allowed are 12 s, 5 % of the busy time, and the 3 s of the last one */
	cr_assert(w.trials > 0 && w.trials * 3 <= 12 + 600 / 20 + 3, "%u trials", w.trials);
	cr_assert(w.chooser.trials_ns <= 12 * SEC_NS + w.chooser.busy_ns / 20 + 3 * SEC_NS, "%llu of %llu ms",
		  (unsigned long long)w.chooser.trials_ns / 1000000, (unsigned long long)w.chooser.busy_ns / 1000000);
}

Test(policy, a_relay_measured_a_moment_ago_is_not_tried_again)
{
	struct world w;

	world_init(&w, 1);
	world_only(&w, 2);
	world_run(&w, 30);
	cr_assert_str_eq(w.log, "open 0; close 0; open 1; ");
}

Test(policy, the_best_detour_is_not_given_up_while_another_is_not_rated_yet)
{
	struct world w;

	world_init(&w, 2);
	world_only(&w, 4);
	w.direct_mbit = 2.6;
	w.mbit[0] = 9;
	w.mbit[1] = 8;
	w.mbit[2] = w.mbit[3] = 6;
	world_run(&w, 60);
	cr_assert_not(world_logged(&w, "close 0; "), "%s", w.log);
}
