/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two subflows of a connection, sampled every 10 ms; rows say what the paths and the peers do. */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "pm/liveness.h"

#define STEP_NS (5 * DT_MS)
#define BOOT_NS (100 * DT_SEC)

struct path {
	struct dt_liveness liveness;
	struct dt_pulse sample;
	unsigned probes;
	uint64_t asked_ns; /* a probe is under way; 0: none */
	uint64_t dead_ns;
};

struct behaviour {
	uint64_t data_every_ns, data_until_ns; /* arrivals */
	uint64_t acks_until_ns;		       /* of what we send all the time; 0: we send nothing */
	uint64_t answers_until_ns;	       /* to probes */
	uint32_t srtt_us;
	uint64_t fresh_until_ns; /* what arrives later was there before; 0: never */
	uint64_t burst_every_ns; /* acknowledgements come so; 0: all the time */
	uint64_t hole_from_ns;	 /* what arrives later comes ahead of a hole; 0: never */
	uint64_t pause_from_ns;	 /* for 100 ms we send nothing; it is not acknowledged a round trip later; 0: never */
};

static const struct row {
	const char *what;
	struct behaviour path[2];
	uint64_t run_ns;
	uint64_t dead_from_ns, dead_to_ns; /* of path 0; 0: it lives */
	unsigned probes_max;
} rows[] = {
	{"a download over both, one path dies",
	 {{DT_MS, DT_SEC, 0, DT_SEC}, {DT_MS, 9 * DT_SEC, 0, 9 * DT_SEC}},
	 3 * DT_SEC,
	 DT_SEC + 40 * DT_MS,
	 DT_SEC + 80 * DT_MS,
	 8},
	{"a download, and only what we send is lost",
	 {{50 * DT_MS, 9 * DT_SEC, 0, DT_SEC, 0, DT_SEC}, {DT_MS, 9 * DT_SEC, 0, 9 * DT_SEC}},
	 3 * DT_SEC,
	 DT_SEC,
	 DT_SEC + 250 * DT_MS,
	 8},
	{"a download, a segment is lost, and answers to probes are late: what comes ahead of the hole shows life",
	 {{DT_MS, 9 * DT_SEC, 0, DT_SEC, 0, DT_SEC, 0, DT_SEC}, {DT_MS, 9 * DT_SEC, 0, 9 * DT_SEC}},
	 3 * DT_SEC,
	 0,
	 0,
	 8},
	{"an upload over both, one path dies",
	 {{0, 0, DT_SEC, DT_SEC}, {0, 0, 9 * DT_SEC, 9 * DT_SEC}},
	 3 * DT_SEC,
	 DT_SEC + 40 * DT_MS,
	 DT_SEC + 80 * DT_MS,
	 8},
	{"an upload, the other one is idle",
	 {{0, 0, DT_SEC, DT_SEC}, {0, 0, 0, 9 * DT_SEC}},
	 3 * DT_SEC,
	 DT_SEC + 40 * DT_MS,
	 DT_SEC + 80 * DT_MS,
	 8},
	{"an upload in bursts, 100 ms of round-trip time",
	 {{0, 0, DT_SEC, DT_SEC, 100000, 0, 100 * DT_MS}, {0, 0, 9 * DT_SEC, 9 * DT_SEC, 100000, 0, 100 * DT_MS}},
	 3 * DT_SEC,
	 DT_SEC + 150 * DT_MS,
	 DT_SEC + 300 * DT_MS,
	 8},
	{"an upload, 100 ms of round-trip time",
	 {{0, 0, DT_SEC, DT_SEC, 100000}, {0, 0, 9 * DT_SEC, 9 * DT_SEC, 100000}},
	 3 * DT_SEC,
	 DT_SEC + 40 * DT_MS,
	 DT_SEC + 80 * DT_MS,
	 8},
	{"an upload, and what we send pauses for 100 ms, 220 ms of round-trip time",
	 {{.acks_until_ns = 9 * DT_SEC, .answers_until_ns = 9 * DT_SEC, .srtt_us = 220000, .pause_from_ns = DT_SEC},
	  {0, 0, 9 * DT_SEC, 9 * DT_SEC}},
	 3 * DT_SEC,
	 0,
	 0,
	 16},
	{"an upload that paused a while ago, one path dies",
	 {{.acks_until_ns = 8 * DT_SEC, .answers_until_ns = 8 * DT_SEC, .srtt_us = 220000, .pause_from_ns = DT_SEC},
	  {0, 0, 9 * DT_SEC, 9 * DT_SEC}},
	 9 * DT_SEC,
	 8 * DT_SEC + 40 * DT_MS,
	 8 * DT_SEC + 80 * DT_MS,
	 24},
	{"the download's sender pauses, the server answers",
	 {{DT_MS, DT_SEC, 0, 9 * DT_SEC}, {DT_MS, DT_SEC, 0, 9 * DT_SEC}},
	 9 * DT_SEC,
	 0,
	 0,
	 8},
	{"one that no probe is answered on, but no data is awaited: the server answers none",
	 {{DT_MS, DT_SEC, 0, 0}, {DT_MS, 9 * DT_SEC, 0, 0}},
	 9 * DT_SEC,
	 0,
	 0,
	 60},
	{"both die: the server is gone, or our uplink",
	 {{DT_MS, DT_SEC, DT_SEC, DT_SEC}, {DT_MS, DT_SEC, DT_SEC, DT_SEC}},
	 20 * DT_SEC,
	 0,
	 0,
	 120},
	{"a chunk every 200 ms",
	 {{200 * DT_MS, 60 * DT_SEC, 0, 60 * DT_SEC}, {200 * DT_MS, 60 * DT_SEC, 0, 60 * DT_SEC}},
	 60 * DT_SEC,
	 0,
	 0,
	 60},
	{"idle from the start, and dead", {{0}, {DT_MS, 9 * DT_SEC, 0, 9 * DT_SEC}}, 9 * DT_SEC, 0, 0, 0},
};

