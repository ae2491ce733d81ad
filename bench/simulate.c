/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy, driven as the daemon drives it, against seeded traces of relays that fail, slow down and recover, beside simpler choices and an oracle:
 * simulate [TRACES [SEED]]. What a trace is: see trace_make(); docs/policy.md tells why.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pm/decide/policy.h"

#define RELAYS 8
#define NETWORKS 4
#define PLACES 2
#define STEP_S 0.1
#define STEPS 6000 /* ten minutes */
#define STEPS_S 10 /* a second */
#define NOTICED 2  /* steps until a dead subflow is given up: what watch.c takes */
#define SETTLING 5 /* from a subflow's end to the next join, where another way is left: as act/end.c has it */
#define LINK_DOWN 50
#define JOIN_TIMEOUT 50
#define JOIN_BYTES 400 /* SYN, SYN-ACK, ACK, ACK and the lease's two datagrams */
#define PROBE_BYTES 240
#define PROBE_STEPS 20
#define NS(step) ((uint64_t)((step) + 1) * 100000000ULL)
#define EPOCH_S 1700000000ULL

static uint64_t rng;

static double uniform(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (double)(rng >> 11) / 9007199254740992.0;
}

static double exponential(double mean)
{
	return -log(1 - uniform()) * mean;
}

static double normal(void)
{
	return sqrt(-2 * log(1 - uniform())) * cos(6.283185307179586 * uniform());
}

/* --- traces ------------------------------------------------------------------------------------ */

struct trace {
	double access;			    /* bit/s, of all paths together */
	double capacity[RELAYS + 1][STEPS]; /* the last is the direct path; 0: dead */
	bool link[RELAYS][STEPS];	    /* the relay answers */
	double rtt_s[RELAYS];
	uint32_t network[RELAYS]; /* 1 .. NETWORKS */
	bool busy[STEPS];	  /* a connection is there */
	bool first[STEPS];	  /* it begins */
};

static void fail(struct trace *t, int path, int from, int steps, bool at_relay)
{
	for (int i = from; i < from + steps && i < STEPS; i++) {
		t->capacity[path][i] = 0;
		if (at_relay && path < RELAYS)
			t->link[path][i] = false;
	}
}

static void trace_make(struct trace *t)
{
	double direct;

	memset(t, 0, sizeof(*t));
	direct = 20e6 * exp(0.5 * normal());

	/* one in five is limited by the access link: no detour helps */
	t->access = direct * (uniform() < 0.2 ? 1 : 2 + 4 * uniform());
	for (int r = 0; r <= RELAYS; r++) {
		double base = r == RELAYS ? direct : direct * 0.8 * exp(0.8 * normal());
		double factor = 1;
		int until = (int)(exponential(300) / STEP_S);
		bool slow = false;

		/* good relays are a little nearer, on the average */
		if (r < RELAYS)
			t->network[r] = 1 + (uint32_t)(uniform() * NETWORKS);
		if (r < RELAYS)
			t->rtt_s[r] = 0.04 * exp(0.6 * normal()) * pow(direct / base, 0.3);
		for (int i = 0; i < STEPS; i++) {
			if (i >= until) {
				slow = !slow;
				factor = slow ? 0.1 + 0.4 * uniform() : 1;
				until = i + 1 + (int)(exponential(slow ? 60 : 300) / STEP_S);
			}
			t->capacity[r][i] = base * factor;
			if (r < RELAYS)
				t->link[r][i] = true;
		}
	}
	/* a failure every minute: of one relay, of one relay's network, or close to the server */
	for (int i = (int)(exponential(60) / STEP_S); i < STEPS; i += 1 + (int)(exponential(60) / STEP_S)) {
		enum { RELAY, NETWORK, SERVER } kind;
		double draw = uniform();
		int steps = 10 + (int)(30 * exp(normal()) / STEP_S), one = (int)(uniform() * RELAYS);
		bool at_relay = uniform() < 0.5;

		kind = draw < 0.5 ? RELAY : draw < 0.85 ? NETWORK : SERVER;
		for (int r = 0; r <= RELAYS; r++)
			if (r == one || (kind == NETWORK && r < RELAYS && t->network[r] == t->network[one]) ||
			    (kind == SERVER && uniform() < 0.6))
				fail(t, r, i, steps, at_relay && kind == RELAY);
	}
	for (int i = 0; i < STEPS;) {
		int length = (int)(5 * exp(uniform() * log(60)) / STEP_S); /* 5 s to 5 min */

		t->first[i] = true;
		for (int k = i; k < i + length && k < STEPS; k++)
			t->busy[k] = true;
		i += length + (int)(exponential(5) / STEP_S) + 1;
	}
}

/* --- one connection's paths -------------------------------------------------------------------- */

struct flow {
	enum dt_path_state state;
	bool backup;
	int since;
	int may_try;
	int backoff;
	int silent;
	bool trial;
	double bytes;
	struct dt_path_memory memory;
};

