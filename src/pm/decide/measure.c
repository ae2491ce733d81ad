/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/decide/measure.h"

#include <math.h>

#include "base/minmax.h"

#define SMOOTH 0.5	 /* weight of the last tick */
#define BEST_FADE 0.95	 /* factor for the fastest tick, applied each tick */
#define BUSY_MIN_BPS 5e5 /* slower connections show nothing about paths */
/* A tick is busy from this share of the fastest tick on. */
#define BUSY_SHARE 0.5
/* Only a path that carries this share of the connection shows whether paths are full. */
#define FULL_SHARE 0.1
/* Slow start: a path's first seconds, and round trips, are not measured. */
#define WARM_UP_NS (2 * DT_SEC)
#define WARM_UP_RTTS 16
#define RATED_NS (1 * DT_SEC)	   /* it is rated so much later, */
#define SETTLED_TICKS 2		   /* and after so many busy ticks */
#define LITTLE_AGE_NS (DT_SEC / 2) /* younger ones are in slow start, */
#define LITTLE_RTTS 10		   /* so are those that have lived for less than so many round trips */

static void sample(const struct dt_path *path, uint64_t now_ns)
{
	struct dt_path_memory *m = path->memory;

	m->learn = false;
	m->tick_bps = 0;
	/* at the first sample it is unknown when the bytes moved */
	if (m->bytes && now_ns > m->sampled_ns && path->bytes >= m->bytes)
		m->tick_bps = (double)(path->bytes - m->bytes) * 8e9 / (double)(now_ns - m->sampled_ns);
	m->sampled_ns = now_ns;
	m->bytes = path->bytes;
}

static double smooth(double old, double fresh)
{
	return old > 0 ? old + (fresh - old) * SMOOTH : fresh;
}

/* Of the last tick; if that was its first, since its start. */
static double rate_now(const struct dt_path *path, uint64_t now_ns)
{
	if (path->memory->tick_bps > 0 || now_ns <= path->since_ns)
		return path->memory->tick_bps;
	return (double)path->bytes * 8e9 / (double)(now_ns - path->since_ns);
}

static uint64_t warm_up_ns(const struct dt_path *path)
{
	return dt_max_u64(WARM_UP_NS, WARM_UP_RTTS * DT_US * path->srtt_us);
}

/* The age from which on it is rated. */
static uint64_t settled_ns(const struct dt_path *path)
{
	return warm_up_ns(path) + RATED_NS;
}

static bool is_in_slow_start(const struct dt_path *path, uint64_t now_ns)
{
	uint64_t age_ns = now_ns - dt_path_used_ns(path);

	return age_ns < LITTLE_AGE_NS || age_ns < LITTLE_RTTS * DT_US * path->srtt_us;
}

/* Compared with the direct path. */
static bool carries_little(const struct dt_policy_input *in, const struct dt_path *path)
{
	if (!dt_paths_direct_carries(in) || !in->direct.memory || path->bytes == 0)
		return false;
	if (is_in_slow_start(path, in->now_ns))
		return false;
	return rate_now(path, in->now_ns) < rate_now(&in->direct, in->now_ns) * DT_LITTLE_SHARE;
}

/* Compared with a detour. */
static bool direct_carries_little(const struct dt_policy_input *in)
{
	double best = 0;

	if (!dt_paths_direct_carries(in) || is_in_slow_start(&in->direct, in->now_ns))
		return false;
	for (size_t i = 0; i < dt_paths_count(in); i++)
		if (dt_path_carries(&in->paths[i]) && !in->paths[i].backup_wanted)
			best = fmax(best, in->paths[i].memory->tick_bps);
	return in->direct.memory->tick_bps < best * DT_LITTLE_SHARE;
}

/* Samples all open paths; returns their sum. *alone: all open detours are backup. */
static double sample_all(const struct dt_policy_input *in, bool *alone)
{
	double total = 0;

	*alone = true;
	if (in->direct_open && in->direct.memory) {
		sample(&in->direct, in->now_ns);
		total = in->direct.memory->tick_bps;
	}
	for (size_t i = 0; i < dt_paths_count(in); i++) {
		const struct dt_path *path = &in->paths[i];

		if (path->state != DT_PATH_OPEN || !path->memory)
			continue;
		sample(path, in->now_ns);
		total += path->memory->tick_bps;
		*alone = *alone && path->backup;
	}
	return total;
}

