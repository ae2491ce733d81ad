/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/decide/history.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"

#define MAGIC "detourd-history " /* and the version of the format */
#define VERSION 3
#define VERSION_WAYS 2	/* from here on lines have a direction; before, they count for both */
#define VERSION_GAINS 3 /* from here on they have the gain, and records follow */
#define RECORD "gain "	/* a record of the ledger begins so */

struct entry {
	struct {
		struct dt_ip prefix;
		uint8_t key[DT_KEY_LEN];
		uint8_t way; /* enum dt_way */
	} id;
	struct dt_gain gain;
	UT_hash_handle hh;
};

struct dt_history {
	struct entry *entries; /* in the order of their last measurement */
	struct dt_ledger *ledger;
	bool changed;
};

struct dt_history *dt_history_new(void)
{
	struct dt_history *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->ledger = dt_ledger_new();
	if (h->ledger)
		return h;
	free(h);
	return NULL;
}

void dt_history_free(struct dt_history *h)
{
	struct entry *e, *tmp;

	if (!h)
		return;
	HASH_ITER(hh, h->entries, e, tmp) {
		HASH_DEL(h->entries, e);
		free(e);
	}
	dt_ledger_free(h->ledger);
	free(h);
}

struct dt_prefix dt_history_prefix(const struct dt_ip *server)
{
	struct dt_prefix prefix = {*server, dt_ip_is_v4(server) ? 96 + 24 : 48};

	memset(prefix.ip.b + prefix.len / 8, 0, sizeof(prefix.ip.b) - prefix.len / 8);
	return prefix;
}

static struct entry *find(const struct dt_history *h, const struct dt_ip *server, const uint8_t key[DT_KEY_LEN],
			  enum dt_way way)
{
	struct entry probe, *e;

	memset(&probe, 0, sizeof(probe));
	probe.id.prefix = dt_history_prefix(server).ip;
	probe.id.way = (uint8_t)way;
	memcpy(probe.id.key, key, DT_KEY_LEN);
	HASH_FIND(hh, h->entries, &probe.id, sizeof(probe.id), e);
	return e;
}

static void drop_first(struct dt_history *h)
{
	struct entry *e = h->entries;

	HASH_DEL(h->entries, e);
	free(e);
}

/* Finds or adds, and moves it to the end. NULL: out of memory. */
static struct entry *touch(struct dt_history *h, const struct dt_ip *server, const uint8_t key[DT_KEY_LEN],
			   enum dt_way way)
{
	struct entry *e = find(h, server, key, way);

	if (e) {
		HASH_DEL(h->entries, e);
	} else {
		e = calloc(1, sizeof(*e));
		if (!e)
			return NULL;
		e->id.prefix = dt_history_prefix(server).ip;
		memcpy(e->id.key, key, DT_KEY_LEN);
		e->id.way = (uint8_t)way;
	}
	HASH_ADD(hh, h->entries, id, sizeof(e->id), e);
	while (HASH_COUNT(h->entries) > DT_HISTORY_MAX)
		drop_first(h);
	h->changed = true;
	return e;
}

struct dt_gain dt_history_get(const struct dt_history *h, const struct dt_ip *server, const uint8_t key[DT_KEY_LEN],
			      enum dt_way way)
{
	const struct entry *e = find(h, server, key, way);

	return e ? e->gain : (struct dt_gain){0};
}

static const struct dt_ip anywhere;

struct dt_gain dt_history_elsewhere(const struct dt_history *h, const uint8_t key[DT_KEY_LEN], enum dt_way way)
{
	return dt_history_get(h, &anywhere, key, way);
}

void dt_gain_note(struct dt_gain *g, double bps, double seconds, uint64_t now_s)
{
	g->weight_s += seconds;
	g->mean_bps += (bps - g->mean_bps) * seconds / g->weight_s;
	if (g->weight_s > DT_HISTORY_WEIGHT_S)
		g->weight_s = DT_HISTORY_WEIGHT_S;
	g->last_bps = bps;
	g->last_s = now_s;
}

/* When it was last measured, in any way. */
static uint64_t measured_s(const struct dt_gain *g)
{
	return g->payoff.last_s > g->last_s ? g->payoff.last_s : g->last_s;
}

static void expire(struct dt_history *h, uint64_t now_s)
{
	while (h->entries && measured_s(&h->entries->gain) + DT_HISTORY_AGE_S < now_s)
		drop_first(h);
}

