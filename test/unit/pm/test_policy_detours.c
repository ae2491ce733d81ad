/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Detours that pay, that do not, and what cannot be told. See policy_world.h. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "pm/policy_world.h"

Test(policy, a_detour_that_carries_nothing_becomes_backup)
{
	struct world w;

	world_init(&w, 1);
	world_only(&w, 1);
	dt_gain_note(&w.direct.gain, 5 * MBIT, 300, BEGIN_S); /* it is faster with detours, so there is no comparison */
	w.mbit[0] = 0.1;
	world_run(&w, 12);
	cr_assert(w.paths[0].backup, "%s", w.log);
	world_run(&w, 40);
	cr_assert(world_logged(&w, "normal 0; "), "used again: %s", w.log);
}

Test(policy, detours_that_add_nothing_become_backup)
{
	struct world w;

	world_init(&w, 2);
	world_only(&w, 2);
	w.mbit[0] = 1.2; /* little, so the policy compares */
	w.mbit[1] = 2;
	w.lost_to_detours = 0.2;
	world_run(&w, 15);
	cr_assert(w.paths[0].backup && w.paths[1].backup, "%s", w.log);
	cr_assert(w.paths[0].state == DT_PATH_OPEN && w.paths[1].state == DT_PATH_OPEN);
}

Test(policy, detours_that_did_not_pay_begin_as_backup_and_are_used_again_later)
{
	struct world w;

	world_init(&w, 2);
	world_only(&w, 2);
	w.mbit[0] = w.mbit[1] = 2;
	w.lost_to_detours = 0.4;
	world_run(&w, 10);
	cr_assert(w.paths[0].backup && w.paths[1].backup, "%s", w.log);
	world_next_connection(&w);
	world_run(&w, 2);
	cr_assert(w.paths[0].state == DT_PATH_OPEN && w.paths[0].backup && w.paths[1].backup, "%s", w.log);
	world_run(&w, 60);
	cr_assert(world_logged(&w, "normal 0; ") && world_logged(&w, "backup 0; "),
		  "used again, but they did not pay: %s", w.log);
	cr_assert(eq(uint, w.paths[0].gain.backups, 2), "%s", w.log);
	/* they are backup for longer this time */
	world_next_connection(&w);
	world_run(&w, 25);
	cr_assert(w.paths[0].backup && !world_logged(&w, "normal 0; "), "%s", w.log);
	/* once they pay, that is remembered, too */
	w.lost_to_detours = 0;
	w.mbit[0] = w.mbit[1] = 10;
	world_run(&w, 120);
	cr_assert_not(w.paths[0].backup, "%s", w.log);
	world_next_connection(&w);
	world_run(&w, 3);
	cr_assert_not(w.paths[0].backup, "%s", w.log);
	/* without a direct path nothing is backup */
	w.paths[0].gain.backup_until_s = UINT64_MAX;
	world_next_connection(&w);
	w.direct_open = false;
	world_run(&w, 3);
	cr_assert(w.paths[0].state == DT_PATH_OPEN && !w.paths[0].backup, "%s", w.log);
}

Test(policy, detours_that_add_a_little_stay)
{
	struct world w;

	world_init(&w, 2);
	world_only(&w, 2);
	w.mbit[0] = 1.2;
	w.mbit[1] = 2;
	world_run(&w, 15);
	cr_assert(world_logged(&w, "backup 0; "), "compared: %s", w.log);
	cr_assert_not(w.paths[0].backup || w.paths[1].backup, "%s", w.log);
}

Test(policy, detours_that_carry_little_are_compared_at_once)
{
	struct world w;

	world_init(&w, 2);
	world_only(&w, 2);
	w.mbit[0] = w.mbit[1] = 1.9;
	w.lost_to_detours = 0.5;
	world_run(&w, 6);
	cr_assert(w.paths[0].backup && w.paths[0].memory->backup_until_ns != UINT64_MAX, "compared: %s", w.log);
	cr_assert(w.paths[0].gain.backups == 1);
	/* and again when they are used again after 30 s */
	world_run(&w, 37);
	cr_assert(world_logged(&w, "normal 0; "), "%s", w.log);
	cr_assert(w.paths[0].backup && w.paths[0].gain.backups == 2, "%s", w.log);
}

Test(policy, a_limited_application_yields_no_verdict)
{
	struct world w;

	world_init(&w, 2);
	world_only(&w, 2);
	w.mbit[0] = w.mbit[1] = 1; /* all of it fits into the direct path */
	w.lost_to_detours = 0.3;
	w.wanted_mbit = 5;
	w.bursts = true;
	world_run(&w, 300);
	cr_assert_str_eq(w.log, "open 0; open 1; ");
	cr_assert(w.direct.gain.last_s == 0, "what the application wants is not what the path carries");
}

