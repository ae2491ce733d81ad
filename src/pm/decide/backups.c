/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/decide/backups.h"

#include <string.h>

#include "pm/decide/compare.h"
#include "pm/decide/expect.h"
#include "pm/decide/measure.h"
#include "pm/decide/verdict.h"

#define NOTHING_TICKS 4
/*
 * The end of a transfer waits for the slowest path, by about the difference of the round-trip times. A detour whose
 * round trip is longer by more than this is backup until the connection has lasted for so many of these differences.
 */
#define LONGER_US 10000
#define LONGER_TIMES 20
/* The direct path is used again if without it the connection has less than this share of its rate with it, so often. */
#define SLOWER_SHARE 0.9
#define SLOWER_TICKS 3
#define SLOWER_MIN_BPS 5e5 /* at lower rates it is the application that is slow */

/* How long a connection must last before this detour is used; 0: no time. */
static uint64_t wait_ns(const struct dt_policy_input *in, const struct dt_path *path)
{
	uint64_t rtt_us = path->srtt_us;

	if (!rtt_us && path->rtt_us && path->rtt_relay_server_us)
		rtt_us = (uint64_t)path->rtt_us + path->rtt_relay_server_us;
	if (!dt_paths_direct_carries(in) || !in->direct.srtt_us || rtt_us <= in->direct.srtt_us + LONGER_US)
		return 0;
	return (rtt_us - in->direct.srtt_us) * 1000 * LONGER_TIMES;
}

bool dt_policy_begin(const struct dt_policy_input *in, const struct dt_path *path, struct dt_path_memory *memory)
{
	uint64_t long_ns = wait_ns(in, path);

	memset(memory, 0, sizeof(*memory));
	if (path->backup_wanted)
		return false;
	if (dt_policy_did_not_pay(in, path))
		dt_verdict_recall(in, path, memory);
	else if (in->now_ns - in->direct.since_ns < long_ns)
		dt_verdict_wait(memory, in->direct.since_ns + long_ns);
	return memory->by_policy;
}

/* Faster by far than when the verdict was reached: then, something else limited the rate. */
static bool is_void(const struct dt_chooser *p, const struct dt_path_memory *m)
{
	return !m->waits && m->backup_bps > 0 && p->last_bps > m->backup_bps * DT_VERDICT_VOID;
}

static void use_again(const struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out,
		      size_t i)
{
	struct dt_path_memory *m = in->paths[i].memory;

	if (is_void(p, m)) {
		dt_action_add(out, DT_ACTION_BACKUP_OFF, i,
			      "it did not pay at %.1f Mbit/s, but now there are %.1f: trying again",
			      m->backup_bps / DT_MBIT, p->last_bps / DT_MBIT);
		dt_verdict_clear(m, in->now_ns);
	} else if (in->now_ns >= m->backup_until_ns) {
		dt_action_add(out, DT_ACTION_BACKUP_OFF, i,
			      m->waits ? "the connection has lasted: trying"
				       : "its time as backup is over: trying again");
		dt_verdict_suspend(m, in->now_ns);
	}
}

void dt_backups_update(const struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out)
{
	for (size_t i = 0; i < dt_paths_count(in); i++) {
		const struct dt_path *path = &in->paths[i];
		struct dt_path_memory *m = path->memory;

		if (path->state != DT_PATH_OPEN || !m)
			continue;
		if (m->by_policy && path->backup && in->direct_open) {
			use_again(p, in, out, i);
		} else if (dt_paths_direct_carries(in) && dt_path_is_settled(path, in->now_ns) &&
			   m->idle_share >= NOTHING_TICKS) {
			dt_verdict_reach(in, path, p->total_bps);
			dt_action_add(out, DT_ACTION_BACKUP_ON, i, "carries less than %.0f %%: backup for %llu s",
				      DT_NOTHING_SHARE * 100,
				      (unsigned long long)((m->backup_until_ns - in->now_ns) / DT_SEC));
		}
	}
}

/* A detour is used for data, and some has arrived by it. */
static bool a_detour_carries(const struct dt_policy_input *in)
{
	for (size_t i = 0; i < dt_paths_count(in); i++)
		if (dt_path_carries(&in->paths[i]) && !in->paths[i].backup_wanted && in->paths[i].bytes)
			return true;
	return false;
}