static bool is_no_relay(const uint8_t key[DT_KEY_LEN])
{
	static const uint8_t no_relay[DT_KEY_LEN];

	return memcmp(key, no_relay, DT_KEY_LEN) == 0;
}

static void note(struct dt_history *h, const struct dt_ip *server, const uint8_t key[DT_KEY_LEN], enum dt_way way,
		 double bps, double seconds, uint64_t now_s)
{
	struct entry *e = touch(h, server, key, way);

	if (e)
		dt_gain_note(&e->gain, bps, seconds, now_s);
}

void dt_history_note(struct dt_history *h, const struct dt_ip *server, const uint8_t key[DT_KEY_LEN], enum dt_way way,
		     double bps, double seconds, uint64_t now_s)
{
	note(h, server, key, way, bps, seconds, now_s);
	if (!is_no_relay(key))
		note(h, &anywhere, key, way, bps, seconds, now_s);
	expire(h, now_s);
}

void dt_history_failed(struct dt_history *h, const struct dt_ip *server, const uint8_t key[DT_KEY_LEN], uint64_t now_s)
{
	for (int way = 0; way < DT_WAYS; way++) {
		struct entry *e = touch(h, server, key, (enum dt_way)way);

		if (!e)
			return;
		e->gain.last_bps = 0;
		e->gain.last_s = now_s;
	}
}

void dt_history_note_backup(struct dt_history *h, const struct dt_ip *server, const uint8_t key[DT_KEY_LEN],
			    enum dt_way way, const struct dt_gain *verdict)
{
	struct entry *e = find(h, server, key, way);

	if (!e && is_no_relay(key) && (e = touch(h, server, key, way)))
		e->gain.last_s = verdict->last_s;
	if (!e)
		return;
	e->gain.backups = verdict->backups;
	e->gain.backup_until_s = verdict->backup_until_s;
	e->gain.backup_bps = verdict->backup_bps;
}

static void payoff_note(struct dt_history *h, const struct dt_ip *server, const uint8_t key[DT_KEY_LEN],
			enum dt_way way, const struct dt_payoff_sample *sample, double share, uint64_t now_s)
{
	struct entry *e = touch(h, server, key, way);

	if (e)
		dt_payoff_add(&e->gain.payoff, sample, share, now_s);
}

void dt_history_note_payoff(struct dt_history *h, const struct dt_ip *server, const uint8_t key[DT_KEY_LEN],
			    enum dt_way way, const struct dt_payoff_sample *sample, double share, uint64_t now_s)
{
	struct dt_ledger_id id = {.prefix = dt_history_prefix(server).ip, .way = (uint8_t)way};

	payoff_note(h, server, key, way, sample, share, now_s);
	payoff_note(h, &anywhere, key, way, sample, share, now_s);
	memcpy(id.key, key, DT_KEY_LEN);
	dt_ledger_note(h->ledger, &id, sample, share, now_s);
}

const struct dt_ledger *dt_history_ledger(const struct dt_history *h)
{
	return h->ledger;
}

void dt_history_payoffs(const struct dt_history *h, dt_history_payoff_fn fn, void *data)
{
	for (const struct entry *e = h->entries; e; e = e->hh.next)
		if (is_no_relay(e->id.key) && e->gain.payoff.count && !dt_ip_is_unset(&e->id.prefix)) {
			struct dt_prefix prefix = dt_history_prefix(&e->id.prefix);

			fn(&prefix, (enum dt_way)e->id.way, &e->gain.payoff, data);
		}
}

size_t dt_history_count(const struct dt_history *h)
{
	return HASH_COUNT(h->entries);
}

bool dt_history_changed(struct dt_history *h)
{
	bool changed = h->changed;

	h->changed = false;
	return changed;
}

/* --- as text ----------------------------------------------------------------------------------- */

static const char *const way_words[DT_WAYS] = {[DT_WAY_DOWN] = "down", [DT_WAY_UP] = "up"};

/* Numbers in files have at most 15 digits. */
static double bounded(double value)
{
	return fmin(fmax(value, 0), 999999999999999.0);
}

/* Millionths; of the gain, what detours multiply the rate by, which is never below 0. */
static void payoff_write(const struct dt_payoff *p, FILE *f)
{
	fprintf(f, "%u %.0f %.0f %.0f %llu\n", p->count, bounded((p->gain + 1) * 1e6), bounded(p->scatter * 1e6),
		bounded(p->noise * 1e6), (unsigned long long)p->last_s);
}

