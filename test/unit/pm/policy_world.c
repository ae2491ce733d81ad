/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/policy_world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define MBIT_BYTES (1000000 / 8)

void world_init(struct world *w, unsigned limit)
{
	memset(w, 0, sizeof(*w));
	w->limit = limit;
	w->direct_open = true;
	w->direct_mbit = 20;
	for (int i = 0; i < PATHS; i++) {
		w->paths[i].usable = true;
		w->paths[i].rtt_us = 20000;
		w->mbit[i] = 10;
	}
}

void world_only(struct world *w, int count)
{
	for (int i = count; i < PATHS; i++)
		w->paths[i].usable = false;
}

void world_with_slow_direct(struct world *w)
{
	world_init(w, 1);
	world_only(w, 1);
	w->direct_mbit = 1;
	w->mbit[0] = 40;
	w->lost_to_direct = 0.8;
}

static void log_add(struct world *w, const struct dt_action *a)
{
	static const char *const words[] = {[DT_ACTION_OPEN] = "open",
					    [DT_ACTION_CLOSE] = "close",
					    [DT_ACTION_BACKUP_ON] = "backup",
					    [DT_ACTION_BACKUP_OFF] = "normal"};
	size_t len = strlen(w->log);

	if (a->path == DT_POLICY_DIRECT)
		snprintf(w->log + len, sizeof(w->log) - len, "%s direct; ", words[a->kind]);
	else
		snprintf(w->log + len, sizeof(w->log) - len, "%s %zu; ", words[a->kind], a->path);
	w->decisions++;
}

void world_log_clear(struct world *w)
{
	w->log[0] = '\0';
	w->decisions = 0;
}

static void apply(struct world *w, const struct dt_policy_input *in, const struct dt_policy_output *out)
{
	for (size_t i = 0; i < out->count; i++) {
		const struct dt_action *a = &out->actions[i];
		struct dt_path *path;

		cr_assert(a->reason[0] != '\0', "every decision has a reason");
		log_add(w, a);
		if (a->path == DT_POLICY_DIRECT) {
			w->direct.backup = a->kind == DT_ACTION_BACKUP_ON;
			continue;
		}
		path = &w->paths[a->path];
		switch (a->kind) {
		case DT_ACTION_OPEN:
			path->backup = dt_policy_begin(in, path, &w->memory[a->path]);
			w->memory[a->path].trial = a->trial;
			w->trials += a->trial;
			path->memory = &w->memory[a->path];
			path->state = DT_PATH_OPEN;
			path->since_ns = w->s * SEC_NS;
			path->bytes = 0;
			break;
		case DT_ACTION_CLOSE:
			path->state = DT_PATH_IDLE;
			path->memory = NULL;
			break;
		case DT_ACTION_BACKUP_ON:
		case DT_ACTION_BACKUP_OFF:
			path->backup = a->kind == DT_ACTION_BACKUP_ON;
			break;
		}
	}
}

static bool detour_is_used(const struct world *w, int i)
{
	return w->paths[i].state == DT_PATH_OPEN && (!w->paths[i].backup || !w->direct_open);
}

/* All open paths carry data for a second. */
static void carry_data(struct world *w)
{
	double rates[PATHS + 1] = {0}, sum, share;
	bool detours = false, direct;

	for (int i = 0; i < PATHS; i++)
		detours = detours || detour_is_used(w, i);
	direct = w->direct_open && (!w->direct.backup || !detours);
	for (int i = 0; i < PATHS; i++)
		rates[i] = detour_is_used(w, i) ? w->mbit[i] * (direct ? 1 - w->lost_to_direct : 1) : 0;
	rates[PATHS] = direct || !w->direct_open ? w->direct_mbit * (detours ? 1 - w->lost_to_detours : 1) : 0;
	sum = 0;
	for (int i = 0; i <= PATHS; i++)
		sum += rates[i];
	share = w->wanted_mbit && sum > w->wanted_mbit ? w->wanted_mbit / sum : 1;
	for (int i = 0; i < PATHS; i++) {
		w->paths[i].bytes += (uint64_t)(rates[i] * share * MBIT_BYTES);
		w->paths[i].slack = w->bursts;
		w->paths[i].room = w->looked_often && rates[i] > 0 ? w->mbit[i] / (rates[i] * share) : 0;
	}
	w->direct.bytes += (uint64_t)(rates[PATHS] * share * MBIT_BYTES);
	w->direct.slack = w->bursts;
}

static void verdict_note(struct dt_gain *gain, const struct dt_path_memory *m)
{
	if (!m || !m->backups_changed)
		return;
	gain->backups = m->backups;
	gain->backup_until_s = m->backup_until_s;
	gain->backup_bps = m->backup_bps;
}

/* What the daemon does for the history after each tick. */
static void learn(struct world *w, uint64_t now_s)
{
	for (int i = 0; i < PATHS; i++)
		if (w->paths[i].memory && w->paths[i].memory->learn)
			dt_gain_note(&w->paths[i].gain, w->paths[i].memory->tick_bps, 1, now_s);
	for (int i = 0; i < PATHS; i++)
		verdict_note(&w->paths[i].gain, w->paths[i].memory);
	verdict_note(&w->direct.gain, &w->direct_memory);
	if (w->chooser.learn_alone)
		dt_gain_note(&w->direct.gain, w->chooser.alone_bps, 1, now_s);
}

void world_run(struct world *w, unsigned count)
{
	for (unsigned n = 0; n < count; n++) {
		struct dt_policy_input in;
		struct dt_policy_output out;

		w->s++;
		carry_data(w);
		w->direct.memory = &w->direct_memory;
		in = (struct dt_policy_input){.now_ns = w->s * SEC_NS,
					      .now_s = BEGIN_S + w->s,
					      .way = w->way,
					      .limit = w->limit,
					      .direct_open = w->direct_open,
					      .direct = w->direct,
					      .paths = w->paths,
					      .npaths = PATHS};
		dt_policy_tick(&w->chooser, &in, &out);
		learn(w, in.now_s);
		apply(w, &in, &out);
	}
}

void world_next_connection(struct world *w)
{
	memset(&w->chooser, 0, sizeof(w->chooser));
	memset(&w->direct_memory, 0, sizeof(w->direct_memory));
	w->direct.bytes = 0;
	w->direct.backup = false;
	w->direct.since_ns = w->s * SEC_NS;
	world_log_clear(w);
	for (int i = 0; i < PATHS; i++) {
		w->paths[i].state = DT_PATH_IDLE;
		w->paths[i].memory = NULL;
	}
}

bool world_logged(const struct world *w, const char *what)
{
	return strstr(w->log, what) != NULL;
}
