/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/policy.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SEC 1000000000ULL
#define MBIT 1e6

/* --- senses --- */
#define SMOOTH 0.5	     /* weight of the last tick */
#define BEST_FADE 0.95	     /* of the fastest tick, a tick */
#define BUSY_MIN_BPS 5e5     /* slower connections say nothing about paths */
#define BUSY_SHARE 0.5	     /* of the fastest tick: the application waits for the network, not the other way round */
#define WARM_UP_NS (2 * SEC) /* slow start: what a path carries in its first seconds says little */

/* --- expectation --- */
#define REVERT_S 40.0 /* a path that got slow, or failed, is as good as ever again after a few of these */
#define FAILED_S 30   /* lately */
#define FAILED_WORTH 0.01
#define DOUBT_S 900.0 /* a relay not used for so long may have become better */

/* --- change --- */
#define BETTER 1.15	     /* hysteresis: the other must promise so much more */
#define SETTLED_NS (3 * SEC) /* a path is judged after so long */
#define SETTLED_TICKS 2
#define HOPE 1.6 /* a relay never tried may be so much better than the mean of those that were */

/* --- exploration --- */
#define TRIALS_FREE_NS (12 * SEC) /* of a busy connection, and */
#define TRIALS_SHARE 0.05	  /* of its busy time */
#define TRIAL_COST_NS SETTLED_NS

/* --- never harmful --- */
#define NOTHING_SHARE 0.02 /* a detour that carries less is not worth its risk */
#define NOTHING_TICKS 4
#define ADDS 1.03 /* what detours must add to the connection without them */
#define COMPARE_NS (2 * SEC)
#define COMPARE_DOUBT_NS (4 * SEC) /* busy time before the first comparison, when there is doubt; else */
#define COMPARE_FIRST_NS (120 * SEC)
#define COMPARE_AGAIN_NS (300 * SEC)
#define COMPARED UINT64_MAX /* backup until the comparison ends */
#define SLOW_RTT 4.0	    /* times the direct path's: doubt */
#define SMALL_SHARE 0.25
#define MOST_SHARE 0.67 /* whoever carries that much answers late because it is full, and its absence would be felt */
/* Of what the direct path carries: then the comparison does not wait, for paths so unlike are those that harm most. */
#define LITTLE_SHARE 0.35
#define LITTLE_TICKS 2
#define LITTLE_RTTS 10		    /* before that, and the first half second, it is slow start */
#define ADDS_LITTLE 1.1		    /* what such detours must add: the end of a transfer waits for the slowest path */
#define COMPARE_LITTLE_NS (1 * SEC) /* such a comparison: it is to end before the connection does */
#define BACKUP_NS (30 * SEC)	    /* doubles with each time in a row */
#define BACKUP_DOUBLINGS 4
#define VAIN_S 3600 /* so long after its time as backup is over, it counts as never judged */

/* --- joins --- */
#define JOIN_PATIENCE_NS (1 * SEC)
#define JOIN_PATIENCE_RTTS 2

double dt_policy_expect(const struct dt_gain *g, uint64_t now_s)
{
	double age = now_s > g->last_s ? (double)(now_s - g->last_s) : 0, past;

	if (g->last_s == 0)
		return -1;
	if (g->weight_s <= 0) /* it never worked */
		return age < 4 * REVERT_S ? 0 : -1;
	past = exp(-age / REVERT_S);
	return g->mean_bps + (g->last_bps - g->mean_bps) * past;
}

/* --- words ------------------------------------------------------------------------------------- */

__attribute__((format(printf, 4, 5))) static struct dt_action *
act(struct dt_policy_output *out, enum dt_action_kind kind, size_t path, const char *format, ...)
{
	struct dt_action *a;
	va_list args;

	if (out->count == DT_POLICY_ACTIONS_MAX)
		return NULL;
	a = &out->actions[out->count++];
	a->kind = kind;
	a->path = path;
	a->trial = false;
	va_start(args, format);
	vsnprintf(a->reason, sizeof(a->reason), format, args);
	va_end(args);
	return a;
}

/* --- senses ------------------------------------------------------------------------------------ */

static size_t npaths(const struct dt_policy_input *in)
{
	return in->npaths < DT_POLICY_PATHS_MAX ? in->npaths : DT_POLICY_PATHS_MAX;
}

