/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy, driven as the daemon drives it, against seeded traces of relays that fail, slow down and recover, beside simpler choices and an oracle:
 * simulate [TRACES [SEED]]. What a trace is: see trace_make(); docs/policy.md tells why.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/chance.h"
#include "sim/sim.h"

#define NETWORKS 4

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
	direct = 20e6 * exp(0.5 * sim_normal());

	/* one in five is limited by the access link: no detour helps */
	t->access = direct * (sim_uniform() < 0.2 ? 1 : 2 + 4 * sim_uniform());
	for (int r = 0; r <= RELAYS; r++) {
		double base = r == RELAYS ? direct : direct * 0.8 * exp(0.8 * sim_normal());
		double factor = 1;
		int until = (int)(sim_exponential(300) / STEP_S);
		bool slow = false;
		double rtt = 0.03;

		/* good relays are a little nearer, on the average */
		if (r < RELAYS)
			t->network[r] = 1 + (uint32_t)(sim_uniform() * NETWORKS);
		if (r < RELAYS)
			rtt = 0.04 * exp(0.6 * sim_normal()) * pow(direct / base, 0.3);
		for (int i = 0; i < STEPS; i++) {
			if (i >= until) {
				slow = !slow;
				factor = slow ? 0.1 + 0.4 * sim_uniform() : 1;
				until = i + 1 + (int)(sim_exponential(slow ? 60 : 300) / STEP_S);
			}
			t->capacity[r][i] = base * factor;
			t->rtt_s[r][i] = rtt;
			if (r < RELAYS) {
				t->link[r][i] = true;
				t->near_s[r][i] = rtt / 2;
			}
		}
	}
	/* a failure every minute: of one relay, of one relay's network, or close to the server */
	for (int i = (int)(sim_exponential(60) / STEP_S); i < STEPS; i += 1 + (int)(sim_exponential(60) / STEP_S)) {
		enum { RELAY, NETWORK, SERVER } kind;
		double draw = sim_uniform();
		int steps = 10 + (int)(30 * exp(sim_normal()) / STEP_S), one = (int)(sim_uniform() * RELAYS);
		bool at_relay = sim_uniform() < 0.5;

		kind = draw < 0.5 ? RELAY : draw < 0.85 ? NETWORK : SERVER;
		for (int r = 0; r <= RELAYS; r++)
			if (r == one || (kind == NETWORK && r < RELAYS && t->network[r] == t->network[one]) ||
			    (kind == SERVER && sim_uniform() < 0.6))
				fail(t, r, i, steps, at_relay && kind == RELAY);
	}
	sim_connections(t);
}

int main(int argc, char **argv)
{
	static struct trace t;
	static struct run runs[SIM_CHOOSERS];
	int traces = argc > 1 ? atoi(argv[1]) : 1000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	struct {
		double payload, probe, of_oracle, joins;
		unsigned repairs, repaired;
	} sums[SIM_CHOOSERS] = {0};
	double of_bound = 0;

	for (int n = 0; n < traces; n++) {
		sim_seed((seed * 1000003 + (uint64_t)n + 1) * 0x9e3779b97f4a7c15ULL);
		trace_make(&t);
		for (int i = 0; i < SIM_CHOOSERS; i++) {
			sim_seed((seed + (uint64_t)n + 77) * 0xbf58476d1ce4e5b9ULL); /* the same noise for each */
			sim_run(&runs[i], &t, sim_choosers[i].choose);
		}
		for (int i = 0; i < SIM_CHOOSERS; i++) {
			sums[i].payload += runs[i].payload;
			sums[i].probe += runs[i].probe;
			sums[i].joins += runs[i].joins;
			sums[i].repairs += runs[i].repairs;
			sums[i].repaired += runs[i].repaired;
			sums[i].of_oracle += runs[i].payload / runs[SIM_ORACLE].payload;
		}
		of_bound += runs[0].payload / sim_bound(&t);
	}
	printf("%d traces of %d relays, seed %llu\n", traces, RELAYS, (unsigned long long)seed);
	printf("%-14s %9s %16s %18s %12s\n", "", "goodput", "repaired with", "probe bytes", "joins");
	printf("%-14s %9s %16s %18s %12s\n", "", "/ oracle", "<= 4 probes", "/ payload", "a trace");
	for (int i = 0; i < SIM_CHOOSERS; i++)
		printf("%-14s %9.3f %14.1f %% %16.3f %% %12.1f\n", sim_choosers[i].name, sums[i].of_oracle / traces,
		       sums[i].repairs ? 100.0 * sums[i].repaired / sums[i].repairs : 0,
		       100 * sums[i].probe / sums[i].payload, sums[i].joins / traces);
	printf("policy / the bound where changing costs nothing: %.3f\n", of_bound / traces);
	return 0;
}
