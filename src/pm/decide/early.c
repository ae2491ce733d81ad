/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/decide/early.h"

#include <math.h>

#include "pm/decide/measure.h"
#include "pm/decide/verdict.h"

/* After this time and so many round trips slow start is over on a path that is as fast as the direct one. */
#define EARLY_NS (100 * DT_MS)
#define EARLY_RTTS 6
#define LATE_NS (1500 * DT_MS)	/* older ones are the ticks' business, */
#define YOUNG_NS (2000 * DT_MS) /* as are detours of connections that were older when these began */
/*
 * It carries little in so many looks in a row, and for a round trip of the direct path: if that is long, data comes by it in
 * bursts, and what is behind a burst waits.
 */
#define LITTLE_LOOKS 4

static bool is_in_slow_start(const struct dt_path *path, uint64_t age_ns)
{
	return age_ns < EARLY_NS || age_ns < EARLY_RTTS * DT_US * path->srtt_us;
}

/* Already in slow start it delivers no more than this. */
static bool is_narrow(const struct dt_policy_input *in, const struct dt_path *path)
{
	return path->narrow > 0 && in->direct.pace >= DT_EARLY_PACE && path->narrow < in->direct.pace * DT_LITTLE_SHARE;
}

static unsigned looks_needed(const struct dt_policy_input *in)
{
	unsigned rtt_ms = in->direct.srtt_us / 1000;

	return rtt_ms > LITTLE_LOOKS * DT_EARLY_LOOK_MS ? rtt_ms / DT_EARLY_LOOK_MS : LITTLE_LOOKS;
}

/* It has carried little beside the direct path for long enough. */
static bool carries_little(const struct dt_policy_input *in, const struct dt_path *path, uint64_t age_ns)
{
	struct dt_path_memory *m = path->memory;

	if (path->pace >= fmax(in->direct.pace, DT_EARLY_PACE) * DT_LITTLE_SHARE) {
		m->early_little = 0;
		return false;
	}
	if (in->direct.pace < DT_EARLY_PACE || is_in_slow_start(path, age_ns))
		return false;
	return ++m->early_little >= looks_needed(in);
}

static void look(const struct dt_policy_input *in, struct dt_policy_output *out, size_t i, uint64_t age_ns)
{
	const struct dt_path *path = &in->paths[i];
	struct dt_path_memory *m = path->memory;

	if (!is_narrow(in, path) && !carries_little(in, path, age_ns))
		return;
	m->judged = true;
	/* a short transfer is over then; later a comparison shows whether the detour pays */
	dt_verdict_wait(m, in->direct.since_ns + DT_EARLY_LASTED_NS);
	dt_action_add(out, DT_ACTION_BACKUP_ON, i, "carries little at first: backup until the connection has lasted");
}

bool dt_early_look(const struct dt_policy_input *in, struct dt_policy_output *out)
{
	bool more = false;

	out->count = 0;
	for (size_t i = 0; i < dt_paths_count(in); i++) {
		const struct dt_path *path = &in->paths[i];
		uint64_t age_ns = in->now_ns - path->since_ns;

		if (path->state == DT_PATH_OPENING)
			more = true;
		if (!dt_path_carries(path) || path->backup_wanted || path->memory->judged)
			continue;
		path->memory->judged = age_ns > LATE_NS || path->since_ns - in->direct.since_ns > YOUNG_NS ||
				       !dt_paths_direct_carries(in);
		if (!path->memory->judged)
			look(in, out, i, age_ns);
		more = more || !path->memory->judged;
	}
	return more;
}
