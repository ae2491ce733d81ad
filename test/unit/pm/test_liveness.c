/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two subflows of a connection, sampled every STEP_NS. Each row says how their paths and the server behave. */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "pm/decide/liveness.h"

#define STEP_NS (5 * DT_MS)
#define BOOT_NS (100 * DT_SEC) /* the clock when a row begins */
#define PAUSE_NS (100 * DT_MS)
#define BURST_NS (20 * DT_MS)
#define TO_THE_END (3600 * DT_SEC)

struct path {
	struct dt_liveness liveness;
	struct dt_pulse sample;
	unsigned probes;    /* sent so far */
	uint64_t probed_ns; /* a probe is under way since then; 0: none */
	uint64_t dead_ns;   /* when it was given up; 0: it was not */
};

/* What one path and the server do. Times count from the row's begin. */
struct behaviour {
	uint64_t data_every_ns, data_until_ns; /* the server sends data */
	uint64_t acks_until_ns;		       /* we send data all the time, acknowledged until then; 0: we send none */
	uint64_t answers_until_ns;	       /* the server answers probes */
	uint32_t srtt_us;
	uint64_t fresh_until_ns; /* later data is only repeated; 0: all is new */
	uint64_t burst_every_ns; /* acknowledgements arrive in bursts of BURST_NS; 0: all the time */
	uint64_t hole_from_ns;	 /* later data arrives ahead of a hole; 0: none does */
	uint64_t pause_from_ns;	 /* for PAUSE_NS we send nothing, and a round trip later no ack arrives; 0: no pause */
};

