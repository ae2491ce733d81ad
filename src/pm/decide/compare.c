/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/decide/compare.h"

#include <math.h>

#include "pm/decide/expect.h"
#include "pm/decide/measure.h"
#include "pm/decide/verdict.h"

#define ADDS 1.03			/* factor: what detours must make of the rate without them */
#define COMPARE_NS (2 * DT_SEC)		/* duration of a comparison */
#define COMPARE_DOUBT_NS (4 * DT_SEC)	/* busy time before the first one, if there is doubt; */
#define COMPARE_FIRST_NS (120 * DT_SEC) /* ... if there is none, and before later ones, if there is doubt; */
#define COMPARE_AGAIN_NS (300 * DT_SEC) /* ... before later ones, if there is none */
#define COMPARED UINT64_MAX		/* backup_until_ns during a comparison */
/* Doubt: a detour's round-trip time is this many times the direct path's, or it carries less than this share. */
#define SLOW_RTT 4.0
#define SMALL_SHARE 0.25
/* A detour that carries this share is slow because it is full: to be worth less than nothing, it would have to hold up half. */
#define MOST_SHARE 0.5
/* Detours that carry this share of the connection pay: no direct path alone has as much. */
#define PAY_SHARE (2.0 / 3)
/*
 * Paths so different that one carries little beside the other do the most harm: the comparison does not wait, and must
 * show more, because the end of a transfer waits for the slowest path.
 */
#define LITTLE_TICKS 2
#define ADDS_LITTLE 1.1
#define COMPARE_LITTLE_NS (1 * DT_SEC) /* as COMPARE_NS: short, because the connection may end soon */
/*
 * Paths that have less than this share of the rate with the others cannot win any more: that is seen after a second. The
 * detours' rate without the direct path rises at once where that held them up, and may have to rise far.
 */
#define LOST_SHARE 0.5
#define DIRECT_LOST_SHARE 0.9

/* Of the connection's rate, what the detours carry. */
static double detours_share(const struct dt_chooser *p, const struct dt_policy_input *in)
{
	double sum = 0;

	for (size_t i = 0; i < dt_paths_count(in); i++)
		if (dt_path_carries(&in->paths[i]))
			sum += in->paths[i].memory->rate_bps;
	return p->total_bps > 0 ? sum / p->total_bps : 0;
}

/* A reason to compare soon; NULL: none. */
static const char *doubt(const struct dt_chooser *p, const struct dt_policy_input *in)
{
	double alone = dt_policy_expect(&in->direct.gain, in->now_s);

	if (alone > 0)
		return p->total_bps < alone * ADDS ? "the connection is no faster than without" : NULL;
	for (size_t i = 0; i < dt_paths_count(in); i++) {
		const struct dt_path *path = &in->paths[i];

		if (!dt_path_is_settled(path, in->now_ns))
			continue;
		if (in->direct.srtt_us && path->srtt_us > in->direct.srtt_us * SLOW_RTT && path->srtt_us > 20000 &&
		    path->memory->rate_bps < p->total_bps * MOST_SHARE)
			return "a detour is slow and may hold up the other paths";
		if (path->memory->rate_bps < p->total_bps * SMALL_SHARE)
			return "a detour carries little";
	}
	return NULL;
}

/* All detours in use have carried little for a while. */
static bool all_carry_little(const struct dt_policy_input *in)
{
	bool any = false;

	for (size_t i = 0; i < dt_paths_count(in); i++) {
		const struct dt_path *path = &in->paths[i];

		if (!dt_path_carries(path) || path->backup_wanted)
			continue;
		if (path->memory->little < LITTLE_TICKS)
			return false;
		any = true;
	}
	return any;
}

/* Busy time between the last comparison, or the start, and the next. */
static uint64_t compare_wait_ns(const struct dt_chooser *p, bool doubted)
{
	if (!p->compared_ns)
		return doubted ? COMPARE_DOUBT_NS : COMPARE_FIRST_NS;
	return doubted ? COMPARE_FIRST_NS : COMPARE_AGAIN_NS;
}

static void compared_add(const struct dt_path *path, struct dt_policy_output *out, size_t number, uint64_t long_ns,
			 const char *why)
{
	path->memory->by_policy = true;
	path->memory->waits = false;
	path->memory->backup_until_ns = COMPARED;
	dt_action_add(out, DT_ACTION_BACKUP_ON, number, "comparison for %llu s: %s",
		      (unsigned long long)(long_ns / DT_SEC), why);
}

/* Of what the detours carry now: each one's part. */
static void shares_note(const struct dt_policy_input *in)
{
	double sum = 0;

	for (size_t i = 0; i < dt_paths_count(in); i++)
		if (dt_path_carries(&in->paths[i]))
			sum += in->paths[i].memory->tick_bps;
	for (size_t i = 0; i < dt_paths_count(in); i++) {
		struct dt_path_memory *m = in->paths[i].memory;

		if (m)
			m->payoff_share = sum > 0 && dt_path_carries(&in->paths[i]) ? m->tick_bps / sum : 0;
	}
}

