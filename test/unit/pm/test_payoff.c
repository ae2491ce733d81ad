/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gain: what comparisons say, taken together. */
#include <criterion/criterion.h>
#include <math.h>

#include "pm/decide/payoff.h"

static bool is_near(double a, double b)
{
	return fabs(a - b) < 1e-9;
}

static void add(struct dt_payoff *p, double gain, double error, uint64_t now_s)
{
	struct dt_payoff_sample sample = {gain, error};

	dt_payoff_add(p, &sample, 1, now_s);
}

Test(payoff, one_comparison_is_a_ratio_with_its_error)
{
	struct dt_payoff_sample s = dt_payoff_sample(16.1e6, 10e6, 0);

	cr_assert(is_near(s.gain, 0.61) && is_near(s.error, 1.61 * 0.03), "steady rates: what can be resolved");
	s = dt_payoff_sample(16.1e6, 10e6, 0.02);
	cr_assert(is_near(s.error, 1.61 * 0.2), "rates that change by a seventh each second: both are unsure");
	s = dt_payoff_sample(8e6, 10e6, 0);
	cr_assert(is_near(s.gain, -0.2), "detours may take away");
	s = dt_payoff_sample(1e9, 1e-3, 1e9);
	cr_assert(isfinite(s.gain) && isfinite(s.error));
}

Test(payoff, more_comparisons_make_it_surer)
{
	struct dt_payoff p = {0};

	cr_assert(is_near(dt_payoff_error(&p), 0));
	add(&p, 0.6, 0.08, 1000);
	cr_assert(is_near(p.gain, 0.6) && is_near(dt_payoff_error(&p), 0.08));
	add(&p, 0.6, 0.08, 1010);
	add(&p, 0.6, 0.08, 1020);
	add(&p, 0.6, 0.08, 1030);
	cr_assert(is_near(p.gain, 0.6) && is_near(dt_payoff_error(&p), 0.04), "four: half the error");
	cr_assert(p.count == 4 && p.last_s == 1030);
}

Test(payoff, comparisons_that_differ_make_it_less_sure)
{
	struct dt_payoff p = {0};

	add(&p, 0.2, 0.03, 1000);
	add(&p, 1.0, 0.03, 1010);
	cr_assert(is_near(p.gain, 0.6));
	/* the standard error of two values: half their distance */
	cr_assert(is_near(dt_payoff_error(&p), 0.4), "%f", dt_payoff_error(&p));
}

Test(payoff, old_comparisons_lose_influence)
{
	struct dt_payoff p = {0};

	for (int i = 0; i < 1000; i++)
		add(&p, 1, 0.03, 1000);
	cr_assert(is_near(p.gain, 1) && dt_payoff_error(&p) >= 0.01, "never as if all thousand counted");
	for (int i = 0; i < 30; i++)
		add(&p, 0, 0.03, 2000);
	cr_assert(p.gain < 0.05, "%f", p.gain);
}

Test(payoff, a_part_of_it_is_a_relays)
{
	struct dt_payoff_sample sample = {0.8, 0.1};
	struct dt_payoff p = {0};

	dt_payoff_add(&p, &sample, 0.25, 1000);
	cr_assert(is_near(p.gain, 0.2) && is_near(dt_payoff_error(&p), 0.025));
}

static void reads(const struct dt_payoff *p, uint64_t now_s, const char *words)
{
	char text[DT_PAYOFF_STRLEN];

	cr_assert_str_eq(dt_payoff_format(p, now_s, text), words);
}

Test(payoff, reads_as_words)
{
	struct dt_payoff p = {0};

	reads(&p, 1000, "unknown");
	add(&p, 0.612, 0.08, 1000);
	reads(&p, 1004, "+61 % ± 8, measured once, 4 s ago");
	add(&p, 0.612, 0.08, 1000);
	add(&p, 0.612, 0.08, 1000);
	reads(&p, 1240, "+61 % ± 5, measured 3 times, last 4 min ago");
	reads(&p, 900, "+61 % ± 5, measured 3 times, last 0 s ago"); /* the clock was set */
	p = (struct dt_payoff){0};
	add(&p, -0.002, 0.03, 1000);
	reads(&p, 1000, "+0 % ± 3, measured once, 0 s ago");
	p = (struct dt_payoff){0};
	add(&p, -0.2, 0.03, 1000);
	reads(&p, 1000, "-20 % ± 3, measured once, 0 s ago");
	p.count = UINT32_MAX;
	p.gain = p.noise = 1e6;
	p.last_s = 0;
	cr_assert(strlen(dt_payoff_format(&p, UINT64_MAX, (char[DT_PAYOFF_STRLEN]){0})) < DT_PAYOFF_STRLEN);
}