static const struct row {
	const char *what;
	struct behaviour path[2]; /* the one that is tested, and the other one */
	uint64_t run_ns;
	uint64_t dead_from_ns, dead_to_ns; /* when the tested one is to be given up; both 0: never */
	unsigned probes_max;		   /* on the tested one */
} rows[] = {
	{
		.what = "a download over both, one path dies",
		.path =
			{
				{.data_every_ns = DT_MS, .data_until_ns = DT_SEC, .answers_until_ns = DT_SEC},
				{.data_every_ns = DT_MS, .data_until_ns = TO_THE_END, .answers_until_ns = TO_THE_END},
			},
		.run_ns = 3 * DT_SEC,
		.dead_from_ns = DT_SEC + 40 * DT_MS,
		.dead_to_ns = DT_SEC + 80 * DT_MS,
		.probes_max = 8,
	},
	{
		.what = "a download, and only segments that we send are lost",
		.path =
			{
				{.data_every_ns = 50 * DT_MS,
				 .data_until_ns = TO_THE_END,
				 .answers_until_ns = DT_SEC,
				 .fresh_until_ns = DT_SEC},
				{.data_every_ns = DT_MS, .data_until_ns = TO_THE_END, .answers_until_ns = TO_THE_END},
			},
		.run_ns = 3 * DT_SEC,
		.dead_from_ns = DT_SEC,
		.dead_to_ns = DT_SEC + 250 * DT_MS,
		.probes_max = 8,
	},
	{
		.what = "a download, a segment and answers to probes are lost: data ahead of the hole proves that it "
			"works",
		.path =
			{
				{.data_every_ns = DT_MS,
				 .data_until_ns = TO_THE_END,
				 .answers_until_ns = DT_SEC,
				 .fresh_until_ns = DT_SEC,
				 .hole_from_ns = DT_SEC},
				{.data_every_ns = DT_MS, .data_until_ns = TO_THE_END, .answers_until_ns = TO_THE_END},
			},
		.run_ns = 3 * DT_SEC,
		.probes_max = 8,
	},
	{
		.what = "an upload over both, one path dies",
		.path =
			{
				{.acks_until_ns = DT_SEC, .answers_until_ns = DT_SEC},
				{.acks_until_ns = TO_THE_END, .answers_until_ns = TO_THE_END},
			},
		.run_ns = 3 * DT_SEC,
		.dead_from_ns = DT_SEC + 40 * DT_MS,
		.dead_to_ns = DT_SEC + 80 * DT_MS,
		.probes_max = 8,
	},
	{
		.what = "an upload, the other path is idle",
		.path =
			{
				{.acks_until_ns = DT_SEC, .answers_until_ns = DT_SEC},
				{.answers_until_ns = TO_THE_END},
			},
		.run_ns = 3 * DT_SEC,
		.dead_from_ns = DT_SEC + 40 * DT_MS,
		.dead_to_ns = DT_SEC + 80 * DT_MS,
		.probes_max = 8,
	},
	{
		.what = "an upload in bursts, 100 ms of round-trip time",
		.path =
			{
				{.acks_until_ns = DT_SEC,
				 .answers_until_ns = DT_SEC,
				 .srtt_us = 100000,
				 .burst_every_ns = 100 * DT_MS},
				{.acks_until_ns = TO_THE_END,
				 .answers_until_ns = TO_THE_END,
				 .srtt_us = 100000,
				 .burst_every_ns = 100 * DT_MS},
			},
		.run_ns = 3 * DT_SEC,
		.dead_from_ns = DT_SEC + 150 * DT_MS,
		.dead_to_ns = DT_SEC + 300 * DT_MS,
		.probes_max = 8,
	},
	{
		.what = "an upload, 100 ms of round-trip time",
		.path =
			{
				{.acks_until_ns = DT_SEC, .answers_until_ns = DT_SEC, .srtt_us = 100000},
				{.acks_until_ns = TO_THE_END, .answers_until_ns = TO_THE_END, .srtt_us = 100000},
			},
		.run_ns = 3 * DT_SEC,
		.dead_from_ns = DT_SEC + 40 * DT_MS,
		.dead_to_ns = DT_SEC + 80 * DT_MS,
		.probes_max = 8,
	},
	{
		.what = "an upload, we pause in sending, 220 ms of round-trip time",
		.path =
			{
				{.acks_until_ns = TO_THE_END,
				 .answers_until_ns = TO_THE_END,
				 .srtt_us = 220000,
				 .pause_from_ns = DT_SEC},
				{.acks_until_ns = TO_THE_END, .answers_until_ns = TO_THE_END},
			},
		.run_ns = 3 * DT_SEC,
		.probes_max = 16,
	},
	{
		.what = "an upload that paused a while ago, then one path dies",
		.path =
			{
				{.acks_until_ns = 8 * DT_SEC,
				 .answers_until_ns = 8 * DT_SEC,
				 .srtt_us = 220000,
				 .pause_from_ns = DT_SEC},
				{.acks_until_ns = TO_THE_END, .answers_until_ns = TO_THE_END},
			},
		.run_ns = 9 * DT_SEC,
		.dead_from_ns = 8 * DT_SEC + 40 * DT_MS,
		.dead_to_ns = 8 * DT_SEC + 80 * DT_MS,
		.probes_max = 24,
	},
	{
		.what = "a download pauses, the server answers probes",
		.path =
			{
				{.data_every_ns = DT_MS, .data_until_ns = DT_SEC, .answers_until_ns = TO_THE_END},
				{.data_every_ns = DT_MS, .data_until_ns = DT_SEC, .answers_until_ns = TO_THE_END},
			},
		.run_ns = 9 * DT_SEC,
		.probes_max = 8,
	},
	{
		.what = "a download pauses, the server answers no probes at all",
		.path =
			{
				{.data_every_ns = DT_MS, .data_until_ns = DT_SEC},
				{.data_every_ns = DT_MS, .data_until_ns = TO_THE_END},
			},
		.run_ns = 9 * DT_SEC,
		.probes_max = 60,
	},
	{
		.what = "both die: the server or our uplink is down",
		.path =
			{
				{.data_every_ns = DT_MS,
				 .data_until_ns = DT_SEC,
				 .acks_until_ns = DT_SEC,
				 .answers_until_ns = DT_SEC},
				{.data_every_ns = DT_MS,
				 .data_until_ns = DT_SEC,
				 .acks_until_ns = DT_SEC,
				 .answers_until_ns = DT_SEC},
			},
		.run_ns = 20 * DT_SEC,
		.probes_max = 120,
	},
	{
		.what = "a download with a segment every 200 ms",
		.path =
			{
				{.data_every_ns = 200 * DT_MS,
				 .data_until_ns = TO_THE_END,
				 .answers_until_ns = TO_THE_END},
				{.data_every_ns = 200 * DT_MS,
				 .data_until_ns = TO_THE_END,
				 .answers_until_ns = TO_THE_END},
			},
		.run_ns = 60 * DT_SEC,
		.probes_max = 60,
	},
	{
		.what = "idle from the start, and its path is dead",
		.path =
			{
				{0},
				{.data_every_ns = DT_MS, .data_until_ns = TO_THE_END, .answers_until_ns = TO_THE_END},
			},
		.run_ns = 9 * DT_SEC,
		.probes_max = 0,
	},
};

