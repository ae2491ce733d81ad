/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Measured data: what is garbled is refused with its line, and the same seed makes the same figures. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/buyer.h"
#include "sim/chance.h"
#include "sim/data.h"
#include "sim/measured.h"

#define HEADER "timestamp,run_id,from_cloud,from_region,to_cloud,to_region,bitrate_Bps,avgrtt,gcp_vm,aws_vm\n"

Test(data, matrices_that_are_none_are_refused)
{
	static const struct {
		const char *text;
		size_t nodes;
		unsigned line;
	} rows[] = {
		{"", 0, 0},
		{"\n\n", 0, 2},
		{"0 1\n1\n", 0, 2},
		{"0 1\n1 0\n1 1\n", 0, 3},
		{"0 1\n", 0, 1},
		{"0 1\n1 0\n", 3, 1},
		{"0 1\n1 x\n", 0, 2},
		{"0 1\n1 nan\n", 0, 2},
		{"0 1\n1 inf\n", 0, 2},
		{"0 0x10\n1 0\n", 0, 1},
		{"0 -1\n1 0\n", 0, 1},
		{"0 1e9\n1 0\n", 0, 1},
		{"0 1e999\n1 0\n", 0, 1},
		{"0 1,2\n1 0\n", 0, 1},
		{"0 1-2\n1 0\n", 0, 1},
		{"0 1\v2\n1 0\n", 0, 1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t nodes = rows[i].nodes;
		double *rtt_s = (double *)1;
		unsigned line = 77;

		cr_expect_eq(sim_matrix_parse(rows[i].text, 1, &nodes, &rtt_s, &line), -EINVAL, "row %zu", i);
		cr_expect_eq(line, rows[i].line, "row %zu: line %u", i, line);
		cr_expect_eq(nodes, rows[i].nodes);
		cr_expect_eq(rtt_s, (double *)1);
	}
}

Test(data, a_row_that_never_ends_is_refused)
{
	size_t nodes = 0, length = 2 * (SIM_NODES_MAX + 1);
	char *text = malloc(length + 1);
	double *rtt_s;
	unsigned line;

	cr_assert_neq(text, NULL);
	for (size_t i = 0; i < length; i++)
		text[i] = i % 2 ? ' ' : '1';
	text[length] = 0;
	cr_expect_eq(sim_matrix_parse(text, 1, &nodes, &rtt_s, &line), -EINVAL);
	free(text);
}

Test(data, a_matrix_is_read_in_its_unit)
{
	static const char *const texts[] = {"0\t20\n1e1 0\n", "\n 0 20 \r\n10\t0", "0 20\n\n10.0 0\n\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t nodes = 0;
		double *rtt_s;
		unsigned line;

		cr_assert_eq(sim_matrix_parse(texts[i], 1e-3, &nodes, &rtt_s, &line), 0, "row %zu, line %u", i, line);
		cr_expect_eq(nodes, 2);
		cr_expect_float_eq(rtt_s[1], 0.02, 1e-9);
		cr_expect_float_eq(rtt_s[2], 0.01, 1e-9);
		free(rtt_s);
	}
}

Test(data, transfers_that_are_none_are_refused)
{
	static const struct {
		const char *text;
		unsigned line;
	} rows[] = {
		{"", 0},
		{"from_cloud,from_region\n", 1},
		{HEADER "t,r,A,a,B,b,1e6,10,x\n", 2},
		{HEADER "t,r,A,a,B,b,1e6,10,x,y,z\n", 2},
		{HEADER "t,r,A,a,B,b,1e6,10,x,y\nt,r,A,a,B,b,fast,10,x,y\n", 3},
		{HEADER "t,r,A,a,B,b,,10,x,y\n", 2},
		{HEADER "t,r,A,a,B,b,0,10,x,y\n", 2},
		{HEADER "t,r,A,a,B,b,-1,10,x,y\n", 2},
		{HEADER "t,r,A,a,B,b,1e13,10,x,y\n", 2},
		{HEADER "t,r,A,a,B,b,1e6,nan,x,y\n", 2},
		{HEADER "t,r,A,a,B,b,1e6,10ms,x,y\n", 2},
		{HEADER "t,r,,a,B,b,1e6,10,x,y\n", 2},
		{HEADER "t,r,A,a,B,\"b\",1e6,10,x,y\n", 2},
		{HEADER
		 "t,r,A,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,B,b,1e6,10,x,y\n",
		 2},
		{HEADER ",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\n", 2},
	};
	static struct sim_transfers t;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned line = 77;

		t.places = 99;
		cr_expect_eq(sim_transfers_parse(rows[i].text, &t, &line), -EINVAL, "row %zu", i);
		cr_expect_eq(line, rows[i].line, "row %zu: line %u", i, line);
		cr_expect_eq(t.places, 99);
	}
}

