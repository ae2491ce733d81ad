/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What detours were worth, by the hour and by the day, in virtual time. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pm/decide/ledger.h"

#define HOUR DT_LEDGER_HOUR_S
#define DAY DT_LEDGER_DAY_S
#define BEGIN (20000ULL * DAY) /* a midnight */

static const struct dt_payoff_sample sample = {0.5, 0.1};

static struct dt_ledger_id about(unsigned char relay, unsigned char network)
{
	struct dt_ledger_id id = {.way = 0};

	id.key[0] = relay;
	id.prefix.b[12] = network;
	return id;
}

static void note(struct dt_ledger *l, unsigned char relay, double gain, uint64_t now_s)
{
	struct dt_ledger_id id = about(relay, 1);

	dt_ledger_note(l, &id, &(struct dt_payoff_sample){gain, 0.1}, 1, now_s);
}

struct seen {
	size_t count;
	uint64_t last_begin_s;
	struct dt_ledger_id id[64];
	struct dt_payoff payoff[64];
};

static void see(const struct dt_ledger_id *id, const struct dt_payoff *payoff, void *data)
{
	struct seen *seen = data;

	cr_assert(id->begin_s >= seen->last_begin_s, "the oldest first");
	seen->last_begin_s = id->begin_s;
	if (seen->count < 64) {
		seen->id[seen->count] = *id;
		seen->payoff[seen->count] = *payoff;
	}
	seen->count++;
}

static struct seen all_of(const struct dt_ledger *l, uint64_t since_s)
{
	struct seen seen = {.count = 0};

	dt_ledger_each(l, since_s, see, &seen);
	return seen;
}

Test(ledger, has_a_record_for_each_hour_and_relay)
{
	struct dt_ledger *l = dt_ledger_new();
	struct seen seen;

	note(l, 1, 0.5, BEGIN + 10);
	note(l, 1, 0.7, BEGIN + HOUR - 1);
	note(l, 2, 0.1, BEGIN + HOUR - 1);
	note(l, 1, 0.9, BEGIN + HOUR);
	seen = all_of(l, 0);
	cr_assert(seen.count == 3);
	cr_assert(seen.payoff[0].count == 2 && fabs(seen.payoff[0].gain - 0.6) < 1e-9);
	cr_assert(seen.id[2].begin_s == BEGIN + HOUR && seen.id[2].span_s == HOUR && seen.payoff[2].gain == 0.9);
	cr_assert(all_of(l, BEGIN + HOUR).count == 1);
	cr_assert(all_of(l, BEGIN + HOUR - 1).count == 3);
	dt_ledger_free(l);
}

Test(ledger, hours_become_days_with_the_same_mean)
{
	struct dt_ledger *l = dt_ledger_new();
	struct seen seen;

	for (int i = 0; i < 24; i++) /* of the second half two measurements each */
		for (int n = 0; n < (i < 12 ? 1 : 2); n++)
			note(l, 1, i < 12 ? 0.2 : 0.8, BEGIN + (uint64_t)i * HOUR);
	cr_assert(all_of(l, 0).count == 24);
	note(l, 1, 0.5, BEGIN + DAY + DT_LEDGER_HOURS_S - HOUR);
	cr_assert(all_of(l, 0).count == 25, "not yet");
	note(l, 1, 0.5, BEGIN + DAY + DT_LEDGER_HOURS_S + 1);
	seen = all_of(l, 0);
	cr_assert(seen.count == 3, "%zu", seen.count);
	cr_assert(seen.id[0].begin_s == BEGIN && seen.id[0].span_s == DAY);
	cr_assert(seen.payoff[0].count == 36);
	cr_assert(fabs(seen.payoff[0].gain - 0.6) < 1e-9, "%f", seen.payoff[0].gain);
	cr_assert(fabs(seen.payoff[0].scatter - 0.08) < 1e-9, "%f", seen.payoff[0].scatter);
	cr_assert(seen.payoff[0].last_s == BEGIN + 23 * HOUR);
	dt_ledger_free(l);
}

Test(ledger, is_bounded_and_ages)
{
	struct dt_ledger *l = dt_ledger_new();

	for (uint32_t i = 0; i < DT_LEDGER_MAX + 50; i++) {
		struct dt_ledger_id id = about(1, 0);

		memcpy(id.prefix.b, &i, sizeof(i));
		dt_ledger_note(l, &id, &sample, 1, BEGIN + i / 1000 * HOUR);
	}
	cr_assert(dt_ledger_count(l) == DT_LEDGER_MAX);
	note(l, 1, 0.5, BEGIN + DT_LEDGER_AGE_S + 2 * DAY);
	cr_assert(dt_ledger_count(l) == 1);
	note(l, 1, 0.5, 10); /* a clock that went back */
	note(l, 1, 0.5, BEGIN);
	cr_assert(dt_ledger_count(l) == 3 || dt_ledger_count(l) == 2);
	dt_ledger_free(l);
}

Test(ledger, adopts_what_was_once_written)
{
	struct dt_ledger *l = dt_ledger_new();
	struct dt_ledger_id id = about(1, 1);
	struct dt_payoff old = {.count = 3, .gain = 0.3, .last_s = BEGIN}, other = {.count = 1, .gain = 9};

	id.begin_s = BEGIN + 5; /* hostile: not at the full hour */
	id.span_s = HOUR;
	dt_ledger_adopt(l, &id, &old, BEGIN + DAY);
	dt_ledger_adopt(l, &id, &other, BEGIN + DAY);
	cr_assert(dt_ledger_count(l) == 1 && all_of(l, 0).payoff[0].gain == 0.3);
	cr_assert(all_of(l, 0).id[0].begin_s == BEGIN);
	dt_ledger_adopt(l, &id, &old, BEGIN + DT_LEDGER_AGE_S + DAY);
	note(l, 1, 0.9, BEGIN + 100);
	cr_assert(dt_ledger_count(l) == 1 && all_of(l, 0).payoff[0].count == 4);
	dt_ledger_free(l);
}
