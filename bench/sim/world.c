/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim.h"

#include <math.h>
#include <string.h>

#include "chance.h"

void sim_connections(struct trace *t)
{
	for (int i = 0; i < STEPS;) {
		int length = (int)(5 * exp(sim_uniform() * log(60)) / STEP_S); /* 5 s to 5 min */

		t->first[i] = true;
		for (int k = i; k < i + length && k < STEPS; k++)
			t->busy[k] = true;
		i += length + (int)(sim_exponential(5) / STEP_S) + 1;
	}
}

void sim_deaths(struct trace *t, double mean_s)
{
	for (int r = 0; r <= RELAYS; r++)
		for (int i = (int)(sim_exponential(mean_s) / STEP_S); i < STEPS;
		     i += 1 + (int)(sim_exponential(mean_s) / STEP_S)) {
			int end = i + (int)((5 + 25 * sim_uniform()) / STEP_S);
			bool relay = sim_uniform() < 0.5;

			for (; i < end && i < STEPS; i++) {
				t->capacity[r][i] = 0;
				if (relay && r < RELAYS)
					t->link[r][i] = false;
			}
		}
}

void sim_flow_open(struct run *r, int i, int step, bool trial)
{
	struct flow *f = &r->flows[i];

	memset(&f->memory, 0, sizeof(f->memory));
	f->memory.trial = trial;
	f->state = DT_PATH_OPENING;
	r->joined[i] = true;
	f->since = step;
	f->backup = false;
	f->silent = 0;
	f->bytes = 0;
	r->probe += JOIN_BYTES;
	r->joins++;
	if (r->vacant && !trial)
		r->probes++;
}

void sim_flow_close(struct run *r, int i, int step, bool failed)
{
	struct flow *f = &r->flows[i];

	f->backoff = !failed						 ? 0
		     : f->state == DT_PATH_OPEN && step - f->since > 100 ? 0
		     : f->backoff					 ? f->backoff * 2
									 : 10;
	if (f->backoff > 600)
		f->backoff = 600;
	f->may_try = step + f->backoff;
	if (f->state == DT_PATH_OPEN)
		r->settled = step + SETTLING;
	if (failed) {
		r->gains[i].last_bps = 0;
		r->gains[i].last_s = EPOCH_S + (uint64_t)step / STEPS_S;
	}
	f->state = DT_PATH_IDLE;
	f->since = step;
}

int sim_join_step(const struct run *r, int step)
{
	bool way = r->trace->capacity[RELAYS][step] > 0;

	for (int i = 0; i < RELAYS; i++)
		way = way || r->flows[i].state == DT_PATH_OPEN;
	return way && r->settled > step ? r->settled : step;
}

bool sim_usable(const struct run *r, int i, int step)
{
	return r->flows[i].state == DT_PATH_IDLE && step >= r->flows[i].may_try &&
	       (r->link_lost[i] < 0 || step - r->link_lost[i] < LINK_DOWN);
}

unsigned sim_under_way(const struct run *r)
{
	unsigned count = 0;

	for (int i = 0; i < RELAYS; i++)
		count += r->flows[i].state != DT_PATH_IDLE;
	return count;
}

static void repair_end(struct run *r)
{
	if (r->vacant && r->possible) {
		r->repairs++;
		r->repaired += r->probes <= 4;
	}
	r->vacant = false;
}

/* A path was lost: how many joins does it take until another carries data? */
static void repair_begin(struct run *r, int step)
{
	if (r->vacant)
		return;
	r->vacant = true;
	r->probes = 0;
	r->possible = false;
	for (int i = 0; i < RELAYS; i++)
		r->possible = r->possible || (r->flows[i].state == DT_PATH_IDLE && r->trace->capacity[i][step] > 0);
}

/* Time goes by: what carries, what dies, what is born. */
static void world(struct run *r, int step)
{
	const struct trace *t = r->trace;
	double rate[RELAYS + 1] = {0}, sum;
	bool main_way = t->capacity[RELAYS][step] > 0 && !r->direct_backup, detours = false;

	for (int i = 0; i < RELAYS; i++)
		detours = detours ||
			  (r->flows[i].state == DT_PATH_OPEN && !r->flows[i].backup && t->capacity[i][step] > 0);
	main_way = main_way || detours;
	sum = rate[RELAYS] = r->direct_backup && detours ? 0 : t->capacity[RELAYS][step];
	for (int i = 0; i < RELAYS; i++) {
		struct flow *f = &r->flows[i];
		double ramp = (step - f->since + 1) * STEP_S;

		if (t->link[i][step])
			r->link_lost[i] = -1;
		else if (r->link_lost[i] < 0)
			r->link_lost[i] = step;
		if (f->state == DT_PATH_OPENING && t->capacity[i][step] > 0 &&
		    (step - f->since) * STEP_S >= t->rtt_s[i][step]) {
			f->state = DT_PATH_OPEN;
			f->since = step;
			repair_end(r);
		} else if (f->state == DT_PATH_OPENING && step - f->since >= JOIN_TIMEOUT) {
			sim_flow_close(r, i, step, true);
		}
		if (f->state != DT_PATH_OPEN)
			continue;
		f->silent = t->capacity[i][step] > 0 ? 0 : f->silent + 1;
		if (f->silent > NOTICED) {
			sim_flow_close(r, i, step, true);
			repair_begin(r, step);
			continue;
		}
		if (f->backup && main_way)
			continue;
		rate[i] = t->capacity[i][step] * fmin(ramp, 1);
		sum += rate[i];
	}
	for (int i = 0; i <= RELAYS; i++) {
		double bytes =
			rate[i] * (sum > t->access ? t->access / sum : 1) * STEP_S / 8 * (0.9 + 0.2 * sim_uniform());

		r->payload += bytes;
		if (i < RELAYS)
			r->flows[i].bytes += bytes;
		else
			r->direct_bytes += bytes;
	}
	if (step % PROBE_STEPS == 0)
		r->probe += RELAYS * PROBE_BYTES;
}

void sim_run(struct run *r, struct trace *t, sim_choose_fn choose)
{
	memset(r, 0, sizeof(*r));
	r->trace = t;
	for (int i = 0; i < RELAYS; i++)
		r->link_lost[i] = -1;
	for (int step = 0; step < STEPS; step++) {
		if (!t->busy[step])
			continue;
		if (t->first[step]) {
			memset(r->flows, 0, sizeof(r->flows));
			memset(&r->chooser, 0, sizeof(r->chooser));
			memset(&r->direct_memory, 0, sizeof(r->direct_memory));
			r->direct_bytes = 0;
			r->direct_backup = false;
			r->vacant = false;
			r->settled = 0;
			r->racing = false;
		}
		r->direct_silent = t->capacity[RELAYS][step] > 0 ? 0 : r->direct_silent + 1;
		choose(r, step);
		world(r, step);
	}
}

double sim_bound(const struct trace *t)
{
	double bytes = 0;

	for (int step = 0; step < STEPS; step++) {
		double best = 0, second = 0, sum;

		if (!t->busy[step])
			continue;
		for (int i = 0; i < RELAYS; i++) {
			double c = t->capacity[i][step];

			if (c > best) {
				second = best;
				best = c;
			} else if (c > second) {
				second = c;
			}
		}
		sum = best + second + t->capacity[RELAYS][step];
		bytes += fmin(sum, t->access) * STEP_S / 8;
	}
	return bytes;
}