static bool pauses(const struct behaviour *b, uint64_t at_ns)
{
	return b->pause_from_ns && at_ns >= b->pause_from_ns && at_ns < b->pause_from_ns + PAUSE_NS;
}

static void data_arrives(struct dt_pulse *sample, const struct behaviour *b, uint64_t now_ns)
{
	if (!b->data_every_ns || now_ns >= b->data_until_ns || now_ns % b->data_every_ns >= STEP_NS)
		return;
	sample->segs_in++;
	sample->data_segs_in++;
	sample->out_of_order += b->hole_from_ns && now_ns >= b->hole_from_ns;
	sample->rcv_nxt += !b->fresh_until_ns || now_ns < b->fresh_until_ns;
}

static void acks_arrive(struct dt_pulse *sample, const struct behaviour *b, uint64_t now_ns)
{
	bool in_burst = !b->burst_every_ns || now_ns % b->burst_every_ns < BURST_NS;

	if (now_ns < b->acks_until_ns && in_burst && !pauses(b, now_ns - b->srtt_us * DT_US))
		sample->segs_in++;
}

static void answer_arrives(struct path *p, const struct behaviour *b, uint64_t now_ns)
{
	if (!p->probed_ns || now_ns <= p->probed_ns + b->srtt_us * DT_US)
		return;
	p->probed_ns = 0;
	if (now_ns < b->answers_until_ns)
		p->sample.segs_in++;
}

static void path_step(struct path *p, const struct behaviour *b, uint64_t now_ns)
{
	p->sample.srtt_us = b->srtt_us;
	p->sample.packets_out = b->acks_until_ns != 0;
	if (b->acks_until_ns && !pauses(b, now_ns))
		p->sample.data_segs_out++;
	data_arrives(&p->sample, b, now_ns);
	acks_arrive(&p->sample, b, now_ns);
	answer_arrives(p, b, now_ns);
	dt_liveness_sample(&p->liveness, &p->sample, BOOT_NS + now_ns);
}

static void verdict_take(struct path *p, enum dt_liveness_verdict verdict, uint64_t now_ns)
{
	switch (verdict) {
	case DT_LIVENESS_FINE:
		break;
	case DT_LIVENESS_PROBE:
	case DT_LIVENESS_PROBE_BYTE:
		p->probes++;
		p->probed_ns = now_ns;
		break;
	case DT_LIVENESS_DEAD:
		p->dead_ns = now_ns;
		break;
	}
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
			dt_liveness_check(members, verdicts, 2, BOOT_NS + now_ns);
			for (size_t i = 0; i < 2; i++)
				verdict_take(&paths[i], verdicts[i], now_ns);
		}
		cr_assert_eq(paths[1].dead_ns, 0, "%s: the other path was given up", row->what);
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
	/* after a minute something is sent, and a retransmission time-out is the first sign of it */
	now_ns += 60 * DT_SEC;
	dt_liveness_timed_out(&a);
	sample.packets_out = 1;
	dt_liveness_sample(&a, &sample, now_ns);
	dt_liveness_check(members, verdicts, 2, now_ns);
	cr_assert_eq(verdicts[0], DT_LIVENESS_PROBE);
	cr_assert_eq(verdicts[1], DT_LIVENESS_PROBE);
}