struct run {
	struct trace *trace;
	struct flow flows[RELAYS];
	struct dt_gain gains[RELAYS + 1];
	struct dt_chooser chooser;
	struct dt_path_memory direct_memory;
	double direct_bytes;
	bool direct_backup;
	int direct_silent;
	int settled;	       /* no join before this step */
	int link_lost[RELAYS]; /* step since when the relay does not answer; -1 */
	/* figures */
	double payload, probe;
	int probes;  /* joins since a path was lost */
	bool vacant; /* one was, and none has come in its place */
	bool possible;
	unsigned repairs, repaired, joins;
	int chosen_at;
};

static void flow_open(struct run *r, int i, int step, bool trial)
{
	struct flow *f = &r->flows[i];

	memset(&f->memory, 0, sizeof(f->memory));
	f->memory.trial = trial;
	f->state = DT_PATH_OPENING;
	f->since = step;
	f->backup = false;
	f->silent = 0;
	f->bytes = 0;
	r->probe += JOIN_BYTES;
	r->joins++;
	if (r->vacant && !trial)
		r->probes++;
}

static void flow_close(struct run *r, int i, int step, bool failed)
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

/* The first step in which a join may be sent: at once where no other way is left. */
static int join_step(const struct run *r, int step)
{
	bool way = r->trace->capacity[RELAYS][step] > 0;

	for (int i = 0; i < RELAYS; i++)
		way = way || r->flows[i].state == DT_PATH_OPEN;
	return way && r->settled > step ? r->settled : step;
}

static bool usable(const struct run *r, int i, int step)
{
	return r->flows[i].state == DT_PATH_IDLE && step >= r->flows[i].may_try &&
	       (r->link_lost[i] < 0 || step - r->link_lost[i] < LINK_DOWN);
}

static unsigned under_way(const struct run *r)
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
		    (step - f->since) * STEP_S >= t->rtt_s[i]) {
			f->state = DT_PATH_OPEN;
			f->since = step;
			repair_end(r);
		} else if (f->state == DT_PATH_OPENING && step - f->since >= JOIN_TIMEOUT) {
			flow_close(r, i, step, true);
		}
		if (f->state != DT_PATH_OPEN)
			continue;
		f->silent = t->capacity[i][step] > 0 ? 0 : f->silent + 1;
		if (f->silent > NOTICED) {
			flow_close(r, i, step, true);
			repair_begin(r, step);
			continue;
		}
		if (f->backup && main_way)
			continue;
		rate[i] = t->capacity[i][step] * fmin(ramp, 1);
		sum += rate[i];
	}
	for (int i = 0; i <= RELAYS; i++) {
		double bytes = rate[i] * (sum > t->access ? t->access / sum : 1) * STEP_S / 8 * (0.9 + 0.2 * uniform());

		r->payload += bytes;
		if (i < RELAYS)
			r->flows[i].bytes += bytes;
		else
			r->direct_bytes += bytes;
	}
	if (step % PROBE_STEPS == 0)
		r->probe += RELAYS * PROBE_BYTES;
}

/* --- choosers: called each step ---------------------------------------------------------------- */

typedef void (*choose_fn)(struct run *r, int step);