static void sample(const struct dt_path *path, uint64_t now_ns)
{
	struct dt_path_memory *m = path->memory;

	m->learn = false;
	m->tick_bps = 0;
	/* zero may be all that was not seen yet */
	if (m->bytes && now_ns > m->sampled_ns && path->bytes >= m->bytes)
		m->tick_bps = (double)(path->bytes - m->bytes) * 8e9 / (double)(now_ns - m->sampled_ns);
	m->sampled_ns = now_ns;
	m->bytes = path->bytes;
}

static double smooth(double old, double fresh)
{
	return old > 0 ? old + (fresh - old) * SMOOTH : fresh;
}

static bool carries(const struct dt_path *path)
{
	return path->state == DT_PATH_OPEN && !path->backup && path->memory;
}

/* In the last tick, or, if that was its first, from its start on. */
static double rate_now(const struct dt_path *path, uint64_t now_ns)
{
	if (path->memory->tick_bps > 0 || now_ns <= path->since_ns)
		return path->memory->tick_bps;
	return (double)path->bytes * 8e9 / (double)(now_ns - path->since_ns);
}

/* ... beside the direct path. */
static bool carries_little(const struct dt_policy_input *in, const struct dt_path *path)
{
	uint64_t age_ns = in->now_ns - path->since_ns;

	if (!in->direct_open || !in->direct.memory || path->bytes == 0)
		return false;
	if (age_ns < SEC / 2 || age_ns < LITTLE_RTTS * 1000ULL * path->srtt_us)
		return false;
	return rate_now(path, in->now_ns) < rate_now(&in->direct, in->now_ns) * LITTLE_SHARE;
}

/* Takes the tick in; true if the connection was busy in it. */
static bool sense(struct dt_policy *p, const struct dt_policy_input *in)
{
	uint64_t tick_ns = p->ticked_ns ? in->now_ns - p->ticked_ns : 0;
	double total = 0;
	bool alone = true, busy;

	p->ticked_ns = in->now_ns;
	p->learn_alone = false;
	if (in->direct_open && in->direct.memory) {
		sample(&in->direct, in->now_ns);
		total = in->direct.memory->tick_bps;
	}
	for (size_t i = 0; i < npaths(in); i++) {
		const struct dt_path *path = &in->paths[i];

		if (path->state != DT_PATH_OPEN || !path->memory)
			continue;
		sample(path, in->now_ns);
		total += path->memory->tick_bps;
		alone = alone && path->backup;
	}
	p->last_bps = total;
	p->best_bps = fmax(total, p->best_bps * BEST_FADE);
	busy = total >= BUSY_MIN_BPS && total >= p->best_bps * BUSY_SHARE;
	if (!busy)
		return false;
	p->busy_ns += tick_ns;
	p->total_bps = smooth(p->total_bps, total);
	p->learn_alone = alone && in->direct_open && p->busy_ns >= WARM_UP_NS;
	for (size_t i = 0; i < npaths(in); i++) {
		const struct dt_path *path = &in->paths[i];
		struct dt_path_memory *m = path->memory;

		if (!carries(path))
			continue;
		m->little = carries_little(in, path) ? m->little + 1 : 0;
		if (in->now_ns - path->since_ns < WARM_UP_NS)
			continue;
		m->rate_bps = smooth(m->rate_bps, m->tick_bps);
		m->busy++;
		m->learn = true;
		m->idle_share = m->tick_bps < total * NOTHING_SHARE ? m->idle_share + 1 : 0;
	}
	for (size_t i = 0; i < npaths(in); i++) {
		struct dt_path_memory *m = in->paths[i].memory;

		if (!m || !m->trial)
			continue;
		p->trials_ns += tick_ns;
		m->trial = in->now_ns - in->paths[i].since_ns < SETTLED_NS;
	}
	return true;
}

static bool is_settled(const struct dt_path *path, uint64_t now_ns)
{
	return carries(path) && !path->backup_wanted && now_ns - path->since_ns >= SETTLED_NS &&
	       path->memory->busy >= SETTLED_TICKS;
}

/* --- opening ----------------------------------------------------------------------------------- */

/* What relays of this destination are worth in the mean; 0: nothing is known of any. */
static double mean_expectation(const struct dt_policy_input *in)
{
	double sum = 0;
	unsigned count = 0;

	for (size_t i = 0; i < npaths(in); i++)
		if (in->paths[i].gain.weight_s > 0) {
			sum += in->paths[i].gain.mean_bps;
			count++;
		}
	return count ? sum / count : 0;
}

