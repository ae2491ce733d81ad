/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What detours were worth over time: of each hour, later of each day, and each destination prefix, relay and direction, the
 * gain that was measured (payoff.h). Bounded; the oldest go first. No I/O.
 */
#ifndef DETOURD_PM_DECIDE_LEDGER_H
#define DETOURD_PM_DECIDE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/key.h"
#include "pm/decide/payoff.h"

#define DT_LEDGER_MAX 8192			/* records */
#define DT_LEDGER_HOUR_S (60 * 60)		/* seconds that a record is of, at first */
#define DT_LEDGER_DAY_S (24 * 60 * 60)		/* and later */
#define DT_LEDGER_HOURS_S (2 * DT_LEDGER_DAY_S) /* then the records of hours become one of their day */
#define DT_LEDGER_AGE_S (400 * DT_LEDGER_DAY_S) /* older ones are removed */

/* What a record is of. */
struct dt_ledger_id {
	struct dt_ip prefix;	 /* as dt_history_prefix() makes it */
	uint8_t key[DT_KEY_LEN]; /* the relay's; all zeroes: all detours together */
	uint64_t begin_s;	 /* since 1970 */
	uint32_t span_s;	 /* an hour or a day */
	uint8_t way;		 /* enum dt_way */
};

struct dt_ledger;

/* NULL: out of memory. */
struct dt_ledger *dt_ledger_new(void);
/* May be NULL. */
void dt_ledger_free(struct dt_ledger *l);
/* A measurement, of which share is this relay's. prefix, key and way of id are given. */
void dt_ledger_note(struct dt_ledger *l, const struct dt_ledger_id *id, const struct dt_payoff_sample *sample,
		    double share, uint64_t now_s);
/* Adds a record as it was; one that is there already, or too old, is left out. */
void dt_ledger_adopt(struct dt_ledger *l, const struct dt_ledger_id *id, const struct dt_payoff *payoff,
		     uint64_t now_s);
size_t dt_ledger_count(const struct dt_ledger *l);
/* Calls fn for each record that ends after since_s, the oldest first. */
typedef void (*dt_ledger_fn)(const struct dt_ledger_id *id, const struct dt_payoff *payoff, void *data);
void dt_ledger_each(const struct dt_ledger *l, uint64_t since_s, dt_ledger_fn fn, void *data);

#endif