static bool pauses(const struct behaviour *b, uint64_t at_ns)
{
	return b->pause_from_ns && at_ns >= b->pause_from_ns && at_ns < b->pause_from_ns + 100 * DT_MS;
}

static void path_step(struct path *p, const struct behaviour *b, uint64_t now_ns)
{
	p->sample.srtt_us = b->srtt_us;
	p->sample.packets_out = b->acks_until_ns != 0;
	if (b->data_every_ns && now_ns < b->data_until_ns && now_ns % b->data_every_ns < STEP_NS) {
		p->sample.segs_in++;
		p->sample.data_segs_in++;
		p->sample.out_of_order += b->hole_from_ns && now_ns >= b->hole_from_ns;
		p->sample.rcv_nxt += !b->fresh_until_ns || now_ns < b->fresh_until_ns;
	}
	if (b->acks_until_ns && !pauses(b, now_ns))
		p->sample.data_segs_out++;
	if (now_ns < b->acks_until_ns && (!b->burst_every_ns || now_ns % b->burst_every_ns < 20 * DT_MS) &&
	    !pauses(b, now_ns - b->srtt_us * DT_US))
		p->sample.segs_in++;
	if (p->asked_ns && now_ns > p->asked_ns + b->srtt_us * DT_US) {
		p->asked_ns = 0;
		if (now_ns < b->answers_until_ns)
			p->sample.segs_in++;
	}
	dt_liveness_sample(&p->liveness, &p->sample, BOOT_NS + now_ns);
}

Test(liveness, rows)
{
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		const struct row *row = &rows[r];
		struct path paths[2] = {0};
		struct dt_liveness *members[] = {&paths[0].liveness, &paths[1].liveness};
		enum dt_liveness_verdict verdicts[2];

		for (uint64_t now_ns = STEP_NS; now_ns < row->run_ns && !paths[0].dead_ns; now_ns += STEP_NS) {
			for (size_t i = 0; i < 2; i++)
				path_step(&paths[i], &row->path[i], now_ns);
			dt_liveness_judge(members, verdicts, 2, BOOT_NS + now_ns);
			for (size_t i = 0; i < 2; i++) {
				if (verdicts[i] == DT_LIVENESS_DEAD)
					paths[i].dead_ns = now_ns;
				else if (verdicts[i] != DT_LIVENESS_FINE) {
					paths[i].probes++;
					paths[i].asked_ns = now_ns;
				}
			}
		}
		cr_assert_eq(paths[1].dead_ns, 0, "%s: the other one was given up", row->what);
		cr_assert(paths[0].dead_ns >= row->dead_from_ns && paths[0].dead_ns <= row->dead_to_ns,
			  "%s: dead after %llu ms", row->what, (unsigned long long)(paths[0].dead_ns / DT_MS));
		cr_assert_leq(paths[0].probes, row->probes_max, "%s: %u probes", row->what, paths[0].probes);
	}
}