static void begin(struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out,
		  enum dt_comparison what, bool little, const char *why)
{
	uint64_t long_ns = little ? COMPARE_LITTLE_NS : COMPARE_NS;

	p->compare = what;
	p->compare_until_ns = in->now_ns + long_ns + DT_SEC / 2;
	p->compare_little = little;
	/* earlier ticks may have been slow start, which makes the mean too low */
	p->compare_with_bps = little ? p->last_bps : fmax(p->last_bps, p->total_bps);
	p->compare_alone_bps = 0;
	p->compare_slack = false;
	p->compare_ticks = 0;
	if (what == DT_COMPARE_DIRECT) {
		p->compared_direct_ns = p->busy_ns;
		compared_add(&in->direct, out, DT_POLICY_DIRECT, long_ns, why);
		return;
	}
	p->compared_ns = p->busy_ns;
	shares_note(in);
	for (size_t i = 0; i < dt_paths_count(in); i++)
		if (dt_path_carries(&in->paths[i]))
			compared_add(&in->paths[i], out, i, long_ns, why);
}

/* What a detour's time as backup showed. */
enum outcome { PAYS, DOES_NOT_PAY, UNKNOWN };

static void detour_end(const struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out,
		       size_t i, enum outcome outcome)
{
	struct dt_path_memory *m = in->paths[i].memory;
	double with = p->compare_with_bps / DT_MBIT, alone = p->compare_alone_bps / DT_MBIT;

	switch (outcome) {
	case PAYS:
		dt_verdict_clear(m, in->now_ns);
		dt_action_add(out, DT_ACTION_BACKUP_OFF, i, "pays: %.1f Mbit/s with, %.1f without detours", with,
			      alone);
		break;
	case DOES_NOT_PAY:
		m->backups = p->comparisons_lost - 1;
		dt_verdict_reach(in, &in->paths[i], p->compare_alone_bps);
		dt_action_add(out, DT_ACTION_BACKUP_ON, i, "does not pay: %.1f Mbit/s with, %.1f without detours", with,
			      alone);
		break;
	case UNKNOWN:
		dt_verdict_suspend(m, in->now_ns);
		dt_action_add(out, DT_ACTION_BACKUP_OFF, i, "no verdict: no path is full, with or without detours");
		break;
	}
}

/* What the comparison measured, unless the application was the limit. */
static void payoff_note(struct dt_chooser *p, uint64_t now_s)
{
	if (!(p->compare_alone_bps > 0) || p->compare_slack)
		return;
	p->measured = true;
	p->measure = dt_payoff_sample(p->compare_with_bps, p->compare_alone_bps, p->unsteady);
	dt_payoff_add(&p->payoff, &p->measure, 1, now_s);
}

static void detours_end(struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out)
{
	double must = p->compare_alone_bps * (p->compare_little ? ADDS_LITTLE : ADDS);
	enum outcome outcome = p->compare_with_bps >= must ? PAYS : p->compare_slack ? UNKNOWN : DOES_NOT_PAY;

	p->compare = DT_COMPARE_NONE;
	payoff_note(p, in->now_s);
	p->comparisons_lost = outcome == DOES_NOT_PAY ? p->comparisons_lost + 1 : 0;
	for (size_t i = 0; i < dt_paths_count(in); i++)
		if (in->paths[i].state == DT_PATH_OPEN && in->paths[i].memory &&
		    in->paths[i].memory->backup_until_ns == COMPARED)
			detour_end(p, in, out, i, outcome);
	p->total_bps = outcome == DOES_NOT_PAY ? p->compare_alone_bps : p->compare_with_bps;
	/* these ticks are not busy where the direct path alone is slow */
	if (p->compare_alone_bps > 0 && !p->compare_slack) {
		p->learn_alone = true;
		p->alone_bps = p->compare_alone_bps;
	}
}

static void direct_end(struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out)
{
	bool harms = p->compare_alone_bps > p->compare_with_bps * ADDS_LITTLE;
	double with = p->compare_with_bps / DT_MBIT, alone = p->compare_alone_bps / DT_MBIT;

	p->compare = DT_COMPARE_NONE;
	p->slower = 0;
	p->total_bps = harms ? p->compare_alone_bps : p->compare_with_bps;
	if (!harms) {
		dt_verdict_clear(in->direct.memory, in->now_ns);
		dt_action_add(out, DT_ACTION_BACKUP_OFF, DT_POLICY_DIRECT,
			      "the direct path stays: %.1f Mbit/s with, %.1f without it", with, alone);
		return;
	}
	dt_verdict_reach(in, &in->direct, p->compare_with_bps);
	dt_action_add(out, DT_ACTION_BACKUP_ON, DT_POLICY_DIRECT,
		      "the direct path holds up the detours: %.1f Mbit/s with, %.1f without it", with, alone);
}