static void direct_use_again(struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out,
			     bool busy)
{
	struct dt_path_memory *m = in->direct.memory;

	if (p->last_bps >= m->backup_bps * SLOWER_SHARE)
		p->slower = 0;
	else if (p->full && p->last_bps >= SLOWER_MIN_BPS)
		p->slower++;
	if (in->direct_fixed || !a_detour_carries(in)) {
		dt_action_add(out, DT_ACTION_BACKUP_OFF, DT_POLICY_DIRECT,
			      in->direct_fixed ? "there is another direct path" : "no detour carries data");
		dt_verdict_suspend(m, in->now_ns);
	} else if (p->slower >= SLOWER_TICKS) {
		dt_action_add(out, DT_ACTION_BACKUP_OFF, DT_POLICY_DIRECT,
			      "%.1f Mbit/s without the direct path, but it had %.1f with it", p->last_bps / DT_MBIT,
			      m->backup_bps / DT_MBIT);
		dt_verdict_suspend(m, in->now_ns);
	} else if (busy && in->now_ns >= m->backup_until_ns) {
		dt_action_add(out, DT_ACTION_BACKUP_OFF, DT_POLICY_DIRECT, "its time as backup is over: trying again");
		dt_verdict_suspend(m, in->now_ns);
	} else {
		return;
	}
	p->slower = 0;
	p->best_bps = 0; /* what follows is busy, even if it is slower by far */
}

void dt_backups_direct_update(struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out,
			      bool busy)
{
	struct dt_path_memory *m = in->direct.memory;

	if (!m)
		return;
	if (in->direct.backup) {
		direct_use_again(p, in, out, busy);
		return;
	}
	if (in->direct_fixed)
		return;
	/* the last connections found that it harms; a verdict that this one has given up counts no more for it */
	if (in->now_s >= in->direct.gain.backup_until_s || m->backups || m->backups_changed || p->compared_direct_ns ||
	    !a_detour_carries(in))
		return;
	dt_verdict_recall(in, &in->direct, m);
	dt_action_add(out, DT_ACTION_BACKUP_ON, DT_POLICY_DIRECT, "the direct path held up the detours lately");
}

void dt_backups_direct_gone(struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out)
{
	p->compare = DT_COMPARE_NONE;
	if (in->direct.memory)
		dt_verdict_suspend(in->direct.memory, in->now_ns);
	for (size_t i = 0; i < dt_paths_count(in); i++) {
		struct dt_path_memory *m = in->paths[i].memory;

		if (in->paths[i].state != DT_PATH_OPEN || !m || !m->by_policy)
			continue;
		dt_verdict_suspend(m, in->now_ns);
		dt_action_add(out, DT_ACTION_BACKUP_OFF, i, "the direct path is gone");
	}
}

static void detour_turn(const struct dt_policy_input *in, struct dt_policy_output *out, size_t i)
{
	const struct dt_path *path = &in->paths[i];
	struct dt_path_memory *m = path->memory;
	bool vain = dt_policy_did_not_pay(in, path);

	m->rate_bps = 0;
	m->busy = m->idle_share = m->little = 0;
	if (path->state != DT_PATH_OPEN || path->backup_wanted || m->waits || vain == m->by_policy)
		return;
	if (!vain) {
		dt_verdict_suspend(m, in->now_ns);
		m->backups = 0;
		dt_action_add(out, DT_ACTION_BACKUP_OFF, i, "the other direction: it did not pay in the first one");
		return;
	}
	dt_verdict_recall(in, path, m);
	dt_action_add(out, DT_ACTION_BACKUP_ON, i, "the other direction: there it did not pay lately");
}

void dt_backups_turn(struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out)
{
	dt_compare_abort(p, in, out, "the other direction: the comparison ends");
	p->way = in->way;
	p->best_bps = p->total_bps = p->direct_bps = p->unsteady = 0;
	p->payoff = (struct dt_payoff){0};
	p->compared_ns = p->compared_direct_ns = 0;
	p->comparisons_lost = p->slower = 0;
	if (in->direct_open && in->direct.memory && in->direct.memory->by_policy) {
		dt_verdict_suspend(in->direct.memory, in->now_ns);
		in->direct.memory->backups = 0;
		dt_action_add(out, DT_ACTION_BACKUP_OFF, DT_POLICY_DIRECT, "the other direction");
	}
	for (size_t i = 0; i < dt_paths_count(in); i++)
		if (in->paths[i].memory)
			detour_turn(in, out, i);
}