static bool failed_lately(const struct dt_gain *g, uint64_t now_s)
{
	return g->last_s && g->last_bps <= 0 && now_s < g->last_s + FAILED_S;
}

/* Relays of one network fail together: did another one just now? */
static bool network_failed(const struct dt_policy_input *in, const struct dt_path *path)
{
	for (size_t i = 0; i < npaths(in); i++)
		if (&in->paths[i] != path && path->network && in->paths[i].network == path->network &&
		    failed_lately(&in->paths[i].gain, in->now_s))
			return true;
	return false;
}

/* It did not pay lately, and is no more than a backup while the direct path is there. */
static bool is_vain(const struct dt_policy_input *in, const struct dt_path *path)
{
	return in->direct_open && in->now_s < path->gain.vain_until_s;
}

bool dt_policy_begin(const struct dt_policy_input *in, const struct dt_path *path, struct dt_path_memory *memory)
{
	memset(memory, 0, sizeof(*memory));
	if (path->backup_wanted || !is_vain(in, path))
		return false;
	memory->by_policy = true;
	memory->backups = path->gain.vain;
	memory->backup_until_ns = in->now_ns + (path->gain.vain_until_s - in->now_s) * SEC;
	return true;
}

/*
 * Of which nothing is known counts as the mean of the others. What failed lately comes after what did not, and its
 * neighbours in between. At equal worth the user's order holds.
 */
static double worth(const struct dt_policy_input *in, const struct dt_path *path)
{
	double expected = dt_policy_expect(&path->gain, in->now_s);

	if (path->backup_wanted)
		return 0;
	if (expected < 0)
		expected = fmax(mean_expectation(in), 1);
	if (failed_lately(&path->gain, in->now_s))
		return expected * FAILED_WORTH * FAILED_WORTH;
	if (is_vain(in, path))
		return expected * FAILED_WORTH;
	return network_failed(in, path) ? expected * FAILED_WORTH : expected;
}

