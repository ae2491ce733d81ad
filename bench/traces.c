/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy over measured data, and what a buyer of relays asks of them: bench-traces [--json] DIR [TRACES [SEED]].
 * DIR has intercloud/results.csv, seattle/SeattleData_1 ... and planetlab/PlanetLabData_1 ..., or some of these;
 * docs/measurements/traces.md says whence.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/buyer.h"
#include "sim/chance.h"
#include "sim/measured.h"

#define FILE_MAX (16 << 20)
#define SLICES_MAX 4096
#define RESAMPLES 1000

/* Matrices of round-trip times, one a file. */
struct set {
	const char *name, *files; /* numbered from 1 on, without gaps */
	size_t slices;		  /* so many there are */
	double unit_s;		  /* seconds of 1 */
	double slice_s;		  /* from one matrix to the next */
	bool has_tuned;		  /* constants were chosen on half of it */
};
static const struct set sets[] = {
	{"seattle", "seattle/SeattleData_", 688, 1, 15.7, true},		 /* 688 in three hours */
	{"planetlab", "planetlab/PlanetLabData_", 18, 1e-3, 14.7 * 3600, false}, /* 18 in eleven days */
};

static bool json;

/* --- files ------------------------------------------------------------------------------------- */

/* The whole file as text, to be freed. NULL: errno says why. */
static char *file_read(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = f ? malloc(FILE_MAX + 1) : NULL;
	size_t length = text ? fread(text, 1, FILE_MAX, f) : 0;

	if (text && !ferror(f) && feof(f) && !memchr(text, 0, length)) {
		text[length] = 0;
	} else if (text) {
		free(text);
		text = NULL;
		errno = EINVAL;
	}
	if (f)
		fclose(f);
	return text;
}

static void die(const char *path, unsigned line, int err)
{
	if (line)
		fprintf(stderr, "%s:%u: %s\n", path, line, strerror(-err));
	else
		fprintf(stderr, "%s: %s\n", path, strerror(-err));
	exit(1);
}

/* False: there are none. */
static bool set_read(const char *dir, const struct set *set, struct sim_measured *m)
{
	memset(m, 0, sizeof(*m));
	m->slice_s = set->slice_s;
	m->rtt_s = calloc(SLICES_MAX, sizeof(*m->rtt_s));
	if (!m->rtt_s)
		die(dir, 0, -ENOMEM);
	for (; m->slices < SLICES_MAX; m->slices++) {
		unsigned line = 0;
		char path[4096], *text;
		int err;

		snprintf(path, sizeof(path), "%s/%s%zu", dir, set->files, m->slices + 1);
		text = file_read(path);
		if (!text && errno == ENOENT)
			break;
		if (!text)
			die(path, 0, -errno);
		err = sim_matrix_parse(text, set->unit_s, &m->nodes, &m->rtt_s[m->slices], &line);
		free(text);
		if (err)
			die(path, line, err);
	}
	if (m->slices && m->slices != set->slices)
		fprintf(stderr, "%s: %zu of %zu matrices: number %zu is missing, and what follows it is not used\n",
			set->name, m->slices, set->slices, m->slices + 1);
	return m->slices > 0;
}

/* --- the policy -------------------------------------------------------------------------------- */

struct outcome {
	double of_oracle, payload, probe, joins, repairs, repaired;
};
struct outcomes {
	size_t count; /* traces */
	int chooser;
	struct outcome (*list)[SIM_CHOOSERS];
};
enum { OF_ORACLE, AHEAD, REPAIRED, PROBE, JOINS, POLICY_FIGURES };

static void policy_figures(const void *data, const unsigned *times, double *figures)
{
	const struct outcomes *o = data;
	double n = 0, repairs = 0, payload = 0;

	memset(figures, 0, POLICY_FIGURES * sizeof(*figures));
	for (size_t i = 0; i < o->count; i++) {
		const struct outcome *one = &o->list[i][o->chooser];

		n += times[i];
		figures[OF_ORACLE] += times[i] * one->of_oracle;
		figures[AHEAD] += times[i] * (o->list[i][SIM_POLICY].of_oracle - one->of_oracle);
		figures[JOINS] += times[i] * one->joins;
		figures[REPAIRED] += times[i] * one->repaired;
		figures[PROBE] += times[i] * one->probe;
		repairs += times[i] * one->repairs;
		payload += times[i] * one->payload;
	}
	figures[OF_ORACLE] /= n;
	figures[AHEAD] /= n;
	figures[JOINS] /= n;
	figures[REPAIRED] /= repairs > 0 ? repairs : 1;
	figures[PROBE] /= payload > 0 ? payload : 1;
}