Test(liveness, answers_to_probes_do_not_keep_it_awake)
{
	struct dt_pulse sample = {.segs_in = 3};
	struct dt_liveness a = {0};
	struct dt_liveness *members[] = {&a};
	enum dt_liveness_verdict verdict;
	uint64_t begin_ns = 100 * DT_SEC;

	dt_liveness_sample(&a, &sample, begin_ns);
	sample.packets_out = 1;
	dt_liveness_sample(&a, &sample, begin_ns + 900 * DT_MS);
	dt_liveness_check(members, &verdict, 1, begin_ns + 950 * DT_MS);
	cr_assert_eq(verdict, DT_LIVENESS_PROBE);
	sample.packets_out = 0;
	sample.segs_in++;
	dt_liveness_sample(&a, &sample, begin_ns + 960 * DT_MS);
	cr_assert_not(dt_liveness_is_awake(&a, begin_ns + 1100 * DT_MS), "one answer to one probe");
	sample.segs_in++;
	dt_liveness_sample(&a, &sample, begin_ns + 1200 * DT_MS);
	cr_assert(dt_liveness_is_awake(&a, begin_ns + 1300 * DT_MS), "more than answers");
}

/* After how long "a" is given up. Nothing arrives on it, but something does for other connections by the same path. */
static uint64_t given_up_on_busy_path_ns(uint64_t path_slow_ns)
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
		dt_liveness_check(members, verdicts, 2, now_ns);
	}
	return now_ns - begin_ns;
}

Test(liveness, has_longer_if_others_hear_by_the_same_path)
{
	uint64_t fast_ns = given_up_on_busy_path_ns(20 * DT_MS), slow_ns = given_up_on_busy_path_ns(DT_SEC);

	cr_assert(fast_ns > 2 * DT_SEC && fast_ns < 3 * DT_SEC, "after %llu ms", (unsigned long long)(fast_ns / DT_MS));
	cr_assert(slow_ns > 3 * DT_SEC && slow_ns < 4 * DT_SEC, "after %llu ms", (unsigned long long)(slow_ns / DT_MS));
}

Test(liveness, a_new_subflow_is_not_a_witness)
{
	struct dt_pulse sample = {.segs_in = 1, .packets_out = 1}, joined = {.segs_in = 1};
	struct dt_liveness a = {0}, b = {0};
	struct dt_liveness *members[] = {&a, &b};
	enum dt_liveness_verdict verdicts[2] = {DT_LIVENESS_FINE, DT_LIVENESS_FINE};
	uint64_t begin_ns = 100 * DT_SEC, now_ns = begin_ns;

	for (; now_ns < begin_ns + DT_SEC; now_ns += STEP_NS) {
		dt_liveness_sample(&a, &sample, now_ns);
		dt_liveness_check(members, verdicts, 1, now_ns);
	}
	for (; now_ns < begin_ns + 2 * DT_SEC; now_ns += STEP_NS) {
		dt_liveness_sample(&a, &sample, now_ns);
		dt_liveness_sample(&b, &joined, now_ns);
		dt_liveness_check(members, verdicts, 2, now_ns);
		cr_assert_neq(verdicts[0], DT_LIVENESS_DEAD, "only the join's own SYN-ACK was heard");
	}
	joined.segs_in++;
	dt_liveness_sample(&a, &sample, now_ns);
	dt_liveness_sample(&b, &joined, now_ns);
	dt_liveness_check(members, verdicts, 2, now_ns);
	cr_assert_eq(verdicts[0], DT_LIVENESS_PROBE_BYTE, "asked at once when another one is heard again");
	for (begin_ns = now_ns; verdicts[0] != DT_LIVENESS_DEAD && now_ns < begin_ns + 2 * DT_SEC; now_ns += STEP_NS) {
		dt_liveness_sample(&a, &sample, now_ns);
		dt_liveness_sample(&b, &joined, now_ns);
		dt_liveness_check(members, verdicts, 2, now_ns);
	}
	cr_assert_eq(verdicts[0], DT_LIVENESS_DEAD);
}

