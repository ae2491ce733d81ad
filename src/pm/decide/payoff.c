/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/decide/payoff.h"

#include <math.h>
#include <stdio.h>

#include "base/units.h"

/* A comparison of two rates, each seen for one or two seconds, tells no smaller difference, whatever it seems. */
#define ERROR_MIN 0.03
/* Rates that change more than this from second to second are no surer than this. */
#define UNSTEADY_MAX 1.0
/* A direct path that carries next to nothing makes the ratio meaningless: "more than" this is all that can be said. */
#define GAIN_MAX 1000.0

struct dt_payoff_sample dt_payoff_sample(double with_bps, double without_bps, double unsteady)
{
	double ratio = fmin(with_bps / without_bps, GAIN_MAX);
	/* of both rates */
	double relative = sqrt(2 * fmin(unsteady, UNSTEADY_MAX));

	return (struct dt_payoff_sample){ratio - 1, ratio * fmax(relative, ERROR_MIN)};
}

void dt_payoff_add(struct dt_payoff *p, const struct dt_payoff_sample *sample, double share, uint64_t now_s)
{
	double gain = sample->gain * share, error = sample->error * share;
	double weight, away = gain - p->gain;

	p->count++;
	weight = 1.0 / (p->count < DT_PAYOFF_WEIGHT ? p->count : DT_PAYOFF_WEIGHT);
	p->gain += weight * away;
	p->scatter = (1 - weight) * (p->scatter + weight * away * away);
	p->noise += weight * (error * error - p->noise);
	p->last_s = now_s;
}

double dt_payoff_error(const struct dt_payoff *p)
{
	double n = p->count < DT_PAYOFF_WEIGHT ? p->count : DT_PAYOFF_WEIGHT;

	if (p->count == 0)
		return 0;
	/* measurements that differ by more than their own errors show that the gain itself changes */
	return sqrt(fmax(n > 1 ? p->scatter * n / (n - 1) : 0, p->noise) / n);
}

const char *dt_payoff_format(const struct dt_payoff *p, uint64_t now_s, char *buf)
{
	char age[DT_UNITS_STRLEN], times[24];
	/* rounded here, so that nothing is "-0 %" */
	long percent = lround(p->gain * 100), error = lround(dt_payoff_error(p) * 100);

	if (p->count == 0) {
		snprintf(buf, DT_PAYOFF_STRLEN, "unknown");
		return buf;
	}
	if (p->count == 1)
		snprintf(times, sizeof(times), "once,");
	else
		snprintf(times, sizeof(times), "%u times, last", p->count);
	snprintf(buf, DT_PAYOFF_STRLEN, "%+ld %% ± %ld, measured %s %s ago", percent, error, times,
		 dt_duration_format(now_s > p->last_s ? now_s - p->last_s : 0, age));
	return buf;
}