static void trace_run(struct trace *t, struct outcome *list, uint64_t noise)
{
	static struct run run;

	for (int c = 0; c < SIM_CHOOSERS; c++) {
		sim_seed(noise); /* the same noise for each */
		sim_run(&run, t, sim_choosers[c].choose);
		list[c] = (struct outcome){.payload = run.payload,
					   .probe = run.probe,
					   .joins = run.joins,
					   .repairs = run.repairs,
					   .repaired = run.repaired};
	}
	for (int c = 0; c < SIM_CHOOSERS; c++)
		list[c].of_oracle = list[SIM_ORACLE].payload > 0 ? list[c].payload / list[SIM_ORACLE].payload : 1;
}

static void interval_print(const char *name, const struct sim_interval *i)
{
	printf(",\"%s\":[%.5g,%.5g,%.5g]", name, i->value, i->low, i->high);
}

static void policy_print(const char *set, const char *part, const struct outcomes *o)
{
	struct sim_interval i[POLICY_FIGURES];

	if (sim_intervals(policy_figures, o, o->count, RESAMPLES, POLICY_FIGURES, i) < 0)
		die("intervals", 0, -ENOMEM);
	if (json) {
		printf("{\"row\":\"policy\",\"data\":\"%s\",\"part\":\"%s\",\"chooser\":\"%s\",\"traces\":%zu", set,
		       part, sim_choosers[o->chooser].name, o->count);
		interval_print("of_oracle", &i[OF_ORACLE]);
		interval_print("policy_ahead", &i[AHEAD]);
		interval_print("repaired", &i[REPAIRED]);
		interval_print("probe_share", &i[PROBE]);
		interval_print("joins", &i[JOINS]);
		puts("}");
		return;
	}
	printf("%-14s %6.3f (%.3f to %.3f) %+7.3f (%+.3f to %+.3f) %6.1f %% (%.1f to %.1f) %8.3f %% %8.1f\n",
	       sim_choosers[o->chooser].name, i[OF_ORACLE].value, i[OF_ORACLE].low, i[OF_ORACLE].high, i[AHEAD].value,
	       i[AHEAD].low, i[AHEAD].high, 100 * i[REPAIRED].value, 100 * i[REPAIRED].low, 100 * i[REPAIRED].high,
	       100 * i[PROBE].value, i[JOINS].value);
}

#define DEATHS_S 120 /* between two of a path's, on average, where deaths are added */

static void policy_report(const char *set, const struct sim_measured *m, int half, bool deaths, size_t traces,
			  uint64_t seed)
{
	const char *part = deaths ? "deaths" : half ? "report" : "tune";
	static struct trace t;
	struct outcomes o = {.count = traces, .list = calloc(traces, sizeof(*o.list))};

	if (!o.list)
		die("traces", 0, -ENOMEM);
	for (size_t n = 0; n < traces; n++) {
		sim_seed((seed * 1000003 + n + 1) * 0x9e3779b97f4a7c15ULL);
		sim_measured_trace(m, half, &t);
		if (deaths)
			sim_deaths(&t, DEATHS_S);
		trace_run(&t, o.list[n], (seed + n + 77) * 0xbf58476d1ce4e5b9ULL);
	}
	if (!json)
		printf("\n%zu traces of 10 minutes of %s, part: %s\n%-14s %-24s %-27s %-24s %8s %10s\n", traces, set,
		       part, "", "goodput / oracle", "the policy is ahead by", "repaired, <= 4 probes", "probes",
		       "joins");
	sim_seed(seed);
	for (o.chooser = 0; o.chooser < SIM_CHOOSERS; o.chooser++)
		policy_print(set, part, &o);
	free(o.list);
}

