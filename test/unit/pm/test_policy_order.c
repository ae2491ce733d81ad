/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which relays are opened, and in what order. See policy_world.h. */
#include <criterion/criterion.h>

#include "pm/policy_world.h"

Test(policy, opens_unknown_relays_in_the_users_order)
{
	struct world w;

	world_init(&w, 2);
	w.paths[0].usable = false;
	w.direct.srtt_us = 30000;
	w.paths[3].rtt_us = 1000; /* says nothing as long as nothing was measured */
	world_run(&w, 1);
	cr_assert_str_eq(w.log, "open 1; open 2; ");
}

Test(policy, prefers_near_relays_among_those_never_measured)
{
	struct world w;

	world_init(&w, 2);
	w.direct.srtt_us = 30000;
	dt_gain_note(&w.paths[0].gain, 5 * MBIT, 20, BEGIN_S - 100);
	w.paths[3].rtt_us = 1000;
	world_run(&w, 1);
	cr_assert_str_eq(w.log, "open 3; open 0; ");
}

Test(policy, a_round_trip_that_is_unknown_counts_neither_way)
{
	struct world w;

	world_init(&w, 2);
	dt_gain_note(&w.paths[0].gain, 5 * MBIT, 20, BEGIN_S - 100);
	w.paths[3].rtt_us = 1000; /* and from there on? */
	world_run(&w, 1);
	cr_assert_str_eq(w.log, "open 0; open 1; ");
}

Test(policy, what_the_relay_measured_counts_more_than_the_direct_path)
{
	struct world w;

	world_init(&w, 2);
	w.direct.srtt_us = 30000;
	dt_gain_note(&w.paths[0].gain, 5 * MBIT, 20, BEGIN_S - 100);
	w.paths[3].rtt_us = 1000;
	w.paths[3].rtt_relay_server_us = 200000;
	w.paths[2].rtt_us = 19000;
	world_run(&w, 1);
	cr_assert_str_eq(w.log, "open 2; open 0; ");
}

Test(policy, opens_the_best_measured_relay_first)
{
	struct world w;

	world_init(&w, 1);
	dt_gain_note(&w.paths[1].gain, 5 * MBIT, 20, BEGIN_S - 100);
	dt_gain_note(&w.paths[3].gain, 30 * MBIT, 20, BEGIN_S - 100);
	world_run(&w, 1);
	cr_assert_str_eq(w.log, "open 3; ");
}

Test(policy, opens_a_failed_relay_last_and_others_of_its_network_before_it)
{
	struct world w;

	world_init(&w, 3);
	for (int i = 0; i < PATHS; i++) {
		dt_gain_note(&w.paths[i].gain, (40 - i) * MBIT, 20, BEGIN_S - 100);
		w.paths[i].network = i < 2 ? 7 : (uint32_t)i; /* the first two share one */
	}
	w.paths[0].gain.last_bps = 0;
	w.paths[0].gain.last_s = BEGIN_S - 1;
	world_run(&w, 1);
	cr_assert_str_eq(w.log, "open 2; open 3; open 1; ");
}

Test(policy, keeps_to_the_limit)
{
	struct world w;

	for (unsigned limit = 0; limit <= PATHS; limit++) {
		unsigned open = 0;

		world_init(&w, limit);
		for (int s = 0; s < 60; s++) {
			world_run(&w, 1);
			open = 0;
			for (int i = 0; i < PATHS; i++)
				open += w.paths[i].state != DT_PATH_IDLE;
			cr_assert(open <= limit);
		}
		cr_assert(open == limit);
	}
}

Test(policy, an_unanswered_join_gives_its_place_to_another_relay)
{
	struct dt_path paths[2] = {{.state = DT_PATH_OPENING, .since_ns = 1, .rtt_us = 10000}, {.usable = true}};
	struct dt_policy_input in = {
		.now_ns = 400000000, .now_s = BEGIN_S, .limit = 1, .direct_open = true, .paths = paths, .npaths = 2};
	struct dt_chooser chooser = {0};
	struct dt_policy_output out;

	dt_policy_tick(&chooser, &in, &out);
	cr_assert(out.count == 0);
	in.now_ns = 1500000000;
	dt_policy_tick(&chooser, &in, &out);
	cr_assert(out.count == 2 && out.actions[0].kind == DT_ACTION_CLOSE && out.actions[1].kind == DT_ACTION_OPEN);
	/* without another relay it stays */
	paths[1].usable = false;
	dt_policy_tick(&chooser, &in, &out);
	cr_assert(out.count == 0);
}

Test(policy, an_expectation_returns_to_the_mean)
{
	struct dt_gain g = {0};

	cr_assert(dt_policy_expect(&g, BEGIN_S) < 0);
	dt_gain_note(&g, 10 * MBIT, 300, BEGIN_S);
	dt_gain_note(&g, 1 * MBIT, 1, BEGIN_S + 1);
	cr_assert(dt_policy_expect(&g, BEGIN_S + 1) < 1.1 * MBIT);
	cr_assert(dt_policy_expect(&g, BEGIN_S + 400) > 9.8 * MBIT);
}