Test(liveness, an_idle_subflow_is_not_probed_while_another_sends)
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
		dt_liveness_check(members, verdicts, 2, now_ns);
		cr_assert_eq(verdicts[1], DT_LIVENESS_FINE, "probed after %llu ms",
			     (unsigned long long)((now_ns - begin_ns) / DT_MS));
	}
}

/*
 * After how long "a" is given up, if an acknowledgement arrived every so often for 3 s, and then none. Another subflow
 * hears all the time. By the same path nothing arrives for other connections, but their answers took path_slow_ns.
 */
static uint64_t given_up_after_acks_ns(uint64_t every_ns, uint64_t path_slow_ns, uint64_t program_ns)
{
	struct dt_pulse sample = {.packets_out = 1, .srtt_us = 20000}, other = {0};
	struct dt_liveness a = {0}, b = {0};
	struct dt_liveness *members[] = {&a, &b};
	enum dt_liveness_verdict verdicts[2] = {DT_LIVENESS_FINE, DT_LIVENESS_FINE};
	uint64_t begin_ns = 100 * DT_SEC, end_ns = begin_ns + 3 * DT_SEC, now_ns;
	bool probed = false;

	for (now_ns = begin_ns; verdicts[0] != DT_LIVENESS_DEAD && now_ns < end_ns + 20 * DT_SEC; now_ns += STEP_NS) {
		other.segs_in++;
		if (now_ns < end_ns && ((now_ns - begin_ns) % every_ns == 0 || probed))
			sample.segs_in++;
		dt_liveness_sample(&a, &sample, now_ns);
		dt_liveness_sample(&b, &other, now_ns);
		a.path_slow_ns = path_slow_ns;
		a.program_ns = program_ns;
		dt_liveness_check(members, verdicts, 2, now_ns);
		probed = verdicts[0] != DT_LIVENESS_FINE;
	}
	return now_ns - end_ns;
}

Test(liveness, has_longer_if_the_path_is_slow_for_others)
{
	uint64_t dense_ns = given_up_after_acks_ns(STEP_NS, 0, 0),
		 sparse_ns = given_up_after_acks_ns(400 * DT_MS, 0, 0);
	uint64_t slow_ns = given_up_after_acks_ns(400 * DT_MS, 400 * DT_MS, 0);

	cr_assert(dense_ns < 100 * DT_MS, "dense: after %llu ms", (unsigned long long)(dense_ns / DT_MS));
	cr_assert(sparse_ns < 400 * DT_MS, "every 400 ms: after %llu ms", (unsigned long long)(sparse_ns / DT_MS));
	cr_assert(slow_ns > 600 * DT_MS && slow_ns < 1000 * DT_MS, "slow for others: after %llu ms",
		  (unsigned long long)(slow_ns / DT_MS));
}

Test(liveness, has_longer_where_packets_pass_a_program)
{
	uint64_t dense_ns = given_up_after_acks_ns(STEP_NS, 0, 200 * DT_MS);

	cr_assert(dense_ns >= 200 * DT_MS && dense_ns < 260 * DT_MS, "%llu ms", (unsigned long long)(dense_ns / DT_MS));
}

/* "a" joined, was idle for 3 s, and then sends without an answer. */
Test(liveness, has_longer_after_idle_time)
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
		dt_liveness_check(members, verdicts, 2, now_ns);
	}
	now_ns -= begin_ns + 3 * DT_SEC;
	cr_assert(now_ns > DT_SEC && now_ns < DT_SEC + 100 * DT_MS, "after %llu ms",
		  (unsigned long long)(now_ns / DT_MS));
}

/* As events/watch does. */
static uint64_t look_least_ns(const struct dt_liveness *a, const struct dt_liveness *b, uint64_t now_ns)
{
	uint64_t a_ns = dt_liveness_look_ns(a, now_ns), b_ns = dt_liveness_look_ns(b, now_ns);

	return a_ns < b_ns ? a_ns : b_ns;
}

/*
 * A key each every_ns, acknowledged 20 ms later, and from 3 s on not any more; the other subflow is idle and answers. After
 * how long from the first key that got lost "a" is given up. *probes: sent before.
 */
