/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the policy is compared with. */
#include "sim.h"

#include <math.h>

#include "chance.h"

static void choose_random(struct run *r, int step)
{
	while (sim_under_way(r) < PLACES) {
		int candidates[RELAYS], count = 0;

		for (int i = 0; i < RELAYS; i++)
			if (r->flows[i].state == DT_PATH_IDLE && step >= r->flows[i].may_try)
				candidates[count++] = i;
		if (!count)
			return;
		sim_flow_open(r, candidates[sim_below((unsigned)count)], step, false);
	}
}

static void choose_rtt(struct run *r, int step)
{
	while (sim_under_way(r) < PLACES) {
		int best = -1;

		for (int i = 0; i < RELAYS; i++)
			if (sim_usable(r, i, step) &&
			    (best < 0 || r->trace->rtt_s[i][step] < r->trace->rtt_s[best][step]))
				best = i;
		if (best < 0)
			return;
		sim_flow_open(r, best, step, false);
	}
}

/* Three at a time; after four seconds the one that carried least goes. */
static void choose_race(struct run *r, int step)
{
	int worst = -1;

	if (sim_under_way(r) < PLACES) {
		while (sim_under_way(r) < PLACES + 1) {
			unsigned before = sim_under_way(r);
			int candidates[RELAYS], count = 0;

			for (int i = 0; i < RELAYS; i++)
				if (sim_usable(r, i, step))
					candidates[count++] = i;
			if (count)
				sim_flow_open(r, candidates[sim_below((unsigned)count)], step, false);
			if (sim_under_way(r) == before)
				return;
		}
		r->chosen_at = step + 4 * STEPS_S;
	}
	if (sim_under_way(r) <= PLACES || step < r->chosen_at)
		return;
	for (int i = 0; i < RELAYS; i++)
		if (r->flows[i].state != DT_PATH_IDLE &&
		    (worst < 0 || r->flows[i].bytes / (step - r->flows[i].since + 1) <
					  r->flows[worst].bytes / (step - r->flows[worst].since + 1)))
			worst = i;
	sim_flow_close(r, worst, step, false);
}

/* Opens so many of the usable relays, drawn at random; returns how many. */
static int open_random(struct run *r, int step, int wanted)
{
	int opened = 0;

	for (; opened < wanted; opened++) {
		int candidates[RELAYS];
		unsigned count = 0;

		for (int i = 0; i < RELAYS; i++)
			if (sim_usable(r, i, step))
				candidates[count++] = i;
		if (!count)
			break;
		sim_flow_open(r, candidates[sim_below(count)], step, false);
	}
	return opened;
}

/*
 * SOSR (Gummadi 2004): after a failure four random intermediaries are asked at once, and those that answer first are
 * used. Here it fills all places in this way, also the first.
 */
static void choose_sosr(struct run *r, int step)
{
	unsigned open = 0;

	if (!r->racing && sim_under_way(r) < PLACES)
		r->racing = open_random(r, step, 4 - (int)sim_under_way(r)) > 0;
	if (!r->racing)
		return;
	for (int i = 0; i < RELAYS; i++)
		if (r->flows[i].state == DT_PATH_OPEN && ++open > PLACES)
			sim_flow_close(r, i, step, false);
	if (open < PLACES && sim_under_way(r) > open)
		return;
	for (int i = 0; i < RELAYS; i++)
		if (r->flows[i].state == DT_PATH_OPENING)
			sim_flow_close(r, i, step, false);
	r->racing = false;
}

/* Opens so many of those that were not measured yet; returns how many. */
static int open_unmeasured(struct run *r, int step, int wanted)
{
	int opened = 0;

	for (int i = 0; i < RELAYS && opened < wanted; i++)
		if (!r->is_measured[i] && sim_usable(r, i, step)) {
			sim_flow_open(r, i, step, false);
			opened++;
		}
	return opened;
}

