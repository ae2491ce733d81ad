/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The direct path: backup where it holds up a detour, and known by comparisons. See policy_world.h. */
#include <criterion/criterion.h>

#include "pm/policy_world.h"

Test(policy, a_slow_direct_path_that_holds_up_a_detour_becomes_backup)
{
	struct world w;

	world_with_slow_direct(&w);
	world_run(&w, 10);
	cr_assert(w.direct.backup && !w.paths[0].backup, "%s", w.log);
	cr_assert_str_eq(w.log, "open 0; backup direct; backup direct; ");
	/* the next connection knows it once the detour carries data */
	world_next_connection(&w);
	world_run(&w, 2);
	cr_assert_str_eq(w.log, "open 0; backup direct; ");
	/* it is tried again after 30 s, and then waits for longer */
	world_run(&w, 40);
	cr_assert(world_logged(&w, "normal direct; ") && w.direct.backup && w.direct.gain.backups == 2, "%s", w.log);
	/* without the detour it is needed */
	w.paths[0].state = DT_PATH_IDLE;
	w.paths[0].memory = NULL;
	w.paths[0].usable = false;
	world_run(&w, 1);
	cr_assert_not(w.direct.backup, "%s", w.log);
}

/* It carries little beside the detour, and costs it nothing. */
static void harmless_direct(struct world *w)
{
	world_init(w, 1);
	world_only(w, 1);
	w->direct_mbit = 5;
	w->mbit[0] = 40;
}

Test(policy, a_slow_direct_path_that_does_no_harm_stays)
{
	struct world w;

	harmless_direct(&w);
	world_run(&w, 60);
	cr_assert_str_eq(w.log, "open 0; backup direct; normal direct; ");
}

Test(policy, a_slow_direct_path_beside_full_detours_is_not_compared)
{
	struct world w;

	harmless_direct(&w);
	w.looked_often = true;
	world_run(&w, 60);
	cr_assert_str_eq(w.log, "open 0; ");
}

Test(policy, a_slow_direct_path_beside_detours_that_pause_is_compared)
{
	struct world w;

	world_with_slow_direct(&w);
	w.looked_often = true;
	world_run(&w, 10);
	cr_assert_str_eq(w.log, "open 0; backup direct; backup direct; ");
}

Test(policy, a_direct_path_that_does_no_harm_is_away_for_two_seconds)
{
	struct world w;

	harmless_direct(&w);
	for (int i = 0; i < 20 && !w.direct.backup; i++)
		world_run(&w, 1);
	cr_assert(w.direct.backup, "%s", w.log);
	world_run(&w, 2);
	cr_assert_str_eq(w.log, "open 0; backup direct; normal direct; ");
}

Test(policy, a_direct_path_made_backup_returns_when_the_detours_get_slow)
{
	struct world w;

	world_with_slow_direct(&w);
	world_run(&w, 10);
	cr_assert(w.direct.backup, "%s", w.log);
	w.mbit[0] = 3;
	world_run(&w, 20);
	cr_assert_not(w.direct.backup, "%s", w.log);
}

Test(policy, what_a_slow_direct_path_carried_is_kept_while_it_is_backup)
{
	struct world w;

	world_with_slow_direct(&w);
	world_run(&w, 30);
	cr_assert(w.direct.backup, "%s", w.log);
	cr_assert(w.chooser.direct_bps > 0.9 * MBIT && w.chooser.direct_bps < 1.1 * MBIT, "%f", w.chooser.direct_bps);
	cr_assert(w.chooser.payoff.count == 0,
		  "what it has without the direct path is not what it has without detours");
}

Test(policy, what_the_direct_path_has_alone_is_learnt_by_the_comparison)
{
	struct world w;

	world_init(&w, 2);
	world_only(&w, 2);
	w.direct_mbit = 11;
	w.mbit[0] = 12;
	w.mbit[1] = 5; /* a quarter of 28 is 7: so there is doubt */
	world_run(&w, 20);
	cr_assert(world_logged(&w, "backup 0; ") && world_logged(&w, "normal 0; "), "compared: %s", w.log);
	cr_assert(w.direct.gain.mean_bps > 10 * MBIT && w.direct.gain.mean_bps < 12 * MBIT);
	world_log_clear(&w);
	world_run(&w, 600);
	cr_assert_str_eq(w.log, "", "it is known, so there is no other comparison");
}

Test(policy, backup_ends_when_the_direct_path_is_gone)
{
	struct world w;

	world_init(&w, 1);
	world_only(&w, 1);
	w.mbit[0] = 0.1;
	world_run(&w, 12);
	cr_assert(w.paths[0].backup, "%s", w.log);
	w.direct_open = false;
	w.direct_mbit = 0;
	w.mbit[0] = 10;
	world_run(&w, 1);
	cr_assert_not(w.paths[0].backup, "%s", w.log);
}