Test(data, transfers_of_a_pair_have_their_mean)
{
	static struct sim_transfers t;
	unsigned line;

	cr_assert_eq(sim_transfers_parse(HEADER
					 "t,r,A,a,B,b,1e6,10,x,y\nt,r,A,a,B,b,4e6,10,x,y\r\n\nt,r,B,b,B,b,1,1,,\n",
					 &t, &line),
		     0);
	cr_expect_eq(t.places, 2);
	cr_expect_eq(t.pairs, 1);
	cr_expect_eq(t.transfers, 2);
	cr_expect_float_eq(t.bps[0][1], 2e6, 1);
	cr_expect_float_eq(t.rtt_s[0][1], 0.01, 1e-9);
	cr_expect_eq(t.bps[1][0], 0);
	cr_expect_eq(t.bps[1][1], 0);
}

Test(data, too_many_places_are_refused)
{
	static char text[16384];
	static struct sim_transfers t;
	unsigned line;

	strcpy(text, HEADER);
	for (int i = 0; i <= SIM_PLACES_MAX; i += 2)
		sprintf(text + strlen(text), "t,r,A,%d,A,%d,1e6,10,x,y\n", i, i + 1);
	cr_expect_eq(sim_transfers_parse(text, &t, &line), -E2BIG);
	cr_expect_eq(line, SIM_PLACES_MAX / 2 + 2);
}

/* A client, a server and two relays in a square: the direct path is slow and long. */
static void square(struct sim_transfers *t)
{
	static const char text[] = HEADER "t,r,A,client,B,server,8e6,200,,\n"
					  "t,r,A,client,C,one,80e6,20,,\nt,r,C,one,B,server,80e6,20,,\n"
					  "t,r,A,client,D,two,8e6,20,,\nt,r,D,two,B,server,800e6,2,,\n";
	unsigned line;

	cr_assert_eq(sim_transfers_parse(text, t, &line), 0);
}

Test(buyer, follows_its_model)
{
	static struct sim_transfers t;
	static const size_t one = 2, two = 3, both[] = {2, 3};

	square(&t);
	/* both legs have W = 1.6 Mbit: over both 1.6 / sqrt(2), in 40 ms: 28.28 Mbit/s, beside the direct 8 */
	cr_expect_float_eq(sim_buyer_gain(&t, SIM_NAT, 0, 1, &one, 1), 0.983 * 36.284 / 8, 1e-3);
	cr_expect_float_eq(sim_buyer_gain(&t, SIM_CONVERTER, 0, 1, &one, 1), 0.983 * 80 / 8, 1e-3);
	/* a leg of 8 Mbit/s is all that a converter can have there */
	cr_expect_float_eq(sim_buyer_gain(&t, SIM_CONVERTER, 0, 1, &two, 1), 0.983, 1e-3);
	/* with one buffer of the direct path's 1.6 Mbit, in 40 ms: no limit here */
	cr_expect_float_eq(sim_buyer_gain(&t, SIM_NAT_SHARED, 0, 1, &one, 1), 0.983 * 28.284 / 8, 1e-3);
	cr_expect_gt(sim_buyer_gain(&t, SIM_NAT, 0, 1, both, 2), sim_buyer_gain(&t, SIM_NAT, 0, 1, &one, 1));
	cr_expect_lt(sim_buyer_gain(&t, SIM_WIREGUARD, 0, 1, both, 2), sim_buyer_gain(&t, SIM_NAT, 0, 1, both, 2));
	cr_expect_float_eq(sim_buyer_gain(&t, SIM_NAT, 0, 1, NULL, 0), 0.983, 1e-9);
}

/* Hosts at random places, whose round trips change every now and then. */
static void world_make(struct sim_measured *m)
{
	*m = (struct sim_measured){.nodes = 24, .slices = 100, .slice_s = 15.7};
	m->rtt_s = calloc(m->slices, sizeof(*m->rtt_s));
	sim_seed(5);
	for (size_t s = 0; s < m->slices; s++) {
		m->rtt_s[s] = calloc(m->nodes * m->nodes, sizeof(double));
		for (size_t i = 0; i < m->nodes * m->nodes; i++)
			m->rtt_s[s][i] = s > 0 && sim_uniform() < 0.9 ? m->rtt_s[s - 1][i] : 0.1 * exp(sim_normal());
	}
	cr_assert_eq(sim_measured_divide(m), 0);
}