void dt_compare_abort(struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out,
		      const char *why)
{
	if (p->compare == DT_COMPARE_NONE)
		return;
	p->compare = DT_COMPARE_NONE;
	if (in->direct.memory && in->direct.memory->backup_until_ns == COMPARED) {
		dt_verdict_suspend(in->direct.memory, in->now_ns);
		dt_action_add(out, DT_ACTION_BACKUP_OFF, DT_POLICY_DIRECT, "%s", why);
	}
	for (size_t i = 0; i < dt_paths_count(in); i++) {
		struct dt_path_memory *m = in->paths[i].memory;

		if (in->paths[i].state != DT_PATH_OPEN || !m || m->backup_until_ns != COMPARED)
			continue;
		dt_verdict_suspend(m, in->now_ns);
		dt_action_add(out, DT_ACTION_BACKUP_OFF, i, "%s", why);
	}
}

/* A detour carries data, and has slack if all have that do. */
static bool any_detour(const struct dt_policy_input *in, bool *slack)
{
	bool any = false;

	*slack = true;
	for (size_t i = 0; i < dt_paths_count(in); i++)
		if (dt_path_carries(&in->paths[i])) {
			any = true;
			*slack = *slack && in->paths[i].slack;
		}
	return any;
}

/* One tick of the comparison under way. */
static void go_on(struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out)
{
	bool direct = p->compare == DT_COMPARE_DIRECT, slack = in->direct.slack;
	double rate = direct ? p->last_bps : in->direct.memory ? in->direct.memory->tick_bps : 0;

	if (direct && (in->direct_fixed || !any_detour(in, &slack))) {
		dt_compare_abort(p, in, out, in->direct_fixed ? "there is another direct path" : "no detour is left");
		return;
	}
	/* in the first tick data still arrives by the paths that are backup now */
	if (++p->compare_ticks > 1 && rate > p->compare_alone_bps) {
		p->compare_alone_bps = rate;
		p->compare_slack = slack;
	}
	if (in->now_ns < p->compare_until_ns &&
	    (p->compare_ticks < 2 ||
	     p->compare_alone_bps > p->compare_with_bps * (direct ? DIRECT_LOST_SHARE : LOST_SHARE)))
		return;
	if (direct)
		direct_end(p, in, out);
	else
		detours_end(p, in, out);
}

/* What the detours carry in their best moments, bits a second: without the direct path they have no more. */
static double detours_most(const struct dt_policy_input *in)
{
	double sum = 0;

	for (size_t i = 0; i < dt_paths_count(in); i++) {
		const struct dt_path *path = &in->paths[i];

		if (!dt_path_carries(path))
			continue;
		if (!(path->room > 0))
			return HUGE_VAL; /* it is not known */
		sum += path->memory->tick_bps * path->room;
	}
	return sum;
}

/* It carries little beside a detour. After a verdict it is compared again as soon as it is used again. */
static bool direct_is_due(const struct dt_chooser *p, const struct dt_policy_input *in)
{
	const struct dt_path_memory *m = in->direct.memory;

	if (in->direct_fixed || !m || m->little < LITTLE_TICKS)
		return false;
	if (detours_most(in) < p->last_bps * ADDS_LITTLE)
		return false; /* it does not hold them up: they are full */
	return !p->compared_direct_ns || m->backups || p->busy_ns - p->compared_direct_ns >= COMPARE_FIRST_NS;
}

bool dt_compare_tick(struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out, bool busy)
{
	const char *why;
	bool any = false;

	if (p->compare != DT_COMPARE_NONE) {
		go_on(p, in, out);
		return true;
	}
	if (!busy || !dt_paths_direct_carries(in))
		return false;
	if (direct_is_due(p, in)) {
		begin(p, in, out, DT_COMPARE_DIRECT, false, "the direct path carries little");
		return true;
	}
	if (!p->full || detours_share(p, in) >= PAY_SHARE)
		return false;
	why = doubt(p, in);
	if (!why && dt_policy_expect(&in->direct.gain, in->now_s) > 0)
		return false; /* the history shows that it is faster with detours */
	/* at first, and when they are used again after they did not pay */
	if ((!p->compared_ns || p->comparisons_lost) && all_carry_little(in)) {
		begin(p, in, out, DT_COMPARE_DETOURS, true, "the detours carry little");
		return true;
	}
	for (size_t i = 0; i < dt_paths_count(in); i++)
		any = any || dt_path_is_settled(&in->paths[i], in->now_ns);
	if (!any || p->busy_ns - p->compared_ns < compare_wait_ns(p, why))
		return false;
	begin(p, in, out, DT_COMPARE_DETOURS, false, why ? why : "the rate without detours is not known");
	return true;
}
