/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two subflows of a connection, sampled every 5 ms: what "a" loses, and whether it fades for it. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "base/clock.h"
#include "pm/decide/fading.h"
#include "pm/decide/liveness.h"

#define BEGIN_NS (100 * DT_SEC)
#define EVERY_NS (5 * DT_MS)

struct path {
	struct dt_pulse sample;
	struct dt_liveness liveness;
	struct dt_fading fading;
	unsigned seed;
	uint64_t missing_ns; /* until a missing segment comes; 0: none is missing */
};

static struct path a, b;
static uint64_t now_ns;

static void begin(unsigned seed)
{
	a = b = (struct path){.sample = {.srtt_us = 20000}};
	a.seed = seed;
	b.seed = seed + 1000;
	now_ns = BEGIN_NS;
}

static bool happens(struct path *p, unsigned percent)
{
	p->seed = p->seed * 1103515245 + 12345;
	return (p->seed >> 16) % 100 < percent;
}

/* Sends so many segments in this step; those that are lost are sent again a round trip later, and acknowledged. */
static void sends(struct path *p, unsigned segments, unsigned lost_percent)
{
	p->sample.segs_in += segments != 0;
	p->sample.data_segs_out += segments;
	p->sample.snd_una += segments;
	p->sample.packets_out = segments * 4;
	for (unsigned i = 0; i < segments; i++)
		p->sample.retransmitted += happens(p, lost_percent);
}

/* Receives; a lost segment comes 30 ms later, and what follows it meanwhile is out of order. */
static void receives(struct path *p, unsigned segments, unsigned lost_percent)
{
	p->sample.segs_in += segments;
	p->sample.data_segs_in += segments;
	if (p->missing_ns && now_ns >= p->missing_ns) {
		p->missing_ns = 0;
		p->sample.rcv_nxt += 1000;
	}
	for (unsigned i = 0; i < segments; i++)
		if (!p->missing_ns && happens(p, lost_percent))
			p->missing_ns = now_ns + 30 * DT_MS;
	if (!p->missing_ns)
		p->sample.rcv_nxt += segments;
	p->sample.own_hole = p->missing_ns != 0;
	p->sample.out_of_order += p->missing_ns ? segments : 0;
}

typedef void acts(struct path *p, unsigned segments, unsigned lost_percent);

/* How long until "a" fades, in ms; 0: it does not. segments: in 10 ms. */
static unsigned fades_ms(acts *does, unsigned segments, unsigned a_percent, unsigned b_percent, unsigned ms)
{
	struct dt_liveness *lives[] = {&a.liveness, &b.liveness};
	const struct dt_fading_member members[] = {{&a.fading, &a.liveness, &a.sample},
						   {&b.fading, &b.liveness, &b.sample}};
	enum dt_liveness_verdict verdicts[2];
	uint64_t begin_ns = now_ns;

	for (unsigned step = 0; step < ms / 5; step++, now_ns += EVERY_NS) {
		does(&a, step % 2 ? segments : 0, a_percent);
		does(&b, step % 2 ? segments : 0, b_percent);
		dt_liveness_sample(&a.liveness, &a.sample, now_ns);
		dt_liveness_sample(&b.liveness, &b.sample, now_ns);
		dt_liveness_check(lives, verdicts, 2, now_ns);
		dt_fading_check(members, 2, now_ns);
		if (a.fading.fading)
			return (unsigned)((now_ns - begin_ns) / DT_MS);
	}
	return 0;
}

/* In so many of 40 connections, each of 10 s. */
static unsigned fade(acts *does, unsigned segments, unsigned a_percent, unsigned b_percent)
{
	unsigned count = 0;

	for (unsigned seed = 1; seed <= 40; seed++) {
		begin(seed);
		fades_ms(does, segments, 0, 0, 1000);
		count += fades_ms(does, segments, a_percent, b_percent, 10000) != 0;
	}
	return count;
}

Test(losses, a_path_that_loses_a_fifth)
{
	static const struct {
		acts *does;
		unsigned segments;
		const char *what;
	} rows[] = {
		{sends, 1, "thin up"}, {receives, 1, "thin down"}, {receives, 2, "more down"}, {sends, 2, "more up"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_assert_geq(fade(rows[i].does, rows[i].segments, 20, 0), 38, "%s: %u of 40", rows[i].what,
			      fade(rows[i].does, rows[i].segments, 20, 0));
}

Test(losses, soon)
{
	unsigned sum = 0;

	for (unsigned seed = 1; seed <= 20; seed++) {
		begin(seed);
		fades_ms(sends, 1, 0, 0, 1000);
		sum += fades_ms(sends, 1, 20, 0, 10000);
	}
	cr_assert_lt(sum / 20, 700, "%u ms", sum / 20);
}

Test(losses, few_are_no_reason)
{
	cr_assert_leq(fade(sends, 1, 2, 0), 2);
	cr_assert_leq(fade(receives, 1, 2, 0), 2);
	cr_assert_leq(fade(receives, 30, 1, 0), 2);
}

/* The access link loses them, so no other path is better. */
Test(losses, of_all_paths_are_no_reason)
{
	cr_assert_leq(fade(sends, 1, 20, 20), 8, "%u", fade(sends, 1, 20, 20));
	cr_assert_leq(fade(receives, 1, 20, 20), 8);
}

/* A window that overran a queue: hundreds of segments are sent again for ten round trips. */
Test(losses, of_an_overrun_queue_are_no_reason)
{
	begin(1);
	fades_ms(sends, 30, 0, 0, 1000);
	for (unsigned i = 0; i < 5; i++) {
		cr_assert_eq(fades_ms(sends, 30, 40, 0, 200), 0);
		fades_ms(sends, 30, 0, 0, 1000);
	}
}

/* The time-out was too short, or segments overtook each other: the receiver says that it had them. */
Test(losses, what_was_sent_again_needlessly_is_not_lost)
{
	begin(1);
	fades_ms(sends, 1, 0, 0, 1000);
	for (unsigned i = 0; i < 60; i++) {
		a.sample.retransmitted++;
		cr_assert_eq(fades_ms(sends, 1, 0, 0, 40), 0);
		a.sample.retransmitted--;
		cr_assert_eq(fades_ms(sends, 1, 0, 0, 20), 0);
	}
}
