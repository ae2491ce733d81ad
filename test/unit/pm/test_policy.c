/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decisions over time: each test sets up a small world of paths, and says how much each of them can carry. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "pm/decide/policy.h"

#define MBIT 1e6
#define MBIT_BYTES (1000000 / 8)
#define SEC_NS 1000000000ULL
#define BEGIN_S 1000 /* the history's clock when a world begins */
#define PATHS 4

struct world {
	struct dt_chooser chooser;
	struct dt_path paths[PATHS];
	struct dt_path_memory memory[PATHS], direct_memory;
	double mbit[PATHS], direct_mbit; /* what each path carries, Mbit/s */
	double lost_to_detours;		 /* share of direct_mbit that is lost while any detour carries data */
	double lost_to_direct;		 /* share of mbit[] that is lost while the direct path carries data */
	double wanted_mbit;		 /* what the application sends, at most; 0: no limit */
	bool bursts;			 /* ... in bursts, so that it shows that no path is full */
	enum dt_way way;
	struct dt_path direct;
	unsigned limit;
	bool direct_open;
	uint64_t s;	    /* since the begin */
	char log[4096];	    /* "open 1; close 2; backup 0; normal 0; ": all actions in order, each with its path */
	unsigned decisions; /* number of actions */
	unsigned trials;    /* number of paths opened as a trial, since the begin */
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

/* Only the first `count` relays are usable. */
static void only_first(struct world *w, int count)
{
	for (int i = count; i < PATHS; i++)
		w->paths[i].usable = false;
}

/* One relay, of 40 Mbit/s, and 8 while the direct path of 1 carries data beside it. */
static void world_with_slow_direct(struct world *w)
{
	world_init(w, 1);
	only_first(w, 1);
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

static void log_clear(struct world *w)
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

static void seconds(struct world *w, unsigned count)
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

/* The same application opens a new connection to the same server. */
static void next_connection(struct world *w)
{
	memset(&w->chooser, 0, sizeof(w->chooser));
	memset(&w->direct_memory, 0, sizeof(w->direct_memory));
	w->direct.bytes = 0;
	w->direct.backup = false;
	w->direct.since_ns = w->s * SEC_NS;
	log_clear(w);
	for (int i = 0; i < PATHS; i++) {
		w->paths[i].state = DT_PATH_IDLE;
		w->paths[i].memory = NULL;
	}
}

static bool logged(const struct world *w, const char *what)
{
	return strstr(w->log, what) != NULL;
}

Test(policy, opens_unknown_relays_in_the_users_order)
{
	struct world w;

	world_init(&w, 2);
	w.paths[0].usable = false;
	w.direct.srtt_us = 30000;
	w.paths[3].rtt_us = 1000; /* says nothing as long as nothing was measured */
	seconds(&w, 1);
	cr_assert_str_eq(w.log, "open 1; open 2; ");
}

Test(policy, prefers_near_relays_among_those_never_measured)
{
	struct world w;

	world_init(&w, 2);
	w.direct.srtt_us = 30000;
	dt_gain_note(&w.paths[0].gain, 5 * MBIT, 20, BEGIN_S - 100);
	w.paths[3].rtt_us = 1000;
	seconds(&w, 1);
	cr_assert_str_eq(w.log, "open 3; open 0; ");
}

Test(policy, a_round_trip_that_is_unknown_counts_neither_way)
{
	struct world w;

	world_init(&w, 2);
	dt_gain_note(&w.paths[0].gain, 5 * MBIT, 20, BEGIN_S - 100);
	w.paths[3].rtt_us = 1000; /* and from there on? */
	seconds(&w, 1);
	cr_assert_str_eq(w.log, "open 0; open 1; ");
}

Test(policy, what_the_relay_measured_counts_more_than_the_direct_path)
{
	struct world w;

	world_init(&w, 2);
	w.direct.srtt_us = 30000;
	dt_gain_note(&w.paths[0].gain, 5 * MBIT, 20, BEGIN_S - 100);
	w.paths[3].rtt_us = 1000;
	w.paths[3].rtt_relay_server_us = 200000;
	w.paths[2].rtt_us = 19000;
	seconds(&w, 1);
	cr_assert_str_eq(w.log, "open 2; open 0; ");
}

Test(policy, opens_the_best_measured_relay_first)
{
	struct world w;

	world_init(&w, 1);
	dt_gain_note(&w.paths[1].gain, 5 * MBIT, 20, BEGIN_S - 100);
	dt_gain_note(&w.paths[3].gain, 30 * MBIT, 20, BEGIN_S - 100);
	seconds(&w, 1);
	cr_assert_str_eq(w.log, "open 3; ");
}

Test(policy, opens_a_failed_relay_last_and_others_of_its_network_before_it)
{
	struct world w;

	world_init(&w, 3);
	for (int i = 0; i < PATHS; i++) {
		dt_gain_note(&w.paths[i].gain, (40 - i) * MBIT, 20, BEGIN_S - 100);
		w.paths[i].network = i < 2 ? 7 : (uint32_t)i; /* the first two share one */
	}
	w.paths[0].gain.last_bps = 0;
	w.paths[0].gain.last_s = BEGIN_S - 1;
	seconds(&w, 1);
	cr_assert_str_eq(w.log, "open 2; open 3; open 1; ");
}

Test(policy, keeps_to_the_limit)
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

Test(policy, finds_a_better_relay_and_keeps_it)
{
	struct world w;

	world_init(&w, 1);
	w.mbit[2] = 40;
	seconds(&w, 60);
	cr_assert(w.paths[2].state == DT_PATH_OPEN, "%s", w.log);
	log_clear(&w);
	seconds(&w, 60);
	cr_assert(w.paths[2].state == DT_PATH_OPEN, "%s", w.log);
}

Test(policy, equal_relays_are_not_swapped_for_ever)
{
	struct world w;

	world_init(&w, 2);
	seconds(&w, 60);
	log_clear(&w);
	seconds(&w, 120);
	cr_assert(w.decisions <= 8, "%s", w.log);
}

Test(policy, a_known_relay_replaces_one_that_got_slow)
{
	struct world w;

	world_init(&w, 1);
	only_first(&w, 1);
	dt_gain_note(&w.paths[0].gain, 20 * MBIT, 100, BEGIN_S - 10);
	dt_gain_note(&w.paths[1].gain, 15 * MBIT, 100, BEGIN_S - 10);
	w.mbit[0] = 20;
	seconds(&w, 10);
	w.paths[1].usable = true;
	seconds(&w, 5);
	cr_assert_str_eq(w.log, "open 0; ");
	w.mbit[0] = 5;
	seconds(&w, 5);
	cr_assert(logged(&w, "close 0; open 1; "), "%s", w.log);
}

Test(policy, trials_have_a_budget)
{
	struct world w;

	world_init(&w, 1);
	for (int s = 0; s < 600; s++) {
		/* none is better than expected, and all that is known of them is forgotten again */
		for (int i = 0; i < PATHS; i++)
			if (w.paths[i].state == DT_PATH_IDLE)
				w.paths[i].gain = (struct dt_gain){0};
		seconds(&w, 1);
		log_clear(&w);
	}
	/* a trial takes 3 s; allowed are 12 s, 5 % of the busy time, and the 3 s of the last one */
	cr_assert(w.trials > 0 && w.trials * 3 <= 12 + 600 / 20 + 3, "%u trials", w.trials);
	cr_assert(w.chooser.trials_ns <= 12 * SEC_NS + w.chooser.busy_ns / 20 + 3 * SEC_NS, "%llu of %llu ms",
		  (unsigned long long)w.chooser.trials_ns / 1000000, (unsigned long long)w.chooser.busy_ns / 1000000);
}

Test(policy, a_detour_that_carries_nothing_becomes_backup)
{
	struct world w;

	world_init(&w, 1);
	only_first(&w, 1);
	dt_gain_note(&w.direct.gain, 5 * MBIT, 300, BEGIN_S); /* it is faster with detours, so there is no comparison */
	w.mbit[0] = 0.1;
	seconds(&w, 12);
	cr_assert(w.paths[0].backup, "%s", w.log);
	seconds(&w, 40);
	cr_assert(logged(&w, "normal 0; "), "used again: %s", w.log);
}

Test(policy, detours_that_add_nothing_become_backup)
{
	struct world w;

	world_init(&w, 2);
	only_first(&w, 2);
	w.mbit[0] = 1.2; /* little, so the policy compares */
	w.mbit[1] = 2;
	w.lost_to_detours = 0.2;
	seconds(&w, 15);
	cr_assert(w.paths[0].backup && w.paths[1].backup, "%s", w.log);
	cr_assert(w.paths[0].state == DT_PATH_OPEN && w.paths[1].state == DT_PATH_OPEN);
}

Test(policy, detours_that_did_not_pay_begin_as_backup_and_are_used_again_later)
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
	cr_assert(logged(&w, "normal 0; ") && logged(&w, "backup 0; "), "used again, but they did not pay: %s", w.log);
	cr_assert(eq(uint, w.paths[0].gain.backups, 2), "%s", w.log);
	/* they are backup for longer this time */
	next_connection(&w);
	seconds(&w, 25);
	cr_assert(w.paths[0].backup && !logged(&w, "normal 0; "), "%s", w.log);
	/* once they pay, that is remembered, too */
	w.lost_to_detours = 0;
	w.mbit[0] = w.mbit[1] = 10;
	seconds(&w, 120);
	cr_assert_not(w.paths[0].backup, "%s", w.log);
	next_connection(&w);
	seconds(&w, 3);
	cr_assert_not(w.paths[0].backup, "%s", w.log);
	/* without a direct path nothing is backup */
	w.paths[0].gain.backup_until_s = UINT64_MAX;
	next_connection(&w);
	w.direct_open = false;
	seconds(&w, 3);
	cr_assert(w.paths[0].state == DT_PATH_OPEN && !w.paths[0].backup, "%s", w.log);
}

Test(policy, detours_that_add_a_little_stay)
{
	struct world w;

	world_init(&w, 2);
	only_first(&w, 2);
	w.mbit[0] = 1.2;
	w.mbit[1] = 2;
	seconds(&w, 15);
	cr_assert(logged(&w, "backup 0; "), "compared: %s", w.log);
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
	cr_assert(w.paths[0].backup && w.paths[0].memory->backup_until_ns != UINT64_MAX, "compared: %s", w.log);
	cr_assert(w.paths[0].gain.backups == 1);
	/* and again when they are used again after 30 s */
	seconds(&w, 37);
	cr_assert(logged(&w, "normal 0; "), "%s", w.log);
	cr_assert(w.paths[0].backup && w.paths[0].gain.backups == 2, "%s", w.log);
}

Test(policy, a_slow_direct_path_that_holds_up_a_detour_becomes_backup)
{
	struct world w;

	world_with_slow_direct(&w);
	seconds(&w, 10);
	cr_assert(w.direct.backup && !w.paths[0].backup, "%s", w.log);
	cr_assert_str_eq(w.log, "open 0; backup direct; backup direct; ");
	/* the next connection knows it once the detour carries data */
	next_connection(&w);
	seconds(&w, 2);
	cr_assert_str_eq(w.log, "open 0; backup direct; ");
	/* it is tried again after 30 s, and then waits for longer */
	seconds(&w, 40);
	cr_assert(logged(&w, "normal direct; ") && w.direct.backup && w.direct.gain.backups == 2, "%s", w.log);
	/* without the detour it is needed */
	w.paths[0].state = DT_PATH_IDLE;
	w.paths[0].memory = NULL;
	w.paths[0].usable = false;
	seconds(&w, 1);
	cr_assert_not(w.direct.backup, "%s", w.log);
}

/* It carries little beside the detour, and costs it nothing. */
static void world_with_harmless_direct(struct world *w)
{
	world_init(w, 1);
	only_first(w, 1);
	w->direct_mbit = 5;
	w->mbit[0] = 40;
}

Test(policy, a_slow_direct_path_that_does_no_harm_stays)
{
	struct world w;

	world_with_harmless_direct(&w);
	seconds(&w, 60);
	cr_assert_str_eq(w.log, "open 0; backup direct; normal direct; ");
}

Test(policy, a_direct_path_that_does_no_harm_is_away_for_two_seconds)
{
	struct world w;

	world_with_harmless_direct(&w);
	for (int i = 0; i < 20 && !w.direct.backup; i++)
		seconds(&w, 1);
	cr_assert(w.direct.backup, "%s", w.log);
	seconds(&w, 2);
	cr_assert_str_eq(w.log, "open 0; backup direct; normal direct; ");
}

Test(policy, a_direct_path_made_backup_returns_when_the_detours_get_slow)
{
	struct world w;

	world_with_slow_direct(&w);
	seconds(&w, 10);
	cr_assert(w.direct.backup, "%s", w.log);
	w.mbit[0] = 3;
	seconds(&w, 20);
	cr_assert_not(w.direct.backup, "%s", w.log);
}

Test(policy, a_limited_application_yields_no_verdict)
{
	struct world w;

	world_init(&w, 2);
	only_first(&w, 2);
	w.mbit[0] = w.mbit[1] = 1; /* all of it fits into the direct path */
	w.lost_to_detours = 0.3;
	w.wanted_mbit = 5;
	w.bursts = true;
	seconds(&w, 300);
	cr_assert_str_eq(w.log, "open 0; open 1; ");
	cr_assert(w.direct.gain.last_s == 0, "what the application wants is not what the path carries");
}

Test(policy, a_verdict_at_a_low_rate_ends_when_the_connection_is_faster)
{
	struct world w;

	/* the application is limited, but in a way that does not show */
	world_init(&w, 2);
	only_first(&w, 2);
	w.wanted_mbit = 5;
	w.mbit[0] = w.mbit[1] = 1;
	seconds(&w, 20);
	cr_assert(w.paths[0].backup && w.paths[0].gain.backup_until_s, "%s", w.log);
	next_connection(&w);
	w.wanted_mbit = 0;
	w.mbit[0] = w.mbit[1] = 20;
	seconds(&w, 4);
	cr_assert_not(w.paths[0].backup || w.paths[1].backup, "%s", w.log);
}

Test(policy, what_the_direct_path_has_alone_is_learnt_by_the_comparison)
{
	struct world w;

	world_init(&w, 2);
	only_first(&w, 2);
	w.direct_mbit = 11;
	w.mbit[0] = 12;
	w.mbit[1] = 5; /* a quarter of 28 is 7: so there is doubt */
	seconds(&w, 20);
	cr_assert(logged(&w, "backup 0; ") && logged(&w, "normal 0; "), "compared: %s", w.log);
	cr_assert(w.direct.gain.mean_bps > 10 * MBIT && w.direct.gain.mean_bps < 12 * MBIT);
	log_clear(&w);
	seconds(&w, 600);
	cr_assert_str_eq(w.log, "", "it is known, so there is no other comparison");
}

Test(policy, a_comparison_measures_the_gain)
{
	struct world w;

	world_init(&w, 2);
	only_first(&w, 2);
	w.direct_mbit = 11;
	w.mbit[0] = 12;
	w.mbit[1] = 5; /* a quarter of 28 is 7: so there is doubt */
	seconds(&w, 20);
	cr_assert(w.chooser.payoff.count == 1, "%u", w.chooser.payoff.count);
	cr_assert(w.chooser.payoff.gain > 1.4 && w.chooser.payoff.gain < 1.7, "28 of 11: %f", w.chooser.payoff.gain);
	cr_assert(w.memory[0].payoff_share > 0.69 && w.memory[0].payoff_share < 0.72, "%f", w.memory[0].payoff_share);
	w.way = DT_WAY_UP;
	seconds(&w, 1);
	cr_assert(w.chooser.payoff.count == 0, "of the other direction nothing is known");
}

Test(policy, what_a_slow_direct_path_carried_is_kept_while_it_is_backup)
{
	struct world w;

	world_with_slow_direct(&w);
	seconds(&w, 30);
	cr_assert(w.direct.backup, "%s", w.log);
	cr_assert(w.chooser.direct_bps > 0.9 * MBIT && w.chooser.direct_bps < 1.1 * MBIT, "%f", w.chooser.direct_bps);
	cr_assert(w.chooser.payoff.count == 0,
		  "what it has without the direct path is not what it has without detours");
}

Test(policy, a_slow_application_measures_no_gain)
{
	struct world w;

	world_init(&w, 2);
	only_first(&w, 2);
	w.mbit[0] = w.mbit[1] = 2;
	seconds(&w, 3);
	w.wanted_mbit = 10;
	w.bursts = true;
	seconds(&w, 60);
	cr_assert(w.chooser.payoff.count == 0, "%s", w.log);
}

Test(policy, detours_that_carry_most_are_not_compared)
{
	struct world w;

	world_init(&w, 2);
	only_first(&w, 2);
	w.direct_mbit = 8;
	seconds(&w, 600);
	cr_assert_str_eq(w.log, "open 0; open 1; ");
}

Test(policy, a_full_detour_that_carries_half_is_not_suspected)
{
	struct world w;

	world_init(&w, 1);
	only_first(&w, 1);
	w.direct_mbit = 6;
	w.mbit[0] = 9;
	w.direct.srtt_us = 20000;
	seconds(&w, 1);
	w.paths[0].srtt_us = 150000; /* its queue */
	seconds(&w, 60);
	cr_assert_str_eq(w.log, "open 0; ");
}

Test(policy, a_verdict_is_for_one_direction)
{
	struct dt_gain up[PATHS] = {{0}};
	struct world w;

	world_init(&w, 2);
	only_first(&w, 2);
	w.mbit[0] = w.mbit[1] = 2;
	w.lost_to_detours = 0.4;
	seconds(&w, 10);
	cr_assert(w.paths[0].backup && w.paths[1].backup, "%s", w.log);
	/* the data turns around; of that direction nothing is known */
	w.way = DT_WAY_UP;
	for (int i = 0; i < PATHS; i++)
		w.paths[i].gain = up[i];
	w.lost_to_detours = 0;
	w.mbit[0] = w.mbit[1] = 20;
	seconds(&w, 1);
	cr_assert_not(w.paths[0].backup || w.paths[1].backup, "%s", w.log);
	/* and back: there they did not pay */
	w.way = DT_WAY_DOWN;
	for (int i = 0; i < PATHS; i++)
		w.paths[i].gain = (struct dt_gain){.backups = 1, .backup_until_s = BEGIN_S + 30};
	seconds(&w, 1);
	cr_assert(w.paths[0].backup && w.paths[1].backup, "%s", w.log);
}

Test(policy, a_detour_with_a_long_round_trip_waits_until_the_connection_has_lasted)
{
	struct world w;

	world_init(&w, 1);
	only_first(&w, 1);
	w.direct.srtt_us = 20000;
	w.paths[0].rtt_us = 60000;
	w.paths[0].rtt_relay_server_us = 60000;
	seconds(&w, 1);
	cr_assert(w.paths[0].state == DT_PATH_OPEN && w.paths[0].backup, "%s", w.log);
	seconds(&w, 4); /* 20 times 100 ms */
	cr_assert_not(w.paths[0].backup, "%s", w.log);
	cr_assert(w.paths[0].gain.backups == 0, "that is no verdict");
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
	cr_assert_str_eq(w.log, "open 0; open 1; ");
	cr_assert(w.paths[0].gain.last_s == 0, "nothing goes into the history");
}

Test(policy, a_backup_of_the_user_is_not_changed)
{
	struct world w;

	world_init(&w, 1);
	only_first(&w, 1);
	w.paths[0].backup_wanted = true;
	w.mbit[0] = 0;
	seconds(&w, 40);
	cr_assert_str_eq(w.log, "open 0; ");
}

Test(policy, an_unanswered_join_gives_its_place_to_another_relay)
{
	struct dt_path paths[2] = {{.state = DT_PATH_OPENING, .since_ns = 1, .rtt_us = 10000}, {.usable = true}};
	struct dt_policy_input in = {
		.now_ns = 400000000, .now_s = BEGIN_S, .limit = 1, .direct_open = true, .paths = paths, .npaths = 2};
	struct dt_chooser chooser = {0};
	struct dt_policy_output out;

	dt_policy_tick(&chooser, &in, &out);
	cr_assert(out.count == 0);
	in.now_ns = 1500000000;
	dt_policy_tick(&chooser, &in, &out);
	cr_assert(out.count == 2 && out.actions[0].kind == DT_ACTION_CLOSE && out.actions[1].kind == DT_ACTION_OPEN);
	/* without another relay it stays */
	paths[1].usable = false;
	dt_policy_tick(&chooser, &in, &out);
	cr_assert(out.count == 0);
}

Test(policy, an_expectation_returns_to_the_mean)
{
	struct dt_gain g = {0};

	cr_assert(dt_policy_expect(&g, BEGIN_S) < 0);
	dt_gain_note(&g, 10 * MBIT, 300, BEGIN_S);
	dt_gain_note(&g, 1 * MBIT, 1, BEGIN_S + 1);
	cr_assert(dt_policy_expect(&g, BEGIN_S + 1) < 1.1 * MBIT);
	cr_assert(dt_policy_expect(&g, BEGIN_S + 400) > 9.8 * MBIT);
}