Test(liveness, sleeps_and_wakes)
{
	struct dt_pulse sample = {.segs_in = 3, .data_segs_in = 1};
	struct dt_liveness a = {0}, b = {0};
	struct dt_liveness *members[] = {&a, &b};
	enum dt_liveness_verdict verdicts[2];
	uint64_t now_ns = 100 * DT_SEC;

	dt_liveness_sample(&a, &sample, now_ns);
	dt_liveness_sample(&b, &sample, now_ns);
	cr_assert(dt_liveness_is_awake(&a, now_ns + 900 * DT_MS));
	cr_assert(!dt_liveness_is_awake(&a, now_ns + 1100 * DT_MS));
	/* after a minute something is sent, and the time-out is the first that is seen of it */
	now_ns += 60 * DT_SEC;
	dt_liveness_timed_out(&a);
	sample.packets_out = 1;
	dt_liveness_sample(&a, &sample, now_ns);
	dt_liveness_judge(members, verdicts, 2, now_ns);
	cr_assert_eq(verdicts[0], DT_LIVENESS_PROBE);
	cr_assert_eq(verdicts[1], DT_LIVENESS_PROBE);
}

/* When "a", which hears nothing, is given up though its path is heard. */
static uint64_t given_up_after_ns(uint64_t path_slow_ns)
{
	struct dt_pulse sample = {.segs_in = 1, .packets_out = 1};
	struct dt_liveness a = {0}, b = {0};
	struct dt_liveness *members[] = {&a, &b};
	enum dt_liveness_verdict verdicts[2] = {DT_LIVENESS_FINE, DT_LIVENESS_FINE};
	uint64_t begin_ns = 100 * DT_SEC, now_ns;

	for (now_ns = begin_ns; verdicts[0] != DT_LIVENESS_DEAD && now_ns < begin_ns + 20 * DT_SEC; now_ns += STEP_NS) {
		struct dt_pulse other = {.segs_in = (uint32_t)(now_ns / STEP_NS)};

		dt_liveness_sample(&a, &sample, now_ns);
		dt_liveness_sample(&b, &other, now_ns);
		a.path_heard_ns = now_ns;
		a.path_slow_ns = path_slow_ns;
		dt_liveness_judge(members, verdicts, 2, now_ns);
	}
	return now_ns - begin_ns;
}

Test(liveness, others_of_the_path_are_heard)
{
	uint64_t fast_ns = given_up_after_ns(20 * DT_MS), slow_ns = given_up_after_ns(DT_SEC);

	cr_assert(fast_ns > 2 * DT_SEC && fast_ns < 3 * DT_SEC, "after %llu ms", (unsigned long long)(fast_ns / DT_MS));
	cr_assert(slow_ns > 3 * DT_SEC && slow_ns < 4 * DT_SEC, "after %llu ms", (unsigned long long)(slow_ns / DT_MS));
}

Test(liveness, a_new_one_is_no_witness)
{
	struct dt_pulse sample = {.segs_in = 1, .packets_out = 1}, joined = {.segs_in = 1};
	struct dt_liveness a = {0}, b = {0};
	struct dt_liveness *members[] = {&a, &b};
	enum dt_liveness_verdict verdicts[2] = {DT_LIVENESS_FINE, DT_LIVENESS_FINE};
	uint64_t begin_ns = 100 * DT_SEC, now_ns = begin_ns;

	for (; now_ns < begin_ns + DT_SEC; now_ns += STEP_NS) {
		dt_liveness_sample(&a, &sample, now_ns);
		dt_liveness_judge(members, verdicts, 1, now_ns);
	}
	for (; now_ns < begin_ns + 2 * DT_SEC; now_ns += STEP_NS) {
		dt_liveness_sample(&a, &sample, now_ns);
		dt_liveness_sample(&b, &joined, now_ns);
		dt_liveness_judge(members, verdicts, 2, now_ns);
		cr_assert_neq(verdicts[0], DT_LIVENESS_DEAD, "only the join's own SYN-ACK was heard");
	}
	joined.segs_in++;
	dt_liveness_sample(&a, &sample, now_ns);
	dt_liveness_sample(&b, &joined, now_ns);
	dt_liveness_judge(members, verdicts, 2, now_ns);
	cr_assert_eq(verdicts[0], DT_LIVENESS_DEAD);
}

