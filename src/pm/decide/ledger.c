/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/decide/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

struct record {
	struct dt_ledger_id id;
	struct dt_payoff payoff;
	UT_hash_handle hh;
};

struct dt_ledger {
	struct record *records; /* the oldest first, as far as the clock is true */
	uint64_t hour_s;	/* in which it was last put in order */
};

struct dt_ledger *dt_ledger_new(void)
{
	return calloc(1, sizeof(struct dt_ledger));
}

void dt_ledger_free(struct dt_ledger *l)
{
	struct record *r, *tmp;

	if (!l)
		return;
	HASH_ITER(hh, l->records, r, tmp) {
		HASH_DEL(l->records, r);
		free(r);
	}
	free(l);
}

static void drop(struct dt_ledger *l, struct record *r)
{
	HASH_DEL(l->records, r);
	free(r);
}

/* With what is between the fields, so that equal ids are equal bytes. */
static struct dt_ledger_id id_of(const struct dt_ledger_id *about, uint64_t at_s, uint32_t span_s)
{
	struct dt_ledger_id id;

	memset(&id, 0, sizeof(id));
	id.prefix = about->prefix;
	memcpy(id.key, about->key, sizeof(id.key));
	id.begin_s = at_s - at_s % span_s;
	id.span_s = span_s;
	id.way = about->way;
	return id;
}

static int older_first(const struct record *a, const struct record *b)
{
	return a->id.begin_s < b->id.begin_s ? -1 : a->id.begin_s > b->id.begin_s;
}

/* Finds or adds. NULL: out of memory. */
static struct record *touch(struct dt_ledger *l, const struct dt_ledger_id *id)
{
	struct record *r;

	HASH_FIND(hh, l->records, id, sizeof(*id), r);
	if (r)
		return r;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	memcpy(&r->id, id, sizeof(*id));
	HASH_ADD(hh, l->records, id, sizeof(r->id), r);
	return r;
}

/* Two means become one, each with the weight of its measurements. */
static void merge(struct dt_payoff *into, const struct dt_payoff *from)
{
	double n = into->count, m = from->count, apart = from->gain - into->gain;

	if (m <= 0)
		return;
	into->gain += apart * m / (n + m);
	into->scatter = (into->scatter * n + from->scatter * m) / (n + m) + apart * apart * n * m / (n + m) / (n + m);
	into->noise = (into->noise * n + from->noise * m) / (n + m);
	into->count = into->count > UINT32_MAX - from->count ? UINT32_MAX : into->count + from->count;
	if (from->last_s > into->last_s)
		into->last_s = from->last_s;
}

/* Hours that are long ago become days; what is too old, or too much, goes. */
static void tidy(struct dt_ledger *l, uint64_t now_s)
{
	struct record *r, *tmp;

	HASH_ITER(hh, l->records, r, tmp) {
		struct dt_ledger_id day = id_of(&r->id, r->id.begin_s, DT_LEDGER_DAY_S);
		struct record *whole;

		if (r->id.begin_s + DT_LEDGER_AGE_S < now_s) {
			drop(l, r);
		} else if (r->id.span_s == DT_LEDGER_HOUR_S &&
			   day.begin_s + DT_LEDGER_DAY_S + DT_LEDGER_HOURS_S < now_s) {
			whole = touch(l, &day);
			if (!whole)
				return;
			merge(&whole->payoff, &r->payoff);
			drop(l, r);
		}
	}
	HASH_SRT(hh, l->records, older_first);
}

static void bound(struct dt_ledger *l)
{
	while (HASH_COUNT(l->records) > DT_LEDGER_MAX)
		drop(l, l->records);
}

void dt_ledger_note(struct dt_ledger *l, const struct dt_ledger_id *about, const struct dt_payoff_sample *sample,
		    double share, uint64_t now_s)
{
	struct dt_ledger_id id = id_of(about, now_s, DT_LEDGER_HOUR_S);
	struct record *r;

	if (l->hour_s != id.begin_s)
		tidy(l, now_s);
	l->hour_s = id.begin_s;
	r = touch(l, &id);
	if (r)
		dt_payoff_add(&r->payoff, sample, share, now_s);
	bound(l);
}

void dt_ledger_adopt(struct dt_ledger *l, const struct dt_ledger_id *about, const struct dt_payoff *payoff,
		     uint64_t now_s)
{
	struct dt_ledger_id id = id_of(about, about->begin_s, about->span_s);
	struct record *r;

	if (id.begin_s + DT_LEDGER_AGE_S < now_s)
		return;
	r = touch(l, &id);
	if (r && r->payoff.count == 0)
		r->payoff = *payoff;
	bound(l);
}

size_t dt_ledger_count(const struct dt_ledger *l)
{
	return HASH_COUNT(l->records);
}

void dt_ledger_each(const struct dt_ledger *l, uint64_t since_s, dt_ledger_fn fn, void *data)
{
	for (const struct record *r = l->records; r; r = r->hh.next)
		if (r->id.begin_s + r->id.span_s > since_s)
			fn(&r->id, &r->payoff, data);
}
