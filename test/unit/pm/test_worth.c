/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether converting pays, from rates second by second. */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "pm/decide/worth.h"

#define MBIT 1e6

static struct dt_worth w;
static uint64_t now_ns;

/* So many seconds at these rates, received. */
static enum dt_worth_verdict seconds_of(unsigned count, double direct, double converted, bool is_full)
{
	const struct dt_worth_moved moved[DT_WORTH_KINDS] = {{{direct, 0}, true}, {{converted, 0}, is_full}};
	enum dt_worth_verdict verdict = dt_worth_judge(&w, now_ns);

	while (count-- > 0) {
		now_ns += DT_SEC;
		dt_worth_second(&w, moved, now_ns);
		verdict = dt_worth_judge(&w, now_ns);
	}
	return verdict;
}

static enum dt_worth_verdict seconds(unsigned count, double direct, double converted)
{
	return seconds_of(count, direct, converted, true);
}

static void begin(void)
{
	w = (struct dt_worth){0};
	now_ns = 1000 * DT_SEC;
}

Test(worth, nothing_known_pays)
{
	begin();
	cr_expect_eq(seconds(10, 0, 0), DT_WORTH_PAYS);
	cr_expect_eq(seconds(10, 0, 5 * MBIT), DT_WORTH_PAYS);
}

Test(worth, faster_stays)
{
	begin();
	seconds(5, 20 * MBIT, 0);
	seconds(2, 0, 0);
	cr_expect_eq(seconds(20, 0, 38 * MBIT), DT_WORTH_PAYS);
	cr_expect_eq(seconds(3000, 0, 0), DT_WORTH_PAYS);
}

Test(worth, slower_is_left_and_tried_again_later_and_later)
{
	begin();
	seconds(5, 20 * MBIT, 0);
	for (unsigned i = 0, wait_s = 600; i < 3; i++, wait_s *= 2) {
		seconds(2, 0, 0);
		seconds(6, 0, 4 * MBIT);
		cr_expect_eq(seconds(1, 0, 0), DT_WORTH_SLOWER, "%u", i);
		cr_expect_eq(seconds(wait_s - 50, 0, 0), DT_WORTH_SLOWER, "%u", i);
		seconds(5, 20 * MBIT, 0);
		cr_expect_eq(seconds(60, 0, 0), DT_WORTH_PAYS, "%u", i);
	}
}

Test(worth, a_slow_program_is_no_loss)
{
	begin();
	seconds(5, 20 * MBIT, 0);
	cr_expect_eq(seconds_of(60, 0, 4 * MBIT, false), DT_WORTH_PAYS);
	/* what it moved once it had more counts */
	cr_expect_eq(seconds(30, 0, 4 * MBIT), DT_WORTH_SLOWER);
}

Test(worth, slower_is_seen_during_a_long_transfer)
{
	begin();
	seconds(5, 20 * MBIT, 0);
	cr_expect_eq(seconds(30, 0, 4 * MBIT), DT_WORTH_SLOWER);
}

/* Detours join after the first seconds. */
Test(worth, a_slow_begin_is_no_loss)
{
	begin();
	seconds(5, 20 * MBIT, 0);
	cr_expect_eq(seconds(5, 0, 10 * MBIT), DT_WORTH_PAYS);
	cr_expect_eq(seconds(30, 0, 38 * MBIT), DT_WORTH_PAYS);
}

Test(worth, both_at_once_tell_nothing)
{
	begin();
	seconds(5, 20 * MBIT, 0);
	cr_expect_eq(seconds(30, 10 * MBIT, 10 * MBIT), DT_WORTH_PAYS);
	cr_expect_eq(seconds(2, 0, 0), DT_WORTH_PAYS);
}

Test(worth, little_tells_nothing)
{
	begin();
	seconds(5, 20 * MBIT, 0);
	seconds(3, 0, 0.5 * MBIT); /* below a megabyte */
	cr_expect_eq(seconds(2, 0, 0), DT_WORTH_PAYS);
}

Test(worth, old_measurements_do_not_count)
{
	begin();
	seconds(5, 20 * MBIT, 0);
	seconds(2000, 0, 0);
	seconds(6, 0, 4 * MBIT);
	cr_expect_eq(seconds(2, 0, 0), DT_WORTH_PAYS);
}

Test(worth, without_anything_to_compare_it_asks)
{
	begin();
	seconds(10, 0, 4 * MBIT);
	cr_expect_eq(seconds(500, 0, 0), DT_WORTH_PAYS);
	cr_expect_eq(seconds(105, 0, 0), DT_WORTH_ASKS);
	cr_expect_eq(seconds(5, 20 * MBIT, 0), DT_WORTH_SLOWER, "what it was before counts");
	begin();
	seconds(10, 0, 4 * MBIT);
	seconds(605, 0, 0);
	cr_expect_eq(seconds(60, 0, 0), DT_WORTH_PAYS, "nobody came");
}

Test(worth, short_ones_are_left_alone)
{
	begin();
	for (int i = 0; i < 20; i++)
		dt_worth_began(&w, now_ns);
	cr_expect_eq(seconds(2, 0, 0.1 * MBIT), DT_WORTH_PAYS);
	cr_expect_eq(seconds(5, 0, 0), DT_WORTH_SHORT);
	cr_expect_eq(seconds(3, 0.1 * MBIT, 0), DT_WORTH_SHORT);
	cr_expect_eq(seconds(5, 20 * MBIT, 0), DT_WORTH_PAYS, "a long one");
	for (int i = 0; i < 20; i++)
		dt_worth_began(&w, now_ns);
	cr_expect_eq(seconds(10, 0, 30 * MBIT), DT_WORTH_PAYS, "long ones");
}

Test(worth, words)
{
	cr_expect_str_empty(dt_worth_text(DT_WORTH_PAYS));
	for (enum dt_worth_verdict v = DT_WORTH_SLOWER; v <= DT_WORTH_ASKS; v++)
		cr_expect_str_not_empty(dt_worth_text(v));
}