/* Bytes carried with the policy in one trace. */
static double payload(const struct sim_measured *m, int half, uint64_t seed)
{
	static struct trace t;
	static struct run r;

	sim_seed(seed);
	sim_measured_trace(m, half, &t);
	sim_run(&r, &t, sim_choosers[SIM_POLICY].choose);
	return r.payload;
}

Test(measured, the_same_seed_makes_the_same_figures)
{
	struct sim_measured m;
	double first, other;

	world_make(&m);
	first = payload(&m, 1, 3);
	other = payload(&m, 1, 4);
	cr_expect_gt(first, 0);
	cr_expect_eq(first, payload(&m, 1, 3));
	cr_expect_neq(first, other);
	cr_expect_eq(other, payload(&m, 1, 4));
	sim_measured_fini(&m);
}

Test(measured, deaths_end_and_take_some_relays_along)
{
	struct sim_measured m;
	static struct trace before, after;
	unsigned dead = 0, gone = 0, longest = 0, length = 0;

	world_make(&m);
	sim_seed(9);
	sim_measured_trace(&m, 1, &before);
	after = before;
	sim_deaths(&after, 60);
	for (int r = 0; r <= RELAYS; r++)
		for (int i = 0; i < STEPS; i++) {
			bool died = before.capacity[r][i] > 0 && after.capacity[r][i] == 0;

			length = i > 0 && died ? length + 1 : died;
			longest = length > longest ? length : longest;
			dead += died;
			gone += r < RELAYS && before.link[r][i] && !after.link[r][i];
			cr_assert(died || after.capacity[r][i] == before.capacity[r][i]);
		}
	/* 17.5 of 77.5 s, and half of those of relays */
	cr_expect(dead > (RELAYS + 1) * STEPS / 8 && dead < (RELAYS + 1) * STEPS / 3, "%u", dead);
	cr_expect(gone > dead / 4 && gone < dead * 3 / 4, "%u of %u", gone, dead);
	cr_expect_geq(longest, 5 / STEP_S);
	cr_expect_leq(longest, 4 * 30 / STEP_S);
	sim_measured_fini(&m);
}

Test(measured, what_is_reported_was_not_tuned_on)
{
	struct sim_measured m;
	static struct trace before, after;

	world_make(&m);
	sim_seed(9);
	sim_measured_trace(&m, 1, &before);
	/* the first half of the hosts, and of the time, says nothing about the other */
	for (size_t s = 0; s < m.slices; s++)
		for (size_t i = 0; i < m.nodes; i++)
			for (size_t k = 0; k < m.nodes; k++)
				if (s < m.slices / 2 || i < m.nodes / 2 || k < m.nodes / 2)
					m.rtt_s[s][m.order[i] * m.nodes + m.order[k]] = 1;
	sim_seed(9);
	sim_measured_trace(&m, 1, &after);
	cr_expect_eq(memcmp(&before, &after, sizeof(before)), 0);
	sim_measured_fini(&m);
}

Test(measured, too_little_is_refused)
{
	struct sim_measured m = {.nodes = 19, .slices = 1000, .slice_s = 15.7};

	cr_expect_eq(sim_measured_divide(&m), -ENODATA);
	m.nodes = 20;
	m.slices = 78;
	cr_expect_eq(sim_measured_divide(&m), -ENODATA);
}

static void mean(const void *data, const unsigned *times, double *figures)
{
	const double *values = data;
	double sum = 0, count = 0;

	for (int i = 0; i < 100; i++) {
		sum += times[i] * values[i];
		count += times[i];
	}
	figures[0] = sum / count;
}

Test(interval, has_the_width_of_the_standard_error)
{
	struct sim_interval i, again;
	double values[100];

	for (int k = 0; k < 100; k++)
		values[k] = k % 2; /* standard error 0.05 */
	sim_seed(1);
	cr_assert_eq(sim_intervals(mean, values, 100, 1000, 1, &i), 0);
	cr_expect_float_eq(i.value, 0.5, 1e-9);
	cr_expect_float_eq(i.low, 0.4, 0.03);
	cr_expect_float_eq(i.high, 0.6, 0.03);
	sim_seed(1);
	cr_assert_eq(sim_intervals(mean, values, 100, 1000, 1, &again), 0);
	cr_expect_eq(memcmp(&i, &again, sizeof(i)), 0);
}