/* What was opened to be measured is; all but the best go. */
static void measured_note(struct run *r, int step, unsigned kept)
{
	for (int i = 0; i < RELAYS; i++)
		if (r->flows[i].state != DT_PATH_IDLE) {
			r->measured[i] = r->flows[i].bytes;
			r->is_measured[i] = true;
		}
	while (sim_under_way(r) > kept) {
		int worst = -1;

		for (int i = 0; i < RELAYS; i++)
			if (r->flows[i].state != DT_PATH_IDLE && (worst < 0 || r->measured[i] < r->measured[worst]))
				worst = i;
		sim_flow_close(r, worst, step, false);
	}
}

static void open_best_measured(struct run *r, int step)
{
	while (sim_under_way(r) < PLACES) {
		int best = -1;

		for (int i = 0; i < RELAYS; i++)
			if (sim_usable(r, i, step) && (best < 0 || r->measured[i] > r->measured[best]))
				best = i;
		if (best < 0)
			return;
		sim_flow_open(r, best, step, false);
	}
}

/* CRONets (Cai 2016): all relays are measured once, for four seconds, and the best are used until they fail. */
static void choose_cronets(struct run *r, int step)
{
	if (!r->all_measured && !r->racing) {
		open_random(r, step, RELAYS);
		r->racing = true;
		r->chosen_at = step + 4 * STEPS_S;
		return;
	}
	if (r->racing && step < r->chosen_at)
		return;
	if (r->racing)
		measured_note(r, step, PLACES);
	r->all_measured = true;
	r->racing = false;
	open_best_measured(r, step);
}

/* The same where a connection has no more than its places, as servers allow it: relays are measured one after the other. */
static void choose_cronets_in_places(struct run *r, int step)
{
	if (r->racing && step < r->chosen_at)
		return;
	if (r->racing)
		measured_note(r, step, 0);
	r->racing = !r->all_measured && open_unmeasured(r, step, PLACES) > 0;
	r->chosen_at = step + 4 * STEPS_S;
	if (r->racing)
		return;
	r->all_measured = true;
	open_best_measured(r, step);
}

static double ahead(const struct trace *t, int i, int step)
{
	double sum = 0;
	int count = 0;

	for (int k = step; k < step + 5 * STEPS_S && k < STEPS && t->busy[k]; k++, count++)
		sum += t->capacity[i][k];
	return count ? sum / count : 0;
}

/* Knows the next five seconds of every path, and pays for its joins and slow starts like the others. */
static void choose_oracle(struct run *r, int step)
{
	if (step % 2)
		return;
	for (int turn = 0; turn < PLACES; turn++) {
		int best = -1, worst = -1;

		for (int i = 0; i < RELAYS; i++) {
			double worth = ahead(r->trace, i, step);

			if (r->flows[i].state != DT_PATH_IDLE) {
				if (worst < 0 || worth < ahead(r->trace, worst, step))
					worst = i;
			} else if (r->trace->capacity[i][step] > 0 &&
				   (best < 0 || worth > ahead(r->trace, best, step))) {
				best = i;
			}
		}
		if (best < 0)
			return;
		if (sim_under_way(r) < PLACES) {
			sim_flow_open(r, best, step, false);
		} else if (ahead(r->trace, best, step) > ahead(r->trace, worst, step) * 1.15) {
			sim_flow_close(r, worst, step, false);
			sim_flow_open(r, best, step, false);
		}
	}
}

static void choose_none(struct run *r, int step)
{
}

const struct sim_chooser sim_choosers[SIM_CHOOSERS] = {
	[SIM_POLICY] = {"policy", sim_choose_policy},
	[SIM_RANDOM] = {"random", choose_random},
	[SIM_RTT] = {"lowest RTT", choose_rtt},
	[SIM_RACE] = {"race of three", choose_race},
	[SIM_CRONETS] = {"CRONets", choose_cronets},
	[SIM_CRONETS_IN_PLACES] = {"CRONets, two", choose_cronets_in_places},
	[SIM_SOSR] = {"SOSR", choose_sosr},
	[SIM_ORACLE] = {"oracle", choose_oracle},
	[SIM_NONE] = {"no detours", choose_none},
};
