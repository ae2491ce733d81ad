/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/decide/expect.h"

#include <math.h>

#define REVERT_S 40.0	  /* time constant by which the last measurement, good or bad, gives way to the mean */
#define FAILED_S 30	  /* a failure this long ago still counts */
#define FAILED_WORTH 0.01 /* factor */
#define DOUBT_S 900.0	  /* time constant by which an old measurement loses its certainty */
#define DOUBT_FEW 0.5	  /* how uncertain a measurement is that took no time, */
#define DOUBT_FEW_S 1.0	  /* and after how many seconds of measuring half of that is left */
#define HOPE 1.6	  /* factor: what a relay never tried may carry, compared with the mean of the others */
#define NEAR_POWER 0.5	  /* ... which counts as the ratio of the round trips to this power, */
#define NEAR_MOST 3.0	  /* and so much at most */

double dt_policy_expect(const struct dt_gain *g, uint64_t now_s)
{
	double age = now_s > g->last_s ? (double)(now_s - g->last_s) : 0, past;

	if (g->last_s == 0)
		return -1;
	if (g->weight_s <= 0) /* it failed, and has never worked */
		return age < 4 * REVERT_S ? 0 : -1;
	past = exp(-age / REVERT_S);
	return g->mean_bps + (g->last_bps - g->mean_bps) * past;
}

/* The mean of the relays measured for this destination; 0: none was. */
static double mean_expectation(const struct dt_policy_input *in)
{
	double sum = 0;
	unsigned count = 0;

	for (size_t i = 0; i < dt_paths_count(in); i++)
		if (in->paths[i].gain.weight_s > 0) {
			sum += in->paths[i].gain.mean_bps;
			count++;
		}
	return count ? sum / count : 0;
}

/* The round trip over this relay; what lies beyond it counts as the direct path's until the relay measured it. 0: unknown */
static double round_trip_us(const struct dt_policy_input *in, const struct dt_path *path)
{
	uint32_t beyond_us = path->rtt_relay_server_us ? path->rtt_relay_server_us : in->direct.srtt_us;

	return path->rtt_us && beyond_us ? (double)path->rtt_us + beyond_us : 0;
}

/* What speaks for a relay that was never measured: the measured ones carry mean_expectation() with longer round trips. */
static double nearness(const struct dt_policy_input *in, const struct dt_path *path)
{
	double sum = 0, own = round_trip_us(in, path);
	unsigned count = 0;

	for (size_t i = 0; i < dt_paths_count(in); i++)
		if (in->paths[i].gain.weight_s > 0 && round_trip_us(in, &in->paths[i]) > 0) {
			sum += round_trip_us(in, &in->paths[i]);
			count++;
		}
	return count && own > 0 ? fmin(fmax(pow(sum / count / own, NEAR_POWER), 1 / NEAR_MOST), NEAR_MOST) : 1;
}

double dt_policy_best_case(const struct dt_policy_input *in, const struct dt_path *path)
{
	double expected = dt_policy_expect(&path->gain, in->now_s), mean = mean_expectation(in) * nearness(in, path);
	double age = in->now_s > path->gain.last_s ? (double)(in->now_s - path->gain.last_s) : 0;
	double doubt;

	if (expected < 0)
		return mean * HOPE;
	doubt = 1 - exp(-age / DOUBT_S) + DOUBT_FEW * DOUBT_FEW_S / (DOUBT_FEW_S + path->gain.weight_s);
	return expected + (mean * HOPE > expected ? (mean * HOPE - expected) * fmin(doubt, 1) : 0);
}

static bool failed_lately(const struct dt_gain *g, uint64_t now_s)
{
	return g->last_s && g->last_bps <= 0 && now_s < g->last_s + FAILED_S;
}

/* Another relay of the same network failed lately, so this one may have failed, too. */
static bool network_failed(const struct dt_policy_input *in, const struct dt_path *path)
{
	for (size_t i = 0; i < dt_paths_count(in); i++)
		if (&in->paths[i] != path && path->network && in->paths[i].network == path->network &&
		    failed_lately(&in->paths[i].gain, in->now_s))
			return true;
	return false;
}

bool dt_policy_did_not_pay(const struct dt_policy_input *in, const struct dt_path *path)
{
	return dt_paths_direct_carries(in) && in->now_s < path->gain.backup_until_s;
}

double dt_policy_worth(const struct dt_policy_input *in, const struct dt_path *path)
{
	double expected = dt_policy_expect(&path->gain, in->now_s);

	if (path->backup_wanted)
		return 0;
	if (expected < 0)
		expected = dt_policy_expect(&path->elsewhere, in->now_s);
	if (expected < 0)
		expected = fmax(mean_expectation(in) * nearness(in, path), 1);
	if (failed_lately(&path->gain, in->now_s))
		return expected * FAILED_WORTH * FAILED_WORTH;
	if (dt_policy_did_not_pay(in, path))
		return expected * FAILED_WORTH;
	return network_failed(in, path) ? expected * FAILED_WORTH : expected;
}

void dt_policy_order(const struct dt_policy_input *in, size_t *order)
{
	double worths[DT_POLICY_PATHS_MAX];

	for (size_t i = 0; i < dt_paths_count(in); i++) {
		size_t at = i;

		worths[i] = in->paths[i].state == DT_PATH_OPENING ? HUGE_VAL : dt_policy_worth(in, &in->paths[i]);
		for (; at > 0 && worths[order[at - 1]] < worths[i]; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
}