Test(liveness, an_idle_one_is_not_asked_while_another_sends)
{
	struct dt_pulse sample = {.segs_in = 1, .packets_out = 1}, joined = {.segs_in = 1};
	struct dt_liveness a = {0}, b = {0};
	struct dt_liveness *members[] = {&a, &b};
	enum dt_liveness_verdict verdicts[2];
	uint64_t begin_ns = 100 * DT_SEC, now_ns;

	for (now_ns = begin_ns; now_ns < begin_ns + 2 * DT_SEC; now_ns += STEP_NS) {
		sample.segs_in++;
		dt_liveness_sample(&a, &sample, now_ns);
		dt_liveness_sample(&b, &joined, now_ns);
		dt_liveness_judge(members, verdicts, 2, now_ns);
		cr_assert_eq(verdicts[1], DT_LIVENESS_FINE, "asked after %llu ms",
			     (unsigned long long)((now_ns - begin_ns) / DT_MS));
	}
}

/*
 * Acknowledgements come so often for 3 s, then none; after how long "a" is given up, while another is heard. The path is
 * not heard by others, but its round trips were slow for them.
 */
static uint64_t given_up_after_every_ns(uint64_t every_ns, uint64_t path_slow_ns)
{
	struct dt_pulse sample = {.packets_out = 1, .srtt_us = 20000}, other = {0};
	struct dt_liveness a = {0}, b = {0};
	struct dt_liveness *members[] = {&a, &b};
	enum dt_liveness_verdict verdicts[2] = {DT_LIVENESS_FINE, DT_LIVENESS_FINE};
	uint64_t begin_ns = 100 * DT_SEC, end_ns = begin_ns + 3 * DT_SEC, now_ns;
	bool asked = false;

	for (now_ns = begin_ns; verdicts[0] != DT_LIVENESS_DEAD && now_ns < end_ns + 20 * DT_SEC; now_ns += STEP_NS) {
		other.segs_in++;
		if (now_ns < end_ns && ((now_ns - begin_ns) % every_ns == 0 || asked))
			sample.segs_in++;
		dt_liveness_sample(&a, &sample, now_ns);
		dt_liveness_sample(&b, &other, now_ns);
		a.path_slow_ns = path_slow_ns;
		dt_liveness_judge(members, verdicts, 2, now_ns);
		asked = verdicts[0] != DT_LIVENESS_FINE;
	}
	return now_ns - end_ns;
}

Test(liveness, a_path_slow_for_others_has_time)
{
	uint64_t dense_ns = given_up_after_every_ns(STEP_NS, 0), quick_ns = given_up_after_every_ns(400 * DT_MS, 0);
	uint64_t slow_ns = given_up_after_every_ns(400 * DT_MS, 400 * DT_MS);

	cr_assert(dense_ns < 100 * DT_MS, "dense: after %llu ms", (unsigned long long)(dense_ns / DT_MS));
	cr_assert(quick_ns < 400 * DT_MS, "every 400 ms: after %llu ms", (unsigned long long)(quick_ns / DT_MS));
	cr_assert(slow_ns > 600 * DT_MS && slow_ns < 1000 * DT_MS, "slow for others: after %llu ms",
		  (unsigned long long)(slow_ns / DT_MS));
}

/* Joined, idle for 3 s, then it sends. */
Test(liveness, one_that_lay_idle_has_time)
{
	struct dt_pulse sample = {.segs_in = 1, .srtt_us = 20000}, other = {0};
	struct dt_liveness a = {0}, b = {0};
	struct dt_liveness *members[] = {&a, &b};
	enum dt_liveness_verdict verdicts[2] = {DT_LIVENESS_FINE, DT_LIVENESS_FINE};
	uint64_t begin_ns = 100 * DT_SEC, now_ns;

	for (now_ns = begin_ns; verdicts[0] != DT_LIVENESS_DEAD && now_ns < begin_ns + 20 * DT_SEC; now_ns += STEP_NS) {
		other.segs_in++;
		sample.packets_out = now_ns >= begin_ns + 3 * DT_SEC;
		dt_liveness_sample(&a, &sample, now_ns);
		dt_liveness_sample(&b, &other, now_ns);
		dt_liveness_judge(members, verdicts, 2, now_ns);
	}
	now_ns -= begin_ns + 3 * DT_SEC;
	cr_assert(now_ns > DT_SEC && now_ns < DT_SEC + 100 * DT_MS, "after %llu ms",
		  (unsigned long long)(now_ns / DT_MS));
}