static void record_write(const struct dt_ledger_id *id, const struct dt_payoff *payoff, void *f)
{
	char prefix[DT_IP_STRLEN], key[DT_KEY_BASE64_LEN];

	fprintf(f, RECORD "%llu %u %s %s %s ", (unsigned long long)id->begin_s, id->span_s,
		dt_ip_format(&id->prefix, prefix), dt_key_format(id->key, key), way_words[id->way]);
	payoff_write(payoff, f);
}

char *dt_history_format(const struct dt_history *h)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	const struct entry *e;

	if (!f)
		return NULL;
	fprintf(f, MAGIC "%d\n", VERSION);
	for (e = h->entries; e; e = e->hh.next) {
		char prefix[DT_IP_STRLEN], key[DT_KEY_BASE64_LEN];

		fprintf(f, "%s %s %s %.0f %.0f %.0f %llu ", dt_ip_format(&e->id.prefix, prefix),
			dt_key_format(e->id.key, key), way_words[e->id.way], e->gain.mean_bps, e->gain.last_bps,
			ceil(e->gain.weight_s), (unsigned long long)e->gain.last_s);
		payoff_write(&e->gain.payoff, f);
	}
	dt_ledger_each(h->ledger, 0, record_write, f);
	fprintf(f, "end %zu\n", HASH_COUNT(h->entries) + dt_ledger_count(h->ledger));
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* At most 15 digits, and the blank after them, if any. Returns where the rest begins; NULL: it is no such number. */
static const char *number_parse(const char *at, uint64_t *out)
{
	const char *start = at;

	*out = 0;
	while (*at >= '0' && *at <= '9' && at - start < 15)
		*out = *out * 10 + (uint64_t)(*at++ - '0');
	return at > start && (*at == ' ' || *at == '\n') ? at + (*at == ' ') : NULL;
}

/* A word of at most cap - 1 bytes, and the blank after it. Returns where the rest begins; NULL: no such word. */
static const char *word_parse(const char *at, char *out, size_t cap)
{
	size_t len = strcspn(at, " \n");

	if (len == 0 || len >= cap || at[len] != ' ')
		return NULL;
	memcpy(out, at, len);
	out[len] = '\0';
	return at + len + 1;
}

/* A direction. Returns where the rest begins; NULL: it is none. */
static const char *way_parse(const char *at, uint8_t *out)
{
	char word[8];

	at = word_parse(at, word, sizeof(word));
	for (uint8_t way = 0; at && way < DT_WAYS; way++)
		if (strcmp(word, way_words[way]) == 0) {
			*out = way;
			return at;
		}
	return NULL;
}

/* What payoff_write() wrote. Returns where the next line begins; NULL: that is something else. */
static const char *payoff_parse(const char *at, struct dt_payoff *out)
{
	uint64_t count, ratio, scatter, noise, when;

	if (!(at = number_parse(at, &count)) || !(at = number_parse(at, &ratio)) ||
	    !(at = number_parse(at, &scatter)) || !(at = number_parse(at, &noise)) || !(at = number_parse(at, &when)) ||
	    *at != '\n' || count > UINT32_MAX)
		return NULL;
	if (count)
		*out = (struct dt_payoff){.count = (unsigned)count,
					  .gain = (double)ratio / 1e6 - 1,
					  .scatter = (double)scatter / 1e6,
					  .noise = (double)noise / 1e6,
					  .last_s = when};
	return at + 1;
}

/* Where, over what, in which direction. */
static const char *whose_parse(const char *at, struct dt_ip *prefix, uint8_t relay[DT_KEY_LEN], uint8_t *way)
{
	char text[DT_IP_STRLEN], key[DT_KEY_BASE64_LEN];

	at = word_parse(at, text, sizeof(text));
	if (!at || dt_ip_parse(prefix, text) < 0)
		return NULL;
	at = word_parse(at, key, sizeof(key));
	if (!at || dt_key_parse(relay, key) < 0)
		return NULL;
	return way ? way_parse(at, way) : at;
}