static uint64_t given_up_after_keys_ns(uint64_t every_ns, unsigned *probes)
{
	struct dt_pulse sample = {.srtt_us = 20000, .rttvar_us = 1000}, other = {.srtt_us = 20000};
	struct dt_liveness a = {0}, b = {0};
	struct dt_liveness *members[] = {&a, &b};
	enum dt_liveness_verdict verdicts[2] = {DT_LIVENESS_FINE, DT_LIVENESS_FINE};
	uint64_t begin_ns = 100 * DT_SEC, sent_ns = 0, lost_ns = 0, asked_ns = 0, look_ns = 0, now_ns;

	*probes = 0;
	for (now_ns = begin_ns; verdicts[0] != DT_LIVENESS_DEAD && now_ns < begin_ns + 20 * DT_SEC; now_ns += STEP_NS) {
		bool alive = now_ns < begin_ns + 3 * DT_SEC;

		if (sent_ns && alive && now_ns >= sent_ns + 20 * DT_MS) {
			sent_ns = 0;
			sample.segs_in++;
			sample.snd_una++;
			sample.packets_out = 0;
		}
		if ((now_ns - begin_ns) % every_ns < STEP_NS) {
			sent_ns = now_ns;
			sample.data_segs_out++;
			sample.packets_out++;
			lost_ns = alive || lost_ns ? lost_ns : now_ns;
		}
		if (asked_ns && now_ns >= asked_ns + 20 * DT_MS) {
			asked_ns = 0;
			other.segs_in++;
		}
		if (now_ns < look_ns)
			continue;
		dt_liveness_sample(&a, &sample, now_ns);
		dt_liveness_sample(&b, &other, now_ns);
		dt_liveness_check(members, verdicts, 2, now_ns);
		look_ns = now_ns + look_least_ns(&a, &b, now_ns);
		*probes += alive && verdicts[0] != DT_LIVENESS_FINE;
		if (verdicts[1] != DT_LIVENESS_FINE && !asked_ns)
			asked_ns = now_ns;
	}
	return now_ns - lost_ns;
}

Test(liveness, what_is_sent_seldom_is_soon_missed)
{
	static const uint64_t every_ms[] = {40, 80, 160, 300, 700};

	for (size_t i = 0; i < sizeof(every_ms) / sizeof(every_ms[0]); i++) {
		unsigned probes;
		uint64_t took_ns = given_up_after_keys_ns(every_ms[i] * DT_MS, &probes);

		cr_assert(took_ns <= 130 * DT_MS, "a key each %llu ms: after %llu ms", (unsigned long long)every_ms[i],
			  (unsigned long long)(took_ns / DT_MS));
		cr_assert_eq(probes, 0, "a key each %llu ms: %u probes", (unsigned long long)every_ms[i], probes);
	}
}

Test(liveness, looks_are_as_far_apart_as_they_may_be)
{
	struct dt_pulse sample = {.segs_in = 1, .data_segs_in = 1};
	struct dt_liveness l = {0};
	uint64_t now_ns = BOOT_NS, begin_ns;

	dt_liveness_sample(&l, &sample, now_ns);
	cr_assert_eq(dt_liveness_look_ns(&l, now_ns), 5 * DT_MS, "a new one");
	for (int i = 0; i < 300; i++) { /* a segment in 200 ms */
		sample.segs_in += i % 10 == 0;
		sample.data_segs_in += i % 10 == 0;
		sample.rcv_nxt = sample.segs_in;
		dt_liveness_sample(&l, &sample, now_ns += 20 * DT_MS);
	}
	cr_assert_eq(dt_liveness_look_ns(&l, now_ns), 20 * DT_MS);
	sample.packets_out = 1;
	dt_liveness_sample(&l, &sample, now_ns += DT_MS);
	cr_assert_eq(dt_liveness_look_ns(&l, now_ns), 5 * DT_MS, "the server owes an acknowledgement");
	sample.packets_out = 0;
	dt_liveness_sample(&l, &sample, now_ns += DT_MS);
	cr_assert_eq(dt_liveness_look_ns(&l, now_ns), 20 * DT_MS);
	begin_ns = now_ns += DT_MS;
	sample.segs_in += 4;
	sample.data_segs_in += 4;
	sample.rcv_nxt += 4;
	dt_liveness_sample(&l, &sample, now_ns);
	cr_assert_eq(dt_liveness_look_ns(&l, now_ns), 5 * DT_MS, "a burst after a pause");
	cr_assert_eq(dt_liveness_look_ns(&l, begin_ns + 100 * DT_MS), 20 * DT_MS);
}

