/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two subflows of a connection, sampled every 5 ms: "a" has trouble, "b" is fine unless it is said otherwise. */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "pm/decide/fading.h"
#include "pm/decide/liveness.h"

#define BEGIN_NS (100 * DT_SEC)

struct path {
	struct dt_pulse sample;
	struct dt_liveness liveness;
	struct dt_fading fading;
};

static struct path a, b;
static uint64_t now_ns, every_ns;

static void begin(void)
{
	a = b = (struct path){.sample = {.srtt_us = 20000, .packets_out = 2}};
	now_ns = BEGIN_NS;
	every_ns = 5 * DT_MS;
}

/*
 * What each one does: data is acknowledged, or lost though other segments arrive, or nothing is heard at all, or data
 * arrives but not all of it, or all of it.
 */
enum does { WORKS, LOSES, SILENT, MISSES, RECEIVES };

static void path_step(struct path *p, enum does does)
{
	p->sample.snd_una += does == WORKS || does == MISSES;
	p->sample.segs_in += does != SILENT;
	p->sample.data_segs_in += does == MISSES || does == RECEIVES;
	p->sample.rcv_nxt += does == RECEIVES;
	p->sample.out_of_order += does == MISSES;
	p->sample.own_hole = does == MISSES;
	dt_liveness_sample(&p->liveness, &p->sample, now_ns);
}

/* True: somebody is to be told. */
static bool run_ms(unsigned ms, enum does a_does, enum does b_does)
{
	struct dt_liveness *lives[] = {&a.liveness, &b.liveness};
	const struct dt_fading_member members[] = {{&a.fading, &a.liveness, &a.sample},
						   {&b.fading, &b.liveness, &b.sample}};
	enum dt_liveness_verdict verdicts[2];
	bool tell = false;

	for (uint64_t end_ns = now_ns + ms * DT_MS; now_ns < end_ns; now_ns += every_ns) {
		a.sample.data_hole = b.sample.data_hole = a_does == MISSES;
		path_step(&a, a_does);
		path_step(&b, b_does);
		dt_liveness_check(lives, verdicts, 2, now_ns);
		tell = dt_fading_check(members, 2, now_ns) || tell;
		a.fading.tell = b.fading.tell = false;
	}
	return tell;
}

Test(fading, late_twice)
{
	begin();
	run_ms(2000, WORKS, WORKS);
	cr_assert(!run_ms(400, LOSES, WORKS), "late once");
	run_ms(1000, WORKS, WORKS);
	cr_assert(run_ms(400, LOSES, WORKS), "late twice");
	cr_assert(a.fading.fading && !b.fading.fading);
	cr_assert(run_ms(9000, WORKS, WORKS), "said again, for it may be lost");
	cr_assert(a.fading.fading);
	cr_assert(run_ms(2000, WORKS, WORKS), "tried again");
	cr_assert(!a.fading.fading);
}

Test(fading, one_retransmission_time_out_is_no_trouble)
{
	begin();
	run_ms(2000, WORKS, WORKS);
	for (unsigned i = 0; i < 10; i++) {
		run_ms(260, LOSES, WORKS);
		run_ms(100, WORKS, WORKS);
	}
	cr_assert(!a.fading.fading && !a.fading.troubles);
}

/* A full queue of a path that many share: the time-out is longer than its least. */
Test(fading, one_retransmission_time_out_of_a_full_path_is_no_trouble)
{
	begin();
	a.sample.srtt_us = 50000;
	a.sample.rttvar_us = 30000;
	run_ms(2000, WORKS, WORKS);
	for (unsigned i = 0; i < 10; i++) {
		run_ms(400, LOSES, WORKS);
		run_ms(100, WORKS, WORKS);
	}
	cr_assert(!a.fading.fading && !a.fading.troubles);
}

Test(fading, late_for_long)
{
	begin();
	run_ms(2000, WORKS, WORKS);
	cr_assert(run_ms(700, LOSES, WORKS));
	cr_assert(a.fading.fading);
}

Test(fading, late_twice_but_seldom)
{
	begin();
	run_ms(2000, WORKS, WORKS);
	for (int i = 0; i < 5; i++) {
		run_ms(400, LOSES, WORKS);
		cr_assert(!a.fading.fading);
		run_ms(6000, WORKS, WORKS);
	}
}

Test(fading, longer_each_time_in_a_row)
{
	static const unsigned long_s[] = {10, 20, 40, 80, 160, 160};

	begin();
	run_ms(2000, WORKS, WORKS);
	for (size_t i = 0; i < sizeof(long_s) / sizeof(long_s[0]); i++) {
		uint64_t since_ns;

		run_ms(700, LOSES, WORKS);
		cr_assert(a.fading.fading);
		since_ns = a.fading.since_ns;
		while (a.fading.fading)
			run_ms(5, WORKS, WORKS);
		cr_assert_eq((now_ns - since_ns) / DT_SEC, long_s[i], "time %zu: %llu s", i,
			     (unsigned long long)((now_ns - since_ns) / DT_SEC));
	}
	run_ms(70000, WORKS, WORKS);
	run_ms(700, LOSES, WORKS);
	cr_assert_eq(a.fading.until_ns - a.fading.since_ns, 10 * DT_SEC, "after a minute it begins anew");
}

Test(fading, a_download_that_misses_a_piece_for_long)
{
	begin();
	run_ms(2000, WORKS, WORKS);
	run_ms(250, MISSES, WORKS);
	cr_assert(!a.fading.fading);
	run_ms(400, MISSES, WORKS);
	cr_assert(a.fading.fading && !b.fading.fading);
}