/* One line. Returns where the next one begins; NULL: this line is not an entry. */
static const char *entry_parse(struct entry *e, const char *at, int version)
{
	uint64_t mean, last, weight, when;

	at = whose_parse(at, &e->id.prefix, e->id.key, version >= VERSION_WAYS ? &e->id.way : NULL);
	if (!at || !(at = number_parse(at, &mean)) || !(at = number_parse(at, &last)) ||
	    !(at = number_parse(at, &weight)) || !(at = number_parse(at, &when)))
		return NULL;
	e->gain = (struct dt_gain){.mean_bps = (double)mean,
				   .last_bps = (double)last,
				   .weight_s = weight > DT_HISTORY_WEIGHT_S ? DT_HISTORY_WEIGHT_S : (double)weight,
				   .last_s = when};
	if (version >= VERSION_GAINS)
		return payoff_parse(at, &e->gain.payoff);
	return *at == '\n' ? at + 1 : NULL;
}

/* A line of the ledger. */
struct record {
	struct dt_ledger_id id;
	struct dt_payoff payoff;
};

static const char *record_parse(struct record *r, const char *at)
{
	uint64_t span;

	if (!(at = number_parse(at, &r->id.begin_s)) || !(at = number_parse(at, &span)) ||
	    (span != DT_LEDGER_HOUR_S && span != DT_LEDGER_DAY_S))
		return NULL;
	r->id.span_s = (uint32_t)span;
	at = whose_parse(at, &r->id.prefix, r->id.key, &r->id.way);
	at = at ? payoff_parse(at, &r->payoff) : NULL;
	return r->payoff.count ? at : NULL;
}

static void adopt(struct dt_history *h, const struct entry *read, enum dt_way way)
{
	struct entry *e = touch(h, &read->id.prefix, read->id.key, way);

	if (e)
		e->gain = read->gain;
}

/* What a text says, before it is known whether all of it is right. */
struct text {
	int version;
	struct entry *entries;
	size_t nentries;
	struct record *records;
	size_t nrecords;
};

static void text_free(struct text *t)
{
	free(t->entries);
	free(t->records);
}

/* One line of any kind. Returns where the next one begins; NULL: it is none. *err: -ENOMEM. */
static const char *line_parse(struct text *t, const char *at, int *err)
{
	struct entry entry = {.gain = {0}};
	struct record record = {.payoff = {0}};
	bool fits;

	if (t->version >= VERSION_GAINS && strncmp(at, RECORD, strlen(RECORD)) == 0) {
		at = record_parse(&record, at + strlen(RECORD));
		fits = !at || dt_array_append(&t->records, &t->nrecords, sizeof(record), &record);
	} else {
		at = entry_parse(&entry, at, t->version);
		fits = !at || dt_array_append(&t->entries, &t->nentries, sizeof(entry), &entry);
	}
	if (!fits)
		*err = -ENOMEM;
	return fits ? at : NULL;
}

static void text_adopt(struct dt_history *h, const struct text *t, uint64_t now_s)
{
	for (size_t i = 0; i < t->nentries; i++)
		if (measured_s(&t->entries[i].gain) + DT_HISTORY_AGE_S >= now_s)
			for (int way = 0; way < DT_WAYS; way++)
				if (t->version < VERSION_WAYS || t->entries[i].id.way == way)
					adopt(h, &t->entries[i], (enum dt_way)way);
	for (size_t i = 0; i < t->nrecords; i++)
		dt_ledger_adopt(h->ledger, &t->records[i].id, &t->records[i].payoff, now_s);
}

int dt_history_parse(struct dt_history *h, const char *text, uint64_t now_s, unsigned *line)
{
	struct text t = {.version = 0};
	const char *at = text;
	uint64_t promised;
	int err = 0;

	*line = 1;
	if (strncmp(at, MAGIC, strlen(MAGIC)) != 0)
		return -EINVAL;
	at += strlen(MAGIC);
	if (*at < '1' || *at > '0' + VERSION || at[1] != '\n')
		return -EINVAL;
	t.version = *at - '0';
	at += 2;
	for ((*line)++; at && strncmp(at, "end ", 4) != 0; (*line)++) {
		at = line_parse(&t, at, &err);
		if (!at)
			break;
	}
	/* the last line, with the number of the others, shows whether the text was cut off or changed */
	if (!at || !(at = number_parse(at + 4, &promised)) || promised != t.nentries + t.nrecords ||
	    strcmp(at, "\n") != 0)
		err = err ? err : -EINVAL;
	if (err == 0)
		text_adopt(h, &t, now_s);
	text_free(&t);
	return err;
}