/* False: there are no data. */
static bool set_report(const char *dir, const struct set *set, size_t traces, uint64_t seed)
{
	struct sim_measured measured;
	bool found = set_read(dir, set, &measured);

	if (found) {
		int err;

		sim_seed(seed);
		err = sim_measured_divide(&measured);
		if (err)
			die(set->name, 0, err);
		if (set->has_tuned)
			policy_report(set->name, &measured, 0, false, traces, seed);
		policy_report(set->name, &measured, 1, false, traces, seed + 1);
		policy_report(set->name, &measured, 1, true, traces, seed + 1);
	}
	sim_measured_fini(&measured);
	return found;
}

/* --- the buyer --------------------------------------------------------------------------------- */

static void bought_print(enum sim_carrier carrier, size_t relays, int chosen, const struct sim_bought *b)
{
	static const char *const names[SIM_BUYER_FIGURES] = {"median", "gain10", "gain50", "gain100"};
	const char *how = chosen ? "chosen" : "random";

	if (json) {
		printf("{\"row\":\"buyer\",\"data\":\"intercloud\",\"part\":\"report\",\"carrier\":\"%s\",\"relays\":%"
		       "zu,"
		       "\"choice\":\"%s\",\"pairs\":%u,\"clients\":%u",
		       sim_carrier_names[carrier], relays, how, b->pairs, b->clients);
		for (int f = 0; f < SIM_BUYER_FIGURES; f++)
			interval_print(names[f], &b->figures[f]);
		puts("}");
		return;
	}
	printf("%-16s %zu %-7s %6.2f (%.2f to %.2f)", sim_carrier_names[carrier], relays, how, b->figures[0].value,
	       b->figures[0].low, b->figures[0].high);
	for (int f = SIM_GAIN_10; f < SIM_BUYER_FIGURES; f++)
		printf(" %5.0f %% (%.0f to %.0f)", 100 * b->figures[f].value, 100 * b->figures[f].low,
		       100 * b->figures[f].high);
	putchar('\n');
}

static void buyer_report(const struct sim_transfers *t, uint64_t seed)
{
	static const size_t relays[] = {1, 2, 4, 8};
	struct sim_buyer buyer;
	struct sim_bought bought;

	sim_seed(seed);
	sim_buyer_init(&buyer, t);
	if (!json)
		printf("%u transfers of %u pairs of %zu places; rate with relays / plain TCP without\n%-26s %-21s %s\n",
		       t->transfers, t->pairs, t->places, "carrier, relays", "median",
		       "pairs with 1.1, 1.5, 2 times as much");
	for (int carrier = 0; carrier < SIM_CARRIERS; carrier++)
		for (int chosen = 0; chosen < 2; chosen++)
			for (size_t i = 0; i < sizeof(relays) / sizeof(relays[0]); i++) {
				int err = sim_buyer_ask(&buyer, carrier, relays[i], chosen, &bought);

				if (err)
					die("transfers", 0, err);
				bought_print(carrier, relays[i], chosen, &bought);
			}
}

int main(int argc, char **argv)
{
	static struct sim_transfers transfers;
	char path[4096], *text;
	unsigned line = 0;
	bool found;
	int at = 1;

	json = argc > at && strcmp(argv[at], "--json") == 0;
	at += json;
	if (argc <= at || argc > at + 3) {
		fprintf(stderr, "usage: %s [--json] DIR [TRACES [SEED]]\n", argv[0]);
		return 2;
	}
	long traces = argc > at + 1 ? atol(argv[at + 1]) : 400;
	uint64_t seed = argc > at + 2 ? strtoull(argv[at + 2], NULL, 0) : 1;

	if (traces < 1 || traces > 1000000)
		die("TRACES", 0, -EINVAL);
	snprintf(path, sizeof(path), "%s/intercloud/results.csv", argv[at]);
	text = file_read(path);
	found = text;
	if (!text && errno != ENOENT)
		die(path, 0, -errno);
	if (text) {
		int err = sim_transfers_parse(text, &transfers, &line);

		free(text);
		if (err)
			die(path, line, err);
		buyer_report(&transfers, seed);
	}
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		found = set_report(argv[at], &sets[i], (size_t)traces, seed) || found;
	if (!found)
		die(argv[at], 0, -ENOENT);
	if (fflush(stdout) || ferror(stdout))
		die("standard output", 0, -errno);
	return 0;
}
