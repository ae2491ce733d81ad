/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first moments of a detour. */
#include <criterion/criterion.h>

#include "pm/decide/early.h"

#define MS 1000000ULL

/* Looks every 50 ms until 1 s after the join at joined_ms. Returns when the detour became backup; 0: it did not. */
static unsigned backup_after_ms(double direct_pace, double pace, uint32_t srtt_us, uint64_t joined_ms)
{
	struct dt_path_memory memory = {0}, direct_memory = {0};
	struct dt_path path = {
		.state = DT_PATH_OPEN, .since_ns = joined_ms * MS, .srtt_us = srtt_us, .pace = pace, .memory = &memory};
	struct dt_policy_input in = {
		.direct_open = true,
		.direct = {.state = DT_PATH_OPEN, .since_ns = 1, .pace = direct_pace, .memory = &direct_memory},
		.paths = &path,
		.npaths = 1};

	for (unsigned ms = 50; ms <= 1000; ms += DT_EARLY_LOOK_MS) {
		struct dt_policy_output out;

		in.now_ns = (joined_ms + ms) * MS;
		dt_early_look(&in, &out);
		if (out.count == 0)
			continue;
		cr_assert(out.actions[0].kind == DT_ACTION_BACKUP_ON && memory.by_policy && memory.waits);
		cr_assert(memory.backups == 0, "that is no verdict");
		return ms;
	}
	return 0;
}

Test(early, a_detour_that_is_slower_by_far_is_left_at_once)
{
	unsigned ms = backup_after_ms(3000, 300, 20000, 200);

	cr_assert(ms >= 120 && ms <= 200, "%u", ms);
	ms = backup_after_ms(3000, 300, 100000, 200);
	cr_assert(ms >= 600 && ms <= 700, "six round trips, not %u ms", ms);
}

Test(early, a_detour_that_is_about_as_fast_stays)
{
	cr_assert(backup_after_ms(3000, 2000, 20000, 200) == 0);
}

/* A direct path of long round trips delivers in bursts. What the detour carries behind one waits for it. */
Test(early, a_detour_beside_bursts_is_left_only_after_a_round_trip_of_little)
{
	struct dt_path_memory memory = {0};
	struct dt_path path = {.state = DT_PATH_OPEN, .srtt_us = 60000, .memory = &memory};
	struct dt_policy_input in = {
		.direct_open = true, .direct = {.state = DT_PATH_OPEN, .srtt_us = 220000}, .paths = &path, .npaths = 1};
	struct dt_policy_output out;

	for (unsigned ms = 20; ms <= 1400; ms += DT_EARLY_LOOK_MS) {
		bool burst = ms % 220 < 140;

		in.direct.pace = burst ? 860 : 0;
		path.pace = burst ? 100 : 800;
		in.now_ns = ms * MS;
		dt_early_look(&in, &out);
		cr_assert(out.count == 0, "%u ms", ms);
	}
	path.pace = 100;
	in.direct.pace = 860;
	memory = (struct dt_path_memory){0};
	for (unsigned ms = 600; ms < 800; ms += DT_EARLY_LOOK_MS) {
		in.now_ns = ms * MS;
		dt_early_look(&in, &out);
		cr_assert(out.count == 0, "%u ms", ms);
	}
	in.now_ns = 820 * MS;
	dt_early_look(&in, &out);
	cr_assert(out.count == 1);
}

Test(early, nothing_is_known_while_the_direct_path_is_slow_or_the_connection_old)
{
	cr_assert(backup_after_ms(100, 10, 20000, 200) == 0);
	cr_assert(backup_after_ms(0, 0, 20000, 200) == 0);
	cr_assert(backup_after_ms(3000, 300, 20000, 5000) == 0);
}

Test(early, no_detour_is_young_any_more_after_a_while)
{
	struct dt_path_memory memory = {0};
	struct dt_path path = {.state = DT_PATH_OPENING, .memory = &memory};
	struct dt_policy_input in = {.direct_open = true, .paths = &path, .npaths = 1};
	struct dt_policy_output out;

	cr_assert(dt_early_look(&in, &out), "it may still come");
	path.state = DT_PATH_OPEN;
	cr_assert(dt_early_look(&in, &out));
	in.now_ns = 1600 * MS;
	cr_assert_not(dt_early_look(&in, &out));
}

Test(early, a_narrow_detour_is_left_in_slow_start)
{
	struct dt_path_memory memory = {0};
	struct dt_path path = {.state = DT_PATH_OPEN, .srtt_us = 60000, .narrow = 2000, .memory = &memory};
	struct dt_policy_input in = {.direct_open = true,
				     .direct = {.state = DT_PATH_OPEN, .pace = 3000},
				     .now_ns = 60 * MS,
				     .paths = &path,
				     .npaths = 1};
	struct dt_policy_output out;

	cr_assert(dt_early_look(&in, &out) && out.count == 0);
	path.narrow = 300;
	dt_early_look(&in, &out);
	cr_assert(out.count == 1 && out.actions[0].kind == DT_ACTION_BACKUP_ON && memory.waits);
}