static void paths_fill(struct run *r, struct dt_path *paths, int step)
{
	for (int i = 0; i < RELAYS; i++) {
		struct flow *f = &r->flows[i];

		paths[i] = (struct dt_path){.state = f->state,
					    .usable = usable(r, i, step),
					    .backup = f->backup,
					    /* one that waits until the connection has settled has all its patience */
					    .since_ns = NS(f->since < step ? f->since : step),
					    .bytes = (uint64_t)f->bytes,
					    .srtt_us = (uint32_t)(r->trace->rtt_s[i] * 1e6),
					    .rtt_us = (uint32_t)(r->trace->rtt_s[i] * 5e5),
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
	flow_open(r, path, join_step(r, step), trial);
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
		flow_close(r, path, step, r->flows[path].state == DT_PATH_OPENING);
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
	unsigned used = under_way(r);
	size_t order[RELAYS];

	if (used >= in->limit)
		return;
	dt_policy_order(in, order);
	for (int i = 0; i < RELAYS && used < in->limit; i++)
		if (usable(r, (int)order[i], step)) {
			policy_open(r, in, (int)order[i], step, false);
			used++;
		}
}

static void choose_policy(struct run *r, int step)
{
	struct dt_path paths[RELAYS];
	struct dt_policy_input in = {.now_ns = NS(step),
				     .now_s = EPOCH_S + (uint64_t)step / STEPS_S,
				     .limit = PLACES,
				     .direct_open = r->direct_silent <= NOTICED,
				     .direct = {.state = DT_PATH_OPEN,
						.bytes = (uint64_t)r->direct_bytes,
						.backup = r->direct_backup,
						.srtt_us = 30000,
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

static void choose_random(struct run *r, int step)
{
	while (under_way(r) < PLACES) {
		int candidates[RELAYS], count = 0;

		for (int i = 0; i < RELAYS; i++)
			if (r->flows[i].state == DT_PATH_IDLE && step >= r->flows[i].may_try)
				candidates[count++] = i;
		if (!count)
			return;
		flow_open(r, candidates[(int)(uniform() * count)], step, false);
	}
}

static void choose_rtt(struct run *r, int step)
{
	while (under_way(r) < PLACES) {
		int best = -1;

		for (int i = 0; i < RELAYS; i++)
			if (usable(r, i, step) && (best < 0 || r->trace->rtt_s[i] < r->trace->rtt_s[best]))
				best = i;
		if (best < 0)
			return;
		flow_open(r, best, step, false);
	}
}

/* Three at a time; after four seconds the one that carried least goes. */
static void choose_race(struct run *r, int step)
{
	int worst = -1;

	if (under_way(r) < PLACES) {
		while (under_way(r) < PLACES + 1) {
			unsigned before = under_way(r);
			int candidates[RELAYS], count = 0;

			for (int i = 0; i < RELAYS; i++)
				if (usable(r, i, step))
					candidates[count++] = i;
			if (count)
				flow_open(r, candidates[(int)(uniform() * count)], step, false);
			if (under_way(r) == before)
				return;
		}
		r->chosen_at = step + 4 * STEPS_S;
	}
	if (under_way(r) <= PLACES || step < r->chosen_at)
		return;
	for (int i = 0; i < RELAYS; i++)
		if (r->flows[i].state != DT_PATH_IDLE &&
		    (worst < 0 || r->flows[i].bytes / (step - r->flows[i].since + 1) <
					  r->flows[worst].bytes / (step - r->flows[worst].since + 1)))
			worst = i;
	flow_close(r, worst, step, false);
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
		if (under_way(r) < PLACES) {
			flow_open(r, best, step, false);
		} else if (ahead(r->trace, best, step) > ahead(r->trace, worst, step) * 1.15) {
			flow_close(r, worst, step, false);
			flow_open(r, best, step, false);
		}
	}
}

static void choose_none(struct run *r, int step)
{
}

/* --- the table --------------------------------------------------------------------------------- */

static const struct chooser {
	const char *name;
	choose_fn choose;
} choosers[] = {
	{"policy", choose_policy},	{"random", choose_random}, {"lowest RTT", choose_rtt},
	{"race of three", choose_race}, {"oracle", choose_oracle}, {"no detours", choose_none},
};
#define CHOOSERS (sizeof(choosers) / sizeof(choosers[0]))

static void run(struct run *r, struct trace *t, choose_fn choose)
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
		}
		r->direct_silent = t->capacity[RELAYS][step] > 0 ? 0 : r->direct_silent + 1;
		choose(r, step);
		world(r, step);
	}
}

/* What could be had if changing cost nothing. */
static double bound(const struct trace *t)
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

int main(int argc, char **argv)
{
	static struct trace t;
	static struct run runs[CHOOSERS];
	int traces = argc > 1 ? atoi(argv[1]) : 1000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	struct {
		double payload, probe, of_oracle, joins;
		unsigned repairs, repaired;
	} sums[CHOOSERS] = {0};
	double of_bound = 0;

	for (int n = 0; n < traces; n++) {
		rng = (seed * 1000003 + (uint64_t)n + 1) * 0x9e3779b97f4a7c15ULL;
		trace_make(&t);
		for (size_t i = 0; i < CHOOSERS; i++) {
			rng = (seed + (uint64_t)n + 77) * 0xbf58476d1ce4e5b9ULL; /* the same noise for each */
			run(&runs[i], &t, choosers[i].choose);
		}
		for (size_t i = 0; i < CHOOSERS; i++) {
			sums[i].payload += runs[i].payload;
			sums[i].probe += runs[i].probe;
			sums[i].joins += runs[i].joins;
			sums[i].repairs += runs[i].repairs;
			sums[i].repaired += runs[i].repaired;
			sums[i].of_oracle += runs[i].payload / runs[4].payload;
		}
		of_bound += runs[0].payload / bound(&t);
	}
	printf("%d traces of %d relays, seed %llu\n", traces, RELAYS, (unsigned long long)seed);
	printf("%-14s %9s %16s %18s %12s\n", "", "goodput", "repaired with", "probe bytes", "joins");
	printf("%-14s %9s %16s %18s %12s\n", "", "/ oracle", "<= 4 probes", "/ payload", "a trace");
	for (size_t i = 0; i < CHOOSERS; i++)
		printf("%-14s %9.3f %14.1f %% %16.3f %% %12.1f\n", choosers[i].name, sums[i].of_oracle / traces,
		       sums[i].repairs ? 100.0 * sums[i].repaired / sums[i].repairs : 0,
		       100 * sums[i].probe / sums[i].payload, sums[i].joins / traces);
	printf("policy / the bound where changing costs nothing: %.3f\n", of_bound / traces);
	return 0;
}