/* Both die with the path; the other connection's subflow was heard last, just after "a" had been asked. */
Test(liveness, what_others_heard_before_the_path_died_is_no_reason_to_wait)
{
	struct dt_pulse sample = {.packets_out = 1, .srtt_us = 20000}, other = {0};
	struct dt_liveness a = {0}, b = {0};
	struct dt_liveness *members[] = {&a, &b};
	enum dt_liveness_verdict verdicts[2] = {DT_LIVENESS_FINE, DT_LIVENESS_FINE};
	uint64_t begin_ns = 100 * DT_SEC, end_ns = begin_ns + 3 * DT_SEC, now_ns;

	for (now_ns = begin_ns; verdicts[0] != DT_LIVENESS_DEAD && now_ns < end_ns + 5 * DT_SEC; now_ns += STEP_NS) {
		other.segs_in++;
		sample.segs_in += now_ns < end_ns;
		sample.snd_una += now_ns < end_ns;
		dt_liveness_sample(&a, &sample, now_ns);
		dt_liveness_sample(&b, &other, now_ns);
		a.path_heard_ns = now_ns < end_ns + 40 * DT_MS ? now_ns : end_ns + 40 * DT_MS;
		dt_liveness_check(members, verdicts, 2, now_ns);
	}
	cr_assert(now_ns - end_ns < 250 * DT_MS, "after %llu ms", (unsigned long long)((now_ns - end_ns) / DT_MS));
}

/*
 * A download that dies after 3 s, looked at every look_ns; the other subflow hears a segment every heard_ns. How long until
 * it is given up.
 */
static uint64_t given_up_after_ns(uint64_t look_ns, uint64_t heard_ns)
{
	struct dt_pulse sample = {.srtt_us = 10000, .rttvar_us = 1000}, other = {.srtt_us = 10000};
	struct dt_liveness a = {0}, b = {0};
	struct dt_liveness *members[] = {&a, &b};
	enum dt_liveness_verdict verdicts[2] = {DT_LIVENESS_FINE, DT_LIVENESS_FINE};
	uint64_t begin_ns = 100 * DT_SEC, end_ns = begin_ns + 3 * DT_SEC, now_ns;

	for (now_ns = begin_ns; verdicts[0] != DT_LIVENESS_DEAD && now_ns < end_ns + 20 * DT_SEC; now_ns += look_ns) {
		sample.segs_in += now_ns < end_ns;
		sample.data_segs_in = sample.rcv_nxt = sample.segs_in;
		other.segs_in = (uint32_t)((now_ns - begin_ns) / heard_ns);
		dt_liveness_sample(&a, &sample, now_ns);
		dt_liveness_sample(&b, &other, now_ns);
		dt_liveness_check(members, verdicts, 2, now_ns);
	}
	return now_ns - end_ns;
}

Test(liveness, seldom_looks_and_a_seldom_heard_witness_delay_no_verdict_for_ever)
{
	static const struct {
		unsigned look_ms, heard_ms;
	} cases[] = {{20, 5}, {60, 5},	{100, 10}, {250, 10},  {500, 20},
		     {5, 45}, {5, 100}, {5, 300},  {100, 150}, {250, 300}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t most_ms = 200 + 6 * cases[i].look_ms + 3 * cases[i].heard_ms;
		uint64_t took_ms = given_up_after_ns(cases[i].look_ms * DT_MS, cases[i].heard_ms * DT_MS) / DT_MS;

		cr_assert(took_ms <= most_ms, "a look each %u ms, the other heard each %u ms: %llu ms",
			  cases[i].look_ms, cases[i].heard_ms, (unsigned long long)took_ms);
	}
}
