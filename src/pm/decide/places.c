/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/decide/places.h"

#include "pm/decide/expect.h"
#include "pm/decide/measure.h"

/* --- replacing a detour --- */
#define BETTER 1.15 /* factor: hysteresis */

/* --- trials: part of a connection's busy time may go into measuring other relays --- */
#define TRIALS_BEGIN_NS (6 * DT_SEC) /* from this busy time on: a connection that ends soon would only lose by one */
#define TRIALS_FREE_NS (12 * DT_SEC) /* always allowed, plus */
#define TRIALS_SHARE 0.05	     /* this share */
#define TRIAL_COST_NS (3 * DT_SEC)   /* of the next one, as long as it is not known how long it takes */

/* --- joins --- */
#define JOIN_PATIENCE_NS (1 * DT_SEC) /* an unanswered join gives its place to another relay after this time, */
#define JOIN_PATIENCE_RTTS 2	      /* plus so many round trips */

/* The best one that may be opened now; -1: none. */
static int best_idle(const struct dt_policy_input *in, const bool *taken)
{
	int best = -1;

	for (size_t i = 0; i < dt_paths_count(in); i++) {
		const struct dt_path *path = &in->paths[i];

		if (path->state != DT_PATH_IDLE || !path->usable || taken[i])
			continue;
		if (best < 0 || dt_policy_worth(in, path) > dt_policy_worth(in, &in->paths[best]) * 1.001)
			best = (int)i;
	}
	return best;
}

static void open_add(const struct dt_policy_input *in, struct dt_policy_output *out, size_t i)
{
	double expected = dt_policy_expect(&in->paths[i].gain, in->now_s);

	if (expected < 0)
		dt_action_add(out, DT_ACTION_OPEN, i, "next in order, not measured yet");
	else
		dt_action_add(out, DT_ACTION_OPEN, i, "best of those measured: %.1f Mbit/s expected",
			      expected / DT_MBIT);
}

static uint64_t patience_ns(const struct dt_path *path)
{
	uint64_t beyond_us = path->rtt_relay_server_us ? path->rtt_relay_server_us : 2 * (uint64_t)path->rtt_us;

	return JOIN_PATIENCE_NS + JOIN_PATIENCE_RTTS * 1000 * (path->rtt_us + beyond_us);
}

/* Closes joins that were not answered in time, each only if another path can take its place. Returns how many. */
static unsigned late_joins_close(const struct dt_policy_input *in, struct dt_policy_output *out, unsigned used)
{
	bool taken[DT_POLICY_PATHS_MAX] = {0};
	unsigned closed = 0;

	for (size_t i = 0; i < dt_paths_count(in); i++) {
		const struct dt_path *path = &in->paths[i];
		uint64_t patience = patience_ns(path);
		int other;

		if (path->state != DT_PATH_OPENING || in->now_ns - path->since_ns < patience)
			continue;
		other = best_idle(in, taken);
		if (used - closed > in->limit || other < 0)
			continue;
		taken[other] = true;
		dt_action_add(out, DT_ACTION_CLOSE, i, "the join was not answered in %.1f s: trying another relay",
			      (double)patience / 1e9);
		closed++;
	}
	return closed;
}

void dt_places_fill(const struct dt_policy_input *in, struct dt_policy_output *out)
{
	bool taken[DT_POLICY_PATHS_MAX] = {0};
	unsigned used = 0;
	int next;

	for (size_t i = 0; i < dt_paths_count(in); i++)
		used += in->paths[i].state != DT_PATH_IDLE;
	used -= late_joins_close(in, out, used);
	while (used < in->limit && (next = best_idle(in, taken)) >= 0) {
		taken[next] = true;
		used++;
		open_add(in, out, (size_t)next);
	}
}

/* The open detour that carries least; -1: none can be rated yet. */
static int worst_open(const struct dt_policy_input *in)
{
	int worst = -1;

	for (size_t i = 0; i < dt_paths_count(in); i++) {
		const struct dt_path *path = &in->paths[i];

		/* the policy made it backup because it did not pay: it is replaced first */
		if (path->state == DT_PATH_OPEN && path->memory && path->memory->by_policy && !path->memory->waits)
			return (int)i;
		if (dt_path_is_settled(path, in->now_ns) &&
		    (worst < 0 || path->memory->rate_bps < in->paths[worst].memory->rate_bps))
			worst = (int)i;
	}
	return worst;
}

/* Is known of all detours in use what they carry? Else a good one might be given up, since it is the only one that is known. */
static bool all_rated(const struct dt_policy_input *in)
{
	for (size_t i = 0; i < dt_paths_count(in); i++)
		if (dt_path_carries(&in->paths[i]) && !in->paths[i].backup_wanted &&
		    !dt_path_is_settled(&in->paths[i], in->now_ns))
			return false;
	return true;
}

static bool trials_allowed(const struct dt_chooser *p, const struct dt_policy_input *in)
{
	return all_rated(in) && p->busy_ns >= TRIALS_BEGIN_NS &&
	       (double)(p->trials_ns + TRIAL_COST_NS) <= (double)TRIALS_FREE_NS + TRIALS_SHARE * (double)p->busy_ns;
}

void dt_places_replace(struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out)
{
	int worst = worst_open(in), best = -1, hope = -1;
	double rate;

	for (size_t i = 0; i < dt_paths_count(in); i++)
		if (in->paths[i].state == DT_PATH_OPENING)
			return;
	if (worst < 0)
		return;
	rate = in->paths[worst].memory->by_policy ? 0 : in->paths[worst].memory->rate_bps;
	for (size_t i = 0; i < dt_paths_count(in); i++) {
		const struct dt_path *path = &in->paths[i];

		if (path->state != DT_PATH_IDLE || !path->usable || path->backup_wanted ||
		    dt_policy_did_not_pay(in, path))
			continue;
		if (best < 0 ||
		    dt_policy_expect(&path->gain, in->now_s) > dt_policy_expect(&in->paths[best].gain, in->now_s))
			best = (int)i;
		if (hope < 0 || dt_policy_best_case(in, path) > dt_policy_best_case(in, &in->paths[hope]) * 1.001)
			hope = (int)i;
	}
	if (best >= 0 && dt_policy_expect(&in->paths[best].gain, in->now_s) > rate * BETTER &&
	    dt_policy_expect(&in->paths[best].gain, in->now_s) > p->total_bps * DT_NOTHING_SHARE) {
		double expected = dt_policy_expect(&in->paths[best].gain, in->now_s);

		dt_action_add(out, DT_ACTION_CLOSE, (size_t)worst, "carries %.1f Mbit/s: another relay promises %.1f",
			      rate / DT_MBIT, expected / DT_MBIT);
		open_add(in, out, (size_t)best);
	} else if (hope >= 0 && dt_policy_best_case(in, &in->paths[hope]) > rate * BETTER && trials_allowed(p, in)) {
		struct dt_action *a;

		dt_action_add(out, DT_ACTION_CLOSE, (size_t)worst,
			      "carries %.1f Mbit/s: trying a relay that is less known", rate / DT_MBIT);
		a = dt_action_add(out, DT_ACTION_OPEN, (size_t)hope, "trial: may carry more than %.1f Mbit/s",
				  rate / DT_MBIT);
		if (a)
			a->trial = true;
	}
}
