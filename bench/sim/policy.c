/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's policy, driven as the daemon drives it. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

static void paths_fill(struct run *r, struct dt_path *paths, int step)
{
	for (int i = 0; i < RELAYS; i++) {
		struct flow *f = &r->flows[i];

		paths[i] = (struct dt_path){.state = f->state,
					    .usable = sim_usable(r, i, step),
					    .backup = f->backup,
					    /* one that waits until the connection has settled has all its patience */
					    .since_ns = NS(f->since < step ? f->since : step),
					    .bytes = (uint64_t)f->bytes,
					    .srtt_us = (uint32_t)(r->trace->rtt_s[i][step] * 1e6),
					    .rtt_us = (uint32_t)(r->trace->near_s[i][step] * 1e6),
					    .rtt_relay_server_us =
						    r->joined[i] ? (uint32_t)(r->trace->far_s[i][step] * 1e6) : 0,
					    .network = r->trace->network[i],
					    .gain = r->gains[i],
					    .memory = f->state == DT_PATH_IDLE ? NULL : &f->memory};
	}
}

static void verdict_note(struct dt_gain *g, const struct dt_path_memory *m)
{
	g->backups = m->backups;
	g->backup_until_s = m->backup_until_s;
	g->backup_bps = m->backup_bps;
}

static void learn(struct run *r, const struct dt_policy_input *in)
{
	for (int i = 0; i < RELAYS; i++) {
		const struct dt_path_memory *m = in->paths[i].memory;

		if (m && m->learn)
			dt_gain_note(&r->gains[i], m->tick_bps, 1, in->now_s);
		if (m && m->backups_changed)
			verdict_note(&r->gains[i], m);
	}
	if (r->chooser.learn_alone)
		dt_gain_note(&r->gains[RELAYS], r->chooser.alone_bps, 1, in->now_s);
	if (r->direct_memory.backups_changed)
		verdict_note(&r->gains[RELAYS], &r->direct_memory);
}

/* A join, as plan/order.c begins one. */
static void policy_open(struct run *r, const struct dt_policy_input *in, int path, int step, bool trial)
{
	sim_flow_open(r, path, sim_join_step(r, step), trial);
	r->flows[path].backup = dt_policy_begin(in, &in->paths[path], &r->flows[path].memory);
	r->flows[path].memory.trial = trial;
}

static void carry_out(struct run *r, const struct dt_policy_input *in, const struct dt_action *a, int step)
{
	int path = (int)a->path;

	if (getenv("TALK"))
		printf("%6.1f %d %d %s\n", step * STEP_S, (int)a->kind, path, a->reason);
	if (a->path == DT_POLICY_DIRECT) {
		r->direct_backup = a->kind == DT_ACTION_BACKUP_ON;
		return;
	}
	switch (a->kind) {
	case DT_ACTION_OPEN:
		policy_open(r, in, path, step, a->trial);
		break;
	case DT_ACTION_CLOSE:
		sim_flow_close(r, path, step, r->flows[path].state == DT_PATH_OPENING);
		break;
	case DT_ACTION_BACKUP_ON:
	case DT_ACTION_BACKUP_OFF:
		r->flows[path].backup = a->kind == DT_ACTION_BACKUP_ON;
		break;
	}
}

/* Free places are filled as plan/detours.c does it: after each change, in the policy's order. */
static void plan(struct run *r, const struct dt_policy_input *in, int step)
{
	unsigned used = sim_under_way(r);
	size_t order[RELAYS];

	if (used >= in->limit)
		return;
	dt_policy_order(in, order);
	for (int i = 0; i < RELAYS && used < in->limit; i++)
		if (sim_usable(r, (int)order[i], step)) {
			policy_open(r, in, (int)order[i], step, false);
			used++;
		}
}

void sim_choose_policy(struct run *r, int step)
{
	struct dt_path paths[RELAYS];
	struct dt_policy_input in = {.now_ns = NS(step),
				     .now_s = EPOCH_S + (uint64_t)step / STEPS_S,
				     .limit = PLACES,
				     .direct_open = r->direct_silent <= NOTICED,
				     .direct = {.state = DT_PATH_OPEN,
						.bytes = (uint64_t)r->direct_bytes,
						.backup = r->direct_backup,
						.srtt_us = (uint32_t)(r->trace->rtt_s[RELAYS][step] * 1e6),
						.gain = r->gains[RELAYS],
						.memory = &r->direct_memory},
				     .paths = paths,
				     .npaths = RELAYS};
	struct dt_policy_output out;

	paths_fill(r, paths, step);
	if (step % STEPS_S == 0) {
		dt_policy_tick(&r->chooser, &in, &out);
		learn(r, &in);
		for (size_t i = 0; i < out.count; i++)
			carry_out(r, &in, &out.actions[i], step);
		paths_fill(r, paths, step);
	}
	plan(r, &in, step);
}
