/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gain: what detours add to what a connection would have without them, as a share of that: 0.61 is 61 % more. It is
 * measured only where the policy compares (compare.c), and never estimated. docs/policy.md defines it for every view.
 * Pure.
 */
#ifndef DETOURD_PM_DECIDE_PAYOFF_H
#define DETOURD_PM_DECIDE_PAYOFF_H

#include <stdint.h>

#define DT_PAYOFF_STRLEN 96
/* The mean is that of about so many measurements; older ones lose influence. */
#define DT_PAYOFF_WEIGHT 8

/* One measurement. */
struct dt_payoff_sample {
	double gain;
	double error; /* standard error of gain; never below what a comparison can resolve */
};

/* What is known. All zero: unknown. */
struct dt_payoff {
	unsigned count;	 /* measurements, all of them */
	double gain;	 /* weighted mean */
	double scatter;	 /* mean square of the measurements' distance from it */
	double noise;	 /* mean square of their own errors */
	uint64_t last_s; /* time of the last one, seconds since 1970 */
};

/*
 * with_bps, without_bps: the connection's rate with and without its detours; without_bps above 0. unsteady: mean square
 * of the relative deviation of its rate from second to second.
 */
struct dt_payoff_sample dt_payoff_sample(double with_bps, double without_bps, double unsteady);
/* share: the part of it that counts here, 0 to 1: of what all detours added, what one carried. */
void dt_payoff_add(struct dt_payoff *p, const struct dt_payoff_sample *sample, double share, uint64_t now_s);
/* Standard error of the mean; 0 if the gain is unknown. */
double dt_payoff_error(const struct dt_payoff *p);
/* "+61 % ± 8, measured 3 times, last 4 min ago", or "unknown". buf holds DT_PAYOFF_STRLEN bytes; returns buf. */
const char *dt_payoff_format(const struct dt_payoff *p, uint64_t now_s, char *buf);

#endif