/* A path carries what it can, as far as is known. If none does, the application limits the rate. */
static bool some_path_is_full(const struct dt_policy_input *in, double total)
{
	if (in->direct_open && in->direct.memory && !in->direct.slack &&
	    in->direct.memory->tick_bps >= total * FULL_SHARE)
		return true;
	for (size_t i = 0; i < dt_paths_count(in); i++) {
		const struct dt_path *path = &in->paths[i];

		if (path->state == DT_PATH_OPEN && path->memory && !path->slack &&
		    path->memory->tick_bps >= total * FULL_SHARE)
			return true;
	}
	return false;
}

/* In a busy tick. */
static void detours_measure(const struct dt_chooser *p, const struct dt_policy_input *in, double total)
{
	for (size_t i = 0; i < dt_paths_count(in); i++) {
		const struct dt_path *path = &in->paths[i];
		struct dt_path_memory *m = path->memory;

		if (!dt_path_carries(path))
			continue;
		m->little = carries_little(in, path) ? m->little + 1 : 0;
		if (in->now_ns - dt_path_used_ns(path) < warm_up_ns(path))
			continue;
		m->rate_bps = smooth(m->rate_bps, m->tick_bps);
		m->busy++;
		m->learn = true;
		if (m->tick_bps >= total * DT_NOTHING_SHARE)
			m->idle_share = 0;
		else if (p->full)
			m->idle_share++;
	}
	if (in->direct_open && in->direct.memory)
		in->direct.memory->little = direct_carries_little(in) ? in->direct.memory->little + 1 : 0;
}

/* In a busy tick. */
static void trials_charge(struct dt_chooser *p, const struct dt_policy_input *in, uint64_t tick_ns)
{
	for (size_t i = 0; i < dt_paths_count(in); i++) {
		struct dt_path_memory *m = in->paths[i].memory;

		if (!m || !m->trial)
			continue;
		p->trials_ns += tick_ns;
		m->trial = in->now_ns - in->paths[i].since_ns < settled_ns(&in->paths[i]);
	}
}

/* In a busy tick, outside comparisons. */
static void steadiness_note(struct dt_chooser *p, const struct dt_policy_input *in, double total)
{
	double away = p->total_bps > 0 ? total / p->total_bps - 1 : 0;

	p->unsteady += (away * away - p->unsteady) * SMOOTH;
	if (dt_paths_direct_carries(in) && in->direct.memory)
		p->direct_bps = smooth(p->direct_bps, in->direct.memory->tick_bps);
}

bool dt_measure_tick(struct dt_chooser *p, const struct dt_policy_input *in)
{
	uint64_t tick_ns = p->ticked_ns ? in->now_ns - p->ticked_ns : 0;
	bool alone;
	double total = sample_all(in, &alone);

	p->ticked_ns = in->now_ns;
	p->learn_alone = false;
	p->measured = false;
	p->last_bps = total;
	p->best_bps = fmax(total, p->best_bps * BEST_FADE);
	p->full = some_path_is_full(in, total);
	if (total < BUSY_MIN_BPS || total < p->best_bps * BUSY_SHARE)
		return false;
	p->busy_ns += tick_ns;
	if (p->compare == DT_COMPARE_NONE)
		steadiness_note(p, in, total);
	p->total_bps = smooth(p->total_bps, total);
	p->learn_alone = alone && p->full && dt_paths_direct_carries(in) && p->busy_ns >= WARM_UP_NS;
	p->alone_bps = in->direct.memory ? in->direct.memory->tick_bps : 0;
	detours_measure(p, in, total);
	trials_charge(p, in, tick_ns);
	return true;
}

bool dt_path_is_settled(const struct dt_path *path, uint64_t now_ns)
{
	return dt_path_carries(path) && !path->backup_wanted && now_ns - dt_path_used_ns(path) >= settled_ns(path) &&
	       path->memory->busy >= SETTLED_TICKS;
}