Test(policy, a_verdict_at_a_low_rate_ends_when_the_connection_is_faster)
{
	struct world w;

	/* the application is limited, but in a way that does not show */
	world_init(&w, 2);
	world_only(&w, 2);
	w.wanted_mbit = 5;
	w.mbit[0] = w.mbit[1] = 1;
	world_run(&w, 20);
	cr_assert(w.paths[0].backup && w.paths[0].gain.backup_until_s, "%s", w.log);
	world_next_connection(&w);
	w.wanted_mbit = 0;
	w.mbit[0] = w.mbit[1] = 20;
	world_run(&w, 4);
	cr_assert_not(w.paths[0].backup || w.paths[1].backup, "%s", w.log);
}

Test(policy, a_comparison_measures_the_gain)
{
	struct world w;

	world_init(&w, 2);
	world_only(&w, 2);
	w.direct_mbit = 11;
	w.mbit[0] = 12;
	w.mbit[1] = 5; /* a quarter of 28 is 7: so there is doubt */
	world_run(&w, 20);
	cr_assert(w.chooser.payoff.count == 1, "%u", w.chooser.payoff.count);
	cr_assert(w.chooser.payoff.gain > 1.4 && w.chooser.payoff.gain < 1.7, "28 of 11: %f", w.chooser.payoff.gain);
	cr_assert(w.memory[0].payoff_share > 0.69 && w.memory[0].payoff_share < 0.72, "%f", w.memory[0].payoff_share);
	w.way = DT_WAY_UP;
	world_run(&w, 1);
	cr_assert(w.chooser.payoff.count == 0, "of the other direction nothing is known");
}

Test(policy, a_slow_application_measures_no_gain)
{
	struct world w;

	world_init(&w, 2);
	world_only(&w, 2);
	w.mbit[0] = w.mbit[1] = 2;
	world_run(&w, 3);
	w.wanted_mbit = 10;
	w.bursts = true;
	world_run(&w, 60);
	cr_assert(w.chooser.payoff.count == 0, "%s", w.log);
}

Test(policy, detours_that_carry_most_are_not_compared)
{
	struct world w;

	world_init(&w, 2);
	world_only(&w, 2);
	w.direct_mbit = 8;
	world_run(&w, 600);
	cr_assert_str_eq(w.log, "open 0; open 1; ");
}

Test(policy, a_full_detour_that_carries_half_is_not_suspected)
{
	struct world w;

	world_init(&w, 1);
	world_only(&w, 1);
	w.direct_mbit = 6;
	w.mbit[0] = 9;
	w.direct.srtt_us = 20000;
	world_run(&w, 1);
	w.paths[0].srtt_us = 150000; /* its queue */
	world_run(&w, 60);
	cr_assert_str_eq(w.log, "open 0; ");
}

Test(policy, a_verdict_is_for_one_direction)
{
	struct dt_gain up[PATHS] = {{0}};
	struct world w;

	world_init(&w, 2);
	world_only(&w, 2);
	w.mbit[0] = w.mbit[1] = 2;
	w.lost_to_detours = 0.4;
	world_run(&w, 10);
	cr_assert(w.paths[0].backup && w.paths[1].backup, "%s", w.log);
	/* the data turns around; of that direction nothing is known */
	w.way = DT_WAY_UP;
	for (int i = 0; i < PATHS; i++)
		w.paths[i].gain = up[i];
	w.lost_to_detours = 0;
	w.mbit[0] = w.mbit[1] = 20;
	world_run(&w, 1);
	cr_assert_not(w.paths[0].backup || w.paths[1].backup, "%s", w.log);
	/* and back: there they did not pay */
	w.way = DT_WAY_DOWN;
	for (int i = 0; i < PATHS; i++)
		w.paths[i].gain = (struct dt_gain){.backups = 1, .backup_until_s = BEGIN_S + 30};
	world_run(&w, 1);
	cr_assert(w.paths[0].backup && w.paths[1].backup, "%s", w.log);
}

Test(policy, a_detour_with_a_long_round_trip_waits_until_the_connection_has_lasted)
{
	struct world w;

	world_init(&w, 1);
	world_only(&w, 1);
	w.direct.srtt_us = 20000;
	w.paths[0].rtt_us = 60000;
	w.paths[0].rtt_relay_server_us = 60000;
	world_run(&w, 1);
	cr_assert(w.paths[0].state == DT_PATH_OPEN && w.paths[0].backup, "%s", w.log);
	world_run(&w, 4); /* 20 times 100 ms */
	cr_assert_not(w.paths[0].backup, "%s", w.log);
	cr_assert(w.paths[0].gain.backups == 0, "that is no verdict");
}

Test(policy, a_slow_application_changes_nothing)
{
	struct world w;

	world_init(&w, 2);
	w.direct_mbit = 0.05;
	for (int i = 0; i < PATHS; i++)
		w.mbit[i] = 0.001 * i;
	world_run(&w, 120);
	cr_assert_str_eq(w.log, "open 0; open 1; ");
	cr_assert(w.paths[0].gain.last_s == 0, "nothing goes into the history");
}

Test(policy, a_backup_of_the_user_is_not_changed)
{
	struct world w;

	world_init(&w, 1);
	world_only(&w, 1);
	w.paths[0].backup_wanted = true;
	w.mbit[0] = 0;
	world_run(&w, 40);
	cr_assert_str_eq(w.log, "open 0; ");
}