void dt_policy_order(const struct dt_policy_input *in, size_t *order)
{
	double worths[DT_POLICY_PATHS_MAX];

	for (size_t i = 0; i < npaths(in); i++) {
		size_t at = i;

		worths[i] = in->paths[i].state == DT_PATH_OPENING ? HUGE_VAL : worth(in, &in->paths[i]);
		for (; at > 0 && worths[order[at - 1]] < worths[i]; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
}

/* The best that may be opened; -1: none. */
static int best_idle(const struct dt_policy_input *in, const bool *taken)
{
	int best = -1;

	for (size_t i = 0; i < npaths(in); i++) {
		const struct dt_path *path = &in->paths[i];

		if (path->state != DT_PATH_IDLE || !path->usable || taken[i])
			continue;
		if (best < 0 || worth(in, path) > worth(in, &in->paths[best]) * 1.001)
			best = (int)i;
	}
	return best;
}

static void open_reason(const struct dt_policy_input *in, struct dt_policy_output *out, size_t i, const char *why)
{
	double expected = dt_policy_expect(&in->paths[i].gain, in->now_s);

	if (expected < 0)
		act(out, DT_ACTION_OPEN, i, "%snext in order, not measured yet", why);
	else
		act(out, DT_ACTION_OPEN, i, "%sbest of those measured: %.1f Mbit/s expected", why, expected / MBIT);
}

static uint64_t patience_ns(const struct dt_path *path)
{
	uint64_t beyond_us = path->rtt_relay_server_us ? path->rtt_relay_server_us : 2 * (uint64_t)path->rtt_us;

	return JOIN_PATIENCE_NS + JOIN_PATIENCE_RTTS * 1000 * (path->rtt_us + beyond_us);
}

static void fill(const struct dt_policy_input *in, struct dt_policy_output *out)
{
	bool taken[DT_POLICY_PATHS_MAX] = {0};
	unsigned used = 0;
	int next;

	for (size_t i = 0; i < npaths(in); i++)
		used += in->paths[i].state != DT_PATH_IDLE;
	for (size_t i = 0; i < npaths(in); i++) {
		const struct dt_path *path = &in->paths[i];
		uint64_t patience = patience_ns(path);

		if (path->state != DT_PATH_OPENING)
			continue;
		if (in->now_ns - path->since_ns < patience) {
			uint64_t due_ns = path->since_ns + patience;

			if (!out->again_ns || due_ns < out->again_ns)
				out->again_ns = due_ns;
			continue;
		}
		/* only in favour of another one */
		if (used > in->limit || best_idle(in, taken) < 0)
			continue;
		taken[best_idle(in, taken)] = true;
		act(out, DT_ACTION_CLOSE, i, "the join was not answered in %.1f s: another relay gets its place",
		    (double)patience / 1e9);
		used--;
	}
	memset(taken, 0, sizeof(taken));
	while (used < in->limit && (next = best_idle(in, taken)) >= 0) {
		taken[next] = true;
		used++;
		open_reason(in, out, (size_t)next, "");
	}
}

void dt_policy_fill(struct dt_policy *p, const struct dt_policy_input *in, struct dt_policy_output *out)
{
	(void)p;
	memset(out, 0, sizeof(*out));
	fill(in, out);
}

/* --- replacing --------------------------------------------------------------------------------- */

/* The open detour that carries least; -1: none may be judged. */
static int worst_open(const struct dt_policy_input *in)
{
	int worst = -1;

	for (size_t i = 0; i < npaths(in); i++) {
		const struct dt_path *path = &in->paths[i];

		/* one that we made backup did not pay: it goes first */
		if (path->state == DT_PATH_OPEN && path->memory && path->memory->by_policy)
			return (int)i;
		if (is_settled(path, in->now_ns) &&
		    (worst < 0 || path->memory->rate_bps < in->paths[worst].memory->rate_bps))
			worst = (int)i;
	}
	return worst;
}

/* The best that an idle relay may turn out to be: one not tried, or not for long, gets the benefit of doubt. */
static double hoped(const struct dt_policy_input *in, const struct dt_path *path)
{
	double expected = dt_policy_expect(&path->gain, in->now_s), mean = mean_expectation(in);
	double age = in->now_s > path->gain.last_s ? (double)(in->now_s - path->gain.last_s) : 0;
	double doubt;

	if (expected < 0)
		return mean * HOPE;
	doubt = 1 - exp(-age / DOUBT_S) + 4 / (4 + path->gain.weight_s) * 0.5;
	return expected + (mean * HOPE > expected ? (mean * HOPE - expected) * fmin(doubt, 1) : 0);
}

static bool trials_allowed(const struct dt_policy *p)
{
	return (double)(p->trials_ns + TRIAL_COST_NS) <= (double)TRIALS_FREE_NS + TRIALS_SHARE * (double)p->busy_ns;
}

static void replace(struct dt_policy *p, const struct dt_policy_input *in, struct dt_policy_output *out)
{
	int worst = worst_open(in), best = -1, hope = -1;
	double rate;

	for (size_t i = 0; i < npaths(in); i++)
		if (in->paths[i].state == DT_PATH_OPENING)
			return;
	if (worst < 0)
		return;
	rate = in->paths[worst].memory->by_policy ? 0 : in->paths[worst].memory->rate_bps;
	for (size_t i = 0; i < npaths(in); i++) {
		const struct dt_path *path = &in->paths[i];

		if (path->state != DT_PATH_IDLE || !path->usable || path->backup_wanted || is_vain(in, path))
			continue;
		if (best < 0 ||
		    dt_policy_expect(&path->gain, in->now_s) > dt_policy_expect(&in->paths[best].gain, in->now_s))
			best = (int)i;
		if (hope < 0 || hoped(in, path) > hoped(in, &in->paths[hope]) * 1.001)
			hope = (int)i;
	}
	if (best >= 0 && dt_policy_expect(&in->paths[best].gain, in->now_s) > rate * BETTER &&
	    dt_policy_expect(&in->paths[best].gain, in->now_s) > p->total_bps * NOTHING_SHARE) {
		double expected = dt_policy_expect(&in->paths[best].gain, in->now_s);

		act(out, DT_ACTION_CLOSE, (size_t)worst, "carries %.1f Mbit/s; another relay promises %.1f",
		    rate / MBIT, expected / MBIT);
		open_reason(in, out, (size_t)best, "");
	} else if (hope >= 0 && hoped(in, &in->paths[hope]) > rate * BETTER && trials_allowed(p)) {
		struct dt_action *a;

		act(out, DT_ACTION_CLOSE, (size_t)worst, "carries %.1f Mbit/s: a relay less known gets its turn",
		    rate / MBIT);
		a = act(out, DT_ACTION_OPEN, (size_t)hope, "trial: may carry more than %.1f Mbit/s", rate / MBIT);
		if (a)
			a->trial = true;
	}
}

/* --- never harmful ----------------------------------------------------------------------------- */

static void backup(const struct dt_policy_input *in, const struct dt_path *path)
{
	struct dt_path_memory *m = path->memory;
	uint64_t wait_ns;

	if (m->backups < path->gain.vain && in->now_s < path->gain.vain_until_s + VAIN_S)
		m->backups = path->gain.vain;
	wait_ns = BACKUP_NS << (m->backups < BACKUP_DOUBLINGS ? m->backups : BACKUP_DOUBLINGS);
	m->by_policy = true;
	m->backup_until_ns = in->now_ns + wait_ns;
	m->backups++;
	m->judged = true;
	m->vain_until_s = in->now_s + wait_ns / SEC;
	m->idle_share = 0;
	m->busy = 0;
}

/* A detour that adds next to nothing can only get in the way. One whose time is over is tried again. */
static void judge_each(const struct dt_policy_input *in, struct dt_policy_output *out)
{
	for (size_t i = 0; i < npaths(in); i++) {
		const struct dt_path *path = &in->paths[i];
		struct dt_path_memory *m = path->memory;

		if (path->state != DT_PATH_OPEN || !m)
			continue;
		if (m->by_policy && path->backup && in->direct_open && in->now_ns >= m->backup_until_ns) {
			m->by_policy = false;
			m->little = 0;
			act(out, DT_ACTION_BACKUP_OFF, i, "tried again after its time as backup");
		} else if (in->direct_open && is_settled(path, in->now_ns) && m->idle_share >= NOTHING_TICKS) {
			backup(in, path);
			act(out, DT_ACTION_BACKUP_ON, i, "carries less than %.0f %%: backup for %llu s",
			    NOTHING_SHARE * 100, (unsigned long long)((m->backup_until_ns - in->now_ns) / SEC));
		}
	}
}

/* The direct path is gone: what was backup carries all, and may as well know it. */
static void direct_gone(struct dt_policy *p, const struct dt_policy_input *in, struct dt_policy_output *out)
{
	p->compare_until_ns = 0;
	for (size_t i = 0; i < npaths(in); i++) {
		struct dt_path_memory *m = in->paths[i].memory;

		if (in->paths[i].state != DT_PATH_OPEN || !m || !m->by_policy)
			continue;
		m->by_policy = false;
		act(out, DT_ACTION_BACKUP_OFF, i, "the direct path is gone");
	}
}

/* Does anything speak for a comparison soon? */
static const char *doubt(const struct dt_policy *p, const struct dt_policy_input *in)
{
	double alone = dt_policy_expect(&in->direct.gain, in->now_s);

	if (alone > 0)
		return p->total_bps < alone * ADDS ? "the connection is no faster than without" : NULL;
	for (size_t i = 0; i < npaths(in); i++) {
		const struct dt_path *path = &in->paths[i];

		if (!is_settled(path, in->now_ns))
			continue;
		if (in->direct.srtt_us && path->srtt_us > in->direct.srtt_us * SLOW_RTT && path->srtt_us > 20000 &&
		    path->memory->rate_bps < p->total_bps * MOST_SHARE)
			return "slow answers may hold the others up";
		if (path->memory->rate_bps < p->total_bps * SMALL_SHARE)
			return "a detour carries little";
	}
	return NULL;
}

/* All that carry anything have carried little for a while. */
static bool all_carry_little(const struct dt_policy_input *in)
{
	bool any = false;

	for (size_t i = 0; i < npaths(in); i++) {
		const struct dt_path *path = &in->paths[i];

		if (!carries(path) || path->backup_wanted)
			continue;
		if (path->memory->little < LITTLE_TICKS)
			return false;
		any = true;
	}
	return any;
}

/* Busy time from the last comparison, or the start, to the next. */
static uint64_t compare_wait_ns(const struct dt_policy *p, bool doubted)
{
	if (!p->compared_ns)
		return doubted ? COMPARE_DOUBT_NS : COMPARE_FIRST_NS;
	return doubted ? COMPARE_FIRST_NS : COMPARE_AGAIN_NS;
}

static void compare_begin(struct dt_policy *p, const struct dt_policy_input *in, struct dt_policy_output *out,
			  bool little, const char *why)
{
	uint64_t long_ns = little ? COMPARE_LITTLE_NS : COMPARE_NS;

	p->compare_until_ns = in->now_ns + long_ns + SEC / 2;
	p->compare_little = little;
	p->compare_with_bps = little ? p->last_bps : p->total_bps; /* little: what was before that was slow start */
	p->compare_alone_bps = 0;
	p->compare_ticks = 0;
	p->compared_ns = p->busy_ns;
	for (size_t i = 0; i < npaths(in); i++)
		if (carries(&in->paths[i])) {
			in->paths[i].memory->by_policy = true;
			in->paths[i].memory->backup_until_ns = COMPARED;
			act(out, DT_ACTION_BACKUP_ON, i, "comparison for %llu s: %s",
			    (unsigned long long)(long_ns / SEC), why);
		}
}

static void compare_end(struct dt_policy *p, const struct dt_policy_input *in, struct dt_policy_output *out)
{
	bool pays = p->compare_with_bps >= p->compare_alone_bps * (p->compare_little ? ADDS_LITTLE : ADDS);

	p->compare_until_ns = 0;
	p->vain = pays ? 0 : p->vain + 1;
	for (size_t i = 0; i < npaths(in); i++) {
		struct dt_path_memory *m = in->paths[i].memory;

		if (in->paths[i].state != DT_PATH_OPEN || !m || m->backup_until_ns != COMPARED)
			continue;
		if (pays) {
			m->by_policy = false;
			m->backup_until_ns = 0;
			m->backups = 0;
			m->judged = true;
			m->vain_until_s = 0;
			act(out, DT_ACTION_BACKUP_OFF, i, "pays: %.1f Mbit/s with, %.1f without detours",
			    p->compare_with_bps / MBIT, p->compare_alone_bps / MBIT);
		} else {
			m->backups = p->vain - 1;
			backup(in, &in->paths[i]);
			act(out, DT_ACTION_BACKUP_ON, i, "does not pay: %.1f Mbit/s with, %.1f without detours",
			    p->compare_with_bps / MBIT, p->compare_alone_bps / MBIT);
		}
	}
	p->total_bps = pays ? p->compare_with_bps : p->compare_alone_bps;
}

/* True while a comparison is under way. */
static bool compare(struct dt_policy *p, const struct dt_policy_input *in, struct dt_policy_output *out, bool busy)
{
	const char *why;
	bool any = false;

	if (p->compare_until_ns) {
		/* the first tick still has what was under way */
		if (++p->compare_ticks > 1 && in->direct.memory)
			p->compare_alone_bps = fmax(p->compare_alone_bps, in->direct.memory->tick_bps);
		if (in->now_ns >= p->compare_until_ns)
			compare_end(p, in, out);
		return true;
	}
	if (!busy)
		return false;
	why = doubt(p, in);
	if (!why && dt_policy_expect(&in->direct.gain, in->now_s) > 0)
		return false; /* known: faster than without */
	/* the first time, and when they are tried again after they did not pay */
	if ((!p->compared_ns || p->vain) && all_carry_little(in)) {
		compare_begin(p, in, out, true, "the detours carry little");
		return true;
	}
	for (size_t i = 0; i < npaths(in); i++)
		any = any || is_settled(&in->paths[i], in->now_ns);
	if (!any || p->busy_ns - p->compared_ns < compare_wait_ns(p, why))
		return false;
	compare_begin(p, in, out, false, why ? why : "do the detours add anything?");
	return true;
}

void dt_policy_tick(struct dt_policy *p, const struct dt_policy_input *in, struct dt_policy_output *out)
{
	bool busy = sense(p, in);

	for (size_t i = 0; i < npaths(in); i++)
		if (in->paths[i].memory)
			in->paths[i].memory->judged = false;
	memset(out, 0, sizeof(*out));
	if (!in->direct_open)
		direct_gone(p, in, out);
	else if (compare(p, in, out, busy))
		return;
	fill(in, out);
	if (out->count || !busy)
		return;
	judge_each(in, out);
	if (out->count == 0)
		replace(p, in, out);
	out->again_ns = in->now_ns + DT_POLICY_TICK_MS * 1000000ULL;
}
