/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decisions, replayed: each test is a small world of paths that carry what it says. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "pm/policy.h"

#define MBIT_BYTES (1000000 / 8)
#define PATHS 4

struct world {
	struct dt_policy policy;
	struct dt_path paths[PATHS];
	struct dt_path_memory memory[PATHS], direct_memory;
	double mbit[PATHS], direct_mbit; /* what each carries */
	double lost_to_detours;		 /* of the direct path's share, while any detour carries */
	struct dt_path direct;
	unsigned limit;
	bool direct_open;
	uint64_t s;
	char log[4096];
};

static void world_init(struct world *w, unsigned limit)
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

/* The other relays cannot be used. */
static void only_first(struct world *w, int count)
{
	for (int i = count; i < PATHS; i++)
		w->paths[i].usable = false;
}

static void apply(struct world *w, const struct dt_policy_input *in, const struct dt_policy_output *out)
{
	static const char marks[] = {[DT_ACTION_OPEN] = '+',
				     [DT_ACTION_CLOSE] = '-',
				     [DT_ACTION_BACKUP_ON] = 'b',
				     [DT_ACTION_BACKUP_OFF] = 'n'};

	for (size_t i = 0; i < out->count; i++) {
		const struct dt_action *a = &out->actions[i];
		struct dt_path *path = &w->paths[a->path];
		size_t len = strlen(w->log);

		cr_assert(a->reason[0] != '\0', "every decision has a reason");
		snprintf(w->log + len, sizeof(w->log) - len, "%c%zu ", marks[a->kind], a->path);
		switch (a->kind) {
		case DT_ACTION_OPEN:
			path->backup = dt_policy_begin(in, path, &w->memory[a->path]);
			w->memory[a->path].trial = a->trial;
			path->memory = &w->memory[a->path];
			path->state = DT_PATH_OPEN;
			path->since_ns = w->s * 1000000000ULL;
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

static void seconds(struct world *w, unsigned count)
{
	for (unsigned n = 0; n < count; n++) {
		struct dt_policy_input in;
		struct dt_policy_output out;
		bool detours = false;

		w->s++;
		for (int i = 0; i < PATHS; i++)
			if (w->paths[i].state == DT_PATH_OPEN && (!w->paths[i].backup || !w->direct_open)) {
				w->paths[i].bytes += (uint64_t)(w->mbit[i] * MBIT_BYTES);
				detours = true;
			}
		w->direct.memory = &w->direct_memory;
		w->direct.bytes += (uint64_t)(w->direct_mbit * (detours ? 1 - w->lost_to_detours : 1) * MBIT_BYTES);
		in = (struct dt_policy_input){.now_ns = w->s * 1000000000ULL,
					      .now_s = 1000 + w->s,
					      .limit = w->limit,
					      .direct_open = w->direct_open,
					      .direct = w->direct,
					      .paths = w->paths,
					      .npaths = PATHS};
		dt_policy_tick(&w->policy, &in, &out);
		for (int i = 0; i < PATHS; i++)
			if (w->paths[i].memory && w->paths[i].memory->learn)
				dt_gain_note(&w->paths[i].gain, w->paths[i].memory->tick_bps, 1, in.now_s);
		for (int i = 0; i < PATHS; i++)
			if (w->paths[i].memory && w->paths[i].memory->judged) {
				w->paths[i].gain.vain = w->paths[i].memory->backups;
				w->paths[i].gain.vain_until_s = w->paths[i].memory->vain_until_s;
			}
		if (w->policy.learn_alone)
			dt_gain_note(&w->direct.gain, w->direct_memory.tick_bps, 1, in.now_s);
		apply(w, &in, &out);
	}
}

/* Of the same application to the same server. */
static void next_connection(struct world *w)
{
	memset(&w->policy, 0, sizeof(w->policy));
	memset(&w->direct_memory, 0, sizeof(w->direct_memory));
	w->direct.bytes = 0;
	w->log[0] = '\0';
	for (int i = 0; i < PATHS; i++) {
		w->paths[i].state = DT_PATH_IDLE;
		w->paths[i].memory = NULL;
	}
}

static bool logged(const struct world *w, const char *what)
{
	return strstr(w->log, what) != NULL;
}

Test(policy, unknown_relays_in_the_users_order)
{
	struct world w;

	world_init(&w, 2);
	w.paths[0].usable = false;
	seconds(&w, 1);
	cr_assert_str_eq(w.log, "+1 +2 ");
}

Test(policy, the_best_that_was_measured_first)
{
	struct world w;

	world_init(&w, 1);
	dt_gain_note(&w.paths[1].gain, 5e6, 20, 900);
	dt_gain_note(&w.paths[3].gain, 30e6, 20, 900);
	seconds(&w, 1);
	cr_assert_str_eq(w.log, "+3 ");
}

Test(policy, what_failed_lately_comes_last_and_its_network_before_it)
{
	struct world w;

	world_init(&w, 3);
	for (int i = 0; i < PATHS; i++) {
		dt_gain_note(&w.paths[i].gain, (40 - i) * 1e6, 20, 900);
		w.paths[i].network = i < 2 ? 7 : (uint32_t)i;
	}
	w.paths[0].gain.last_bps = 0;
	w.paths[0].gain.last_s = 999;
	seconds(&w, 1);
	cr_assert_str_eq(w.log, "+2 +3 +1 ");
}

Test(policy, no_more_than_the_limit)
{
	struct world w;

	for (unsigned limit = 0; limit <= PATHS; limit++) {
		unsigned open = 0;

		world_init(&w, limit);
		for (int s = 0; s < 60; s++) {
			seconds(&w, 1);
			open = 0;
			for (int i = 0; i < PATHS; i++)
				open += w.paths[i].state != DT_PATH_IDLE;
			cr_assert(open <= limit);
		}
		cr_assert(open == limit);
	}
}

Test(policy, a_better_relay_gets_its_turn_and_stays)
{
	struct world w;

	world_init(&w, 1);
	w.mbit[2] = 40;
	seconds(&w, 60);
	cr_assert(w.paths[2].state == DT_PATH_OPEN, "%s", w.log);
	w.log[0] = '\0';
	seconds(&w, 60);
	cr_assert(w.paths[2].state == DT_PATH_OPEN, "%s", w.log);
}

Test(policy, equal_relays_are_not_swapped_for_ever)
{
	struct world w;

	world_init(&w, 2);
	seconds(&w, 60);
	w.log[0] = '\0';
	seconds(&w, 120);
	cr_assert(strlen(w.log) <= 3 * 8, "%s", w.log);
}

Test(policy, a_known_relay_replaces_one_that_got_slow)
{
	struct world w;

	world_init(&w, 1);
	only_first(&w, 1);
	dt_gain_note(&w.paths[0].gain, 20e6, 100, 990);
	dt_gain_note(&w.paths[1].gain, 15e6, 100, 990);
	w.mbit[0] = 20;
	seconds(&w, 10);
	w.paths[1].usable = true;
	seconds(&w, 5);
	cr_assert_str_eq(w.log, "+0 ");
	w.mbit[0] = 5;
	seconds(&w, 5);
	cr_assert(logged(&w, "-0 +1 "), "%s", w.log);
}

Test(policy, trials_have_a_budget)
{
	struct world w;
	unsigned trials = 0, count = 0;

	world_init(&w, 1);
	for (int s = 0; s < 600; s++) {
		/* every relay disappoints, and is hoped for again */
		for (int i = 0; i < PATHS; i++)
			if (w.paths[i].state == DT_PATH_IDLE)
				w.paths[i].gain = (struct dt_gain){0};
		seconds(&w, 1);
		for (int i = 0; i < PATHS; i++)
			count += w.memory[i].trial && w.paths[i].state == DT_PATH_OPEN;
		trials = count;
		w.log[0] = '\0';
	}
	cr_assert(trials > 0);
	cr_assert(w.policy.trials_ns <= 12000000000ULL + w.policy.busy_ns / 20 + 3000000000ULL, "%llu of %llu ms",
		  (unsigned long long)w.policy.trials_ns / 1000000, (unsigned long long)w.policy.busy_ns / 1000000);
}

Test(policy, a_detour_that_carries_nothing_becomes_backup)
{
	struct world w;

	world_init(&w, 1);
	only_first(&w, 1);
	dt_gain_note(&w.direct.gain, 5e6, 300, 1000); /* no doubt about the whole */
	w.mbit[0] = 0.1;
	seconds(&w, 12);
	cr_assert(w.paths[0].backup, "%s", w.log);
	seconds(&w, 40);
	cr_assert(logged(&w, "n0 "), "it is tried again: %s", w.log);
}

Test(policy, detours_that_add_nothing_become_backup)
{
	struct world w;

	world_init(&w, 2);
	only_first(&w, 2);
	w.mbit[0] = 1.2; /* little, so there is doubt */
	w.mbit[1] = 2;
	w.lost_to_detours = 0.2;
	seconds(&w, 15);
	cr_assert(w.paths[0].backup && w.paths[1].backup, "%s", w.log);
	cr_assert(w.paths[0].state == DT_PATH_OPEN && w.paths[1].state == DT_PATH_OPEN);
}

Test(policy, what_did_not_pay_begins_as_backup_and_gets_another_chance)
{
	struct world w;

	world_init(&w, 2);
	only_first(&w, 2);
	w.mbit[0] = w.mbit[1] = 2;
	w.lost_to_detours = 0.4;
	seconds(&w, 10);
	cr_assert(w.paths[0].backup && w.paths[1].backup, "%s", w.log);
	next_connection(&w);
	seconds(&w, 2);
	cr_assert(w.paths[0].state == DT_PATH_OPEN && w.paths[0].backup && w.paths[1].backup, "%s", w.log);
	seconds(&w, 60);
	cr_assert(logged(&w, "n0 ") && logged(&w, "b0 "), "tried again, in vain: %s", w.log);
	cr_assert(eq(uint, w.paths[0].gain.vain, 2), "%s", w.log);
	/* longer this time */
	next_connection(&w);
	seconds(&w, 25);
	cr_assert(w.paths[0].backup && !logged(&w, "n0 "), "%s", w.log);
	/* and once they pay, that is remembered, too */
	w.lost_to_detours = 0;
	w.mbit[0] = w.mbit[1] = 10;
	seconds(&w, 120);
	cr_assert_not(w.paths[0].backup, "%s", w.log);
	next_connection(&w);
	seconds(&w, 3);
	cr_assert_not(w.paths[0].backup, "%s", w.log);
	/* without a direct path nothing is a backup */
	w.paths[0].gain.vain_until_s = UINT64_MAX;
	next_connection(&w);
	w.direct_open = false;
	seconds(&w, 3);
	cr_assert(w.paths[0].state == DT_PATH_OPEN && !w.paths[0].backup, "%s", w.log);
}

Test(policy, detours_that_add_little_but_add_stay)
{
	struct world w;

	world_init(&w, 2);
	only_first(&w, 2);
	w.mbit[0] = 1.2;
	w.mbit[1] = 2;
	seconds(&w, 15);
	cr_assert(logged(&w, "b0 "), "compared: %s", w.log);
	cr_assert_not(w.paths[0].backup || w.paths[1].backup, "%s", w.log);
}

Test(policy, detours_that_carry_little_are_compared_at_once)
{
	struct world w;

	world_init(&w, 2);
	only_first(&w, 2);
	w.mbit[0] = w.mbit[1] = 1.9;
	w.lost_to_detours = 0.5;
	seconds(&w, 6);
	cr_assert(w.paths[0].backup && w.paths[0].memory->backup_until_ns != UINT64_MAX, "judged: %s", w.log);
	cr_assert(w.paths[0].gain.vain == 1);
	/* and when they are tried again 30 s later */
	seconds(&w, 37);
	cr_assert(logged(&w, "n0 "), "%s", w.log);
	cr_assert(w.paths[0].backup && w.paths[0].gain.vain == 2, "%s", w.log);
}

Test(policy, backup_ends_when_the_direct_path_is_gone)
{
	struct world w;

	world_init(&w, 1);
	only_first(&w, 1);
	w.mbit[0] = 0.1;
	seconds(&w, 12);
	cr_assert(w.paths[0].backup, "%s", w.log);
	w.direct_open = false;
	w.direct_mbit = 0;
	w.mbit[0] = 10;
	seconds(&w, 1);
	cr_assert_not(w.paths[0].backup, "%s", w.log);
}

Test(policy, a_slow_application_changes_nothing)
{
	struct world w;

	world_init(&w, 2);
	w.direct_mbit = 0.05;
	for (int i = 0; i < PATHS; i++)
		w.mbit[i] = 0.001 * i;
	seconds(&w, 120);
	cr_assert_str_eq(w.log, "+0 +1 ");
	cr_assert(w.paths[0].gain.last_s == 0, "nothing is learnt from it");
}

Test(policy, what_the_user_made_backup_is_not_judged)
{
	struct world w;

	world_init(&w, 1);
	only_first(&w, 1);
	w.paths[0].backup_wanted = true;
	w.mbit[0] = 0;
	seconds(&w, 40);
	cr_assert_str_eq(w.log, "+0 ");
}

Test(policy, an_unanswered_join_gives_its_place_up)
{
	struct dt_path paths[2] = {{.state = DT_PATH_OPENING, .since_ns = 1, .rtt_us = 10000}, {.usable = true}};
	struct dt_policy_input in = {
		.now_ns = 400000000, .now_s = 1000, .limit = 1, .direct_open = true, .paths = paths, .npaths = 2};
	struct dt_policy policy = {0};
	struct dt_policy_output out;

	dt_policy_fill(&policy, &in, &out);
	cr_assert(out.count == 0);
	cr_assert(out.again_ns > in.now_ns && out.again_ns < 1500000000);
	in.now_ns = out.again_ns;
	dt_policy_fill(&policy, &in, &out);
	cr_assert(out.count == 2 && out.actions[0].kind == DT_ACTION_CLOSE && out.actions[1].kind == DT_ACTION_OPEN);
	/* without another relay it may go on */
	paths[1].usable = false;
	dt_policy_fill(&policy, &in, &out);
	cr_assert(out.count == 0);
}

Test(policy, a_path_reverts_to_its_mean)
{
	struct dt_gain g = {0};

	cr_assert(dt_policy_expect(&g, 1000) < 0);
	dt_gain_note(&g, 10e6, 300, 1000);
	dt_gain_note(&g, 1e6, 1, 1001);
	cr_assert(dt_policy_expect(&g, 1001) < 1.1e6);
	cr_assert(dt_policy_expect(&g, 1400) > 9.8e6);
}
