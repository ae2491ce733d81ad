/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/decide/history.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define MAGIC "detourd-history 2"
#define MAGIC_1 "detourd-history 1" /* lines without a direction: they count for both */

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
	bool changed;
};

struct dt_history *dt_history_new(void)
{
	return calloc(1, sizeof(struct dt_history));
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
	payoff_note(h, server, key, way, sample, share, now_s);
	payoff_note(h, &anywhere, key, way, sample, share, now_s);
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

char *dt_history_format(const struct dt_history *h)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	const struct entry *e;

	if (!f)
		return NULL;
	fprintf(f, MAGIC "\n");
	for (e = h->entries; e; e = e->hh.next) {
		char prefix[DT_IP_STRLEN], key[DT_KEY_BASE64_LEN];

		fprintf(f, "%s %s %s %.0f %.0f %.0f %llu\n", dt_ip_format(&e->id.prefix, prefix),
			dt_key_format(e->id.key, key), way_words[e->id.way], e->gain.mean_bps, e->gain.last_bps,
			ceil(e->gain.weight_s), (unsigned long long)e->gain.last_s);
	}
	fprintf(f, "end %u\n", HASH_COUNT(h->entries));
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

/* One line. Returns where the next one begins; NULL: this line is not an entry. */
static const char *entry_parse(struct entry *e, const char *at, bool with_way)
{
	char prefix[DT_IP_STRLEN], key[DT_KEY_BASE64_LEN];
	uint64_t mean, last, weight, when;

	at = word_parse(at, prefix, sizeof(prefix));
	if (!at || dt_ip_parse(&e->id.prefix, prefix) < 0)
		return NULL;
	at = word_parse(at, key, sizeof(key));
	if (!at || dt_key_parse(e->id.key, key) < 0)
		return NULL;
	if (with_way && !(at = way_parse(at, &e->id.way)))
		return NULL;
	if (!(at = number_parse(at, &mean)) || !(at = number_parse(at, &last)) || !(at = number_parse(at, &weight)) ||
	    !(at = number_parse(at, &when)) || *at != '\n')
		return NULL;
	e->gain = (struct dt_gain){.mean_bps = (double)mean,
				   .last_bps = (double)last,
				   .weight_s = weight > DT_HISTORY_WEIGHT_S ? DT_HISTORY_WEIGHT_S : (double)weight,
				   .last_s = when};
	return at + 1;
}

static void adopt(struct dt_history *h, const struct entry *read, enum dt_way way)
{
	struct entry *e = touch(h, &read->id.prefix, read->id.key, way);

	if (e)
		e->gain = read->gain;
}

int dt_history_parse(struct dt_history *h, const char *text, uint64_t now_s, unsigned *line)
{
	struct entry *read = NULL;
	size_t count = 0, cap = 0;
	uint64_t promised;
	bool with_way;
	const char *at = text;
	int err = -EINVAL;

	*line = 1;
	if (strncmp(at, MAGIC_1 "\n", strlen(MAGIC_1 "\n")) != 0 && strncmp(at, MAGIC "\n", strlen(MAGIC "\n")) != 0)
		return -EINVAL;
	with_way = strncmp(at, MAGIC "\n", strlen(MAGIC "\n")) == 0;
	at += strlen(MAGIC "\n");
	for ((*line)++; at && strncmp(at, "end ", 4) != 0; (*line)++) {
		if (count == cap) {
			struct entry *more = realloc(read, (cap = cap ? cap * 2 : 64) * sizeof(*read));

			if (!more) {
				free(read);
				return -ENOMEM;
			}
			read = more;
		}
		memset(&read[count], 0, sizeof(*read));
		at = entry_parse(&read[count], at, with_way);
		if (!at)
			break;
		count++;
	}
	/* the last line, with the number of entries, shows whether the text was cut off or changed */
	if (at && (at = number_parse(at + 4, &promised)) && promised == count && strcmp(at, "\n") == 0) {
		for (size_t i = 0; i < count; i++)
			if (read[i].gain.last_s + DT_HISTORY_AGE_S >= now_s)
				for (int way = 0; way < DT_WAYS; way++)
					if (!with_way || read[i].id.way == way)
						adopt(h, &read[i], (enum dt_way)way);
		err = 0;
	}
	free(read);
	return err;
}