/* Its full queue drops a burst, which two round trips bring again; the other path is much shorter. */
Test(fading, a_piece_that_a_long_path_brings_again_is_not_late)
{
	begin();
	a.sample.srtt_us = 240000;
	run_ms(2000, WORKS, WORKS);
	cr_assert(!run_ms(700, MISSES, WORKS));
	run_ms(1000, WORKS, WORKS);
	cr_assert(!run_ms(700, MISSES, WORKS), "nor twice");
	run_ms(1000, WORKS, WORKS);
	cr_assert(run_ms(1500, MISSES, WORKS), "longer than it may take");
}

/* The queue before a narrow link is full: what it drops waits behind all that it holds when it is sent again. */
Test(fading, a_piece_that_waits_in_a_full_queue_is_not_late)
{
	begin();
	a.sample.packets_out = b.sample.packets_out = 0;
	a.sample.echo_ms = 400;
	run_ms(2000, RECEIVES, RECEIVES);
	for (unsigned i = 0; i < 4; i++) {
		cr_assert(!run_ms(600, MISSES, RECEIVES), "time %u", i);
		run_ms(1000, RECEIVES, RECEIVES);
	}
	cr_assert(run_ms(1200, MISSES, RECEIVES), "longer than it may take");
}

/* The sender was idle for so long. */
Test(fading, an_echo_after_a_pause_says_nothing_of_queues)
{
	begin();
	a.sample.packets_out = b.sample.packets_out = 0;
	run_ms(1000, RECEIVES, RECEIVES);
	run_ms(3000, SILENT, RECEIVES);
	a.sample.echo_ms = 3000;
	run_ms(50, RECEIVES, RECEIVES);
	cr_assert(run_ms(700, MISSES, RECEIVES));
}

Test(fading, an_application_that_does_not_read)
{
	begin();
	run_ms(2000, WORKS, WORKS);
	run_ms(100, MISSES, WORKS);
	a.sample.data_hole = b.sample.data_hole = 1; /* for good, as the kernel has no room to put the piece */
	for (unsigned i = 0; i < 200; i++) {
		struct dt_liveness *lives[] = {&a.liveness, &b.liveness};
		const struct dt_fading_member members[] = {{&a.fading, &a.liveness, &a.sample},
							   {&b.fading, &b.liveness, &b.sample}};
		enum dt_liveness_verdict verdicts[2];

		path_step(&a, SILENT);
		path_step(&b, WORKS);
		dt_liveness_check(lives, verdicts, 2, now_ns);
		a.sample.packets_out = 0;
		dt_fading_check(members, 2, now_ns);
		cr_assert(!a.fading.fading);
		now_ns += every_ns;
	}
}

Test(fading, window_probes_are_not_late)
{
	begin();
	run_ms(2000, WORKS, WORKS);
	a.sample.no_window = 1;
	run_ms(3000, LOSES, WORKS);
	cr_assert(!a.fading.fading && !a.fading.troubles);
	a.sample.no_window = 0;
	run_ms(1000, LOSES, WORKS);
	cr_assert(!a.fading.fading && !a.fading.troubles, "the next probe of the window is yet to come");
	run_ms(100, WORKS, WORKS);
	run_ms(1000, LOSES, WORKS);
	cr_assert(a.fading.fading);
}

/* A connection that sends little is sampled seldom: when its data left is not known to 100 ms. */
Test(fading, data_that_was_sent_just_before_a_sample_is_not_late)
{
	begin();
	every_ns = 100 * DT_MS;
	a.sample.packets_out = 0;
	run_ms(2000, WORKS, WORKS);
	a.sample.packets_out = 1;
	run_ms(400, LOSES, WORKS);
	cr_assert(!a.fading.fading && !a.fading.troubles);
	run_ms(100, LOSES, WORKS);
	cr_assert(a.fading.troubles);
}

Test(fading, an_outage_of_the_access_link_is_nobody_s_fault)
{
	begin();
	run_ms(2000, WORKS, WORKS);
	run_ms(1000, SILENT, SILENT);
	/* "a" waits for its RTO, which has doubled */
	run_ms(1000, LOSES, WORKS);
	run_ms(1000, WORKS, WORKS);
	cr_assert(!a.fading.fading && !b.fading.fading);
}

Test(fading, an_idle_subflow_is_no_proof_that_the_access_link_works)
{
	begin();
	b.sample.packets_out = 0;
	run_ms(2000, WORKS, SILENT);
	run_ms(3000, SILENT, SILENT);
	cr_assert(!a.fading.fading);
}

Test(fading, there_must_be_a_better_one)
{
	begin();
	run_ms(2000, WORKS, WORKS);
	run_ms(700, LOSES, LOSES);
	cr_assert(!a.fading.fading && !b.fading.fading);
	run_ms(1000, WORKS, WORKS);
	run_ms(700, LOSES, WORKS);
	cr_assert(a.fading.fading);
	run_ms(700, LOSES, LOSES);
	cr_assert(!b.fading.fading, "the other one fades already");
}

Test(fading, comes_and_goes)
{
	begin();
	dt_fading_died(&a.fading, now_ns);
	cr_assert(!a.fading.fading);
	dt_fading_died(&a.fading, now_ns + 3 * DT_SEC);
	cr_assert(a.fading.fading);
}

/* The other one has delivered its part, and is silent. It does not hold what the first one misses. */
Test(fading, a_piece_that_is_missing_here_is_not_there)
{
	begin();
	a.sample.packets_out = b.sample.packets_out = 0;
	run_ms(2000, WORKS, WORKS);
	run_ms(700, MISSES, SILENT);
	cr_assert(a.fading.fading && !b.fading.fading);
}
