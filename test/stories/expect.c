/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stories expect, and what is printed when it is not so. */
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "story.h"
#include "story_parts.h"

#define VIAS_MAX 32

static size_t marked;

void story_fails(const char *file, int line, const char *why)
{
	story_failed = true;
	transcript_print(stderr);
	fprintf(stderr, "%s:%d: %s\n", file, line, why);
	_exit(1);
}

void expect_at(const char *file, int line, bool holds, const char *what)
{
	if (!holds)
		story_fails(file, line, what);
}

/* --- the kernel's side ------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The words of text, sorted and joined again; frees nothing, changes text. */
static void sort_words(char *text, char *out, size_t cap)
{
	char *words[VIAS_MAX], *save = NULL;
	size_t count = 0, len = 0;

	for (char *w = strtok_r(text, " ", &save); w && count < VIAS_MAX; w = strtok_r(NULL, " ", &save))
		words[count++] = w;
	qsort(words, count, sizeof(words[0]), compare);
	*out = '\0';
	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(out + len, cap - len, "%s%s", i ? " " : "", words[i]);
}

void expect_subflows_at(const char *file, int line, const struct connection *c, const char *vias)
{
	char have[512] = "", wanted[512], sorted[512], wanted_sorted[512], via[48], why[1200];
	size_t len = 0;

	for (const struct sock *s = c->socks; s; s = s->next)
		if (!s->initial && s->state == BPF_TCP_ESTABLISHED)
			len += (size_t)snprintf(have + len, sizeof(have) - len, "%s ", sock_via(s, via));
	snprintf(wanted, sizeof(wanted), "%s", vias);
	sort_words(have, sorted, sizeof(sorted));
	sort_words(wanted, wanted_sorted, sizeof(wanted_sorted));
	if (strcmp(sorted, wanted_sorted) == 0)
		return;
	snprintf(why, sizeof(why), "connection %u has \"%s\", not \"%s\"", c->number, sorted, wanted_sorted);
	story_fails(file, line, why);
}

void mark(void)
{
	marked = told_lines();
}

void expect_told_at(const char *file, int line, unsigned count, const char *fmt, ...)
{
	char text[256], why[400];
	va_list args;
	unsigned have;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	have = told(marked, text);
	if (have == count)
		return;
	snprintf(why, sizeof(why), "\"%s\" was told %u times, not %u", text, have, count);
	story_fails(file, line, why);
}

/* --- the client's own words -------------------------------------------------------------------- */

static json_t *ask(const char *request, const char *about)
{
	char *text = control_ask(request, about);
	json_t *answer = text ? json_loads(text, 0, NULL) : NULL;

	if (!answer)
		story_fails(__FILE__, __LINE__, text ? text : "nobody answers");
	free(text);
	return answer;
}

json_t *status(void)
{
	return ask("status", "");
}

json_t *answer_why(const char *about)
{
	return ask("why", about);
}

json_t *status_of(json_t *all, const struct connection *c)
{
	char local[DT_ENDPOINT_STRLEN];
	json_t *one;
	size_t i;

	dt_endpoint_format(&c->local, local);
	json_array_foreach(json_object_get(all, "connections"), i, one)
		if (strcmp(json_string_value(json_object_get(one, "local")), local) == 0)
			return one;
	return NULL;
}

void expect_why_at(const char *file, int line, const struct connection *c, const char *words)
{
	json_t *all = status(), *one = status_of(all, c);
	const char *said = one ? json_string_value(json_object_get(one, "why")) : "the connection is not there";
	char why[1600];

	snprintf(why, sizeof(why), "\"%s\" is not %s\"%s\"", words, *words ? "in " : "", said);
	if (*words ? !strstr(said, words) : *said != '\0')
		story_fails(file, line, why);
	json_decref(all);
}

void expect_counter_at(const char *file, int line, const char *name, json_int_t value)
{
	json_t *all = status(), *counter = json_object_get(json_object_get(all, "counters"), name);
	char why[200];

	snprintf(why, sizeof(why), "%s is %lld, not %lld", name, (long long)json_integer_value(counter),
		 (long long)value);
	if (!counter || json_integer_value(counter) != value)
		story_fails(file, line, why);
	json_decref(all);
}

void expect_relay_at(const char *file, int line, const char *name, const char *state, const char *reason)
{
	json_t *all = status(), *one;
	char why[600];
	size_t i;

	json_array_foreach(json_object_get(all, "relays"), i, one) {
		const char *is = json_string_value(json_object_get(one, "state"));
		const char *because = json_string_value(json_object_get(one, "reason"));

		if (strcmp(json_string_value(json_object_get(one, "name")), name) != 0)
			continue;
		snprintf(why, sizeof(why), "relay %s is %s (%s), not %s (%s)", name, is, because, state, reason);
		if (strcmp(is, state) != 0 || !strstr(because, reason) || (!*reason && *because))
			story_fails(file, line, why);
		json_decref(all);
		return;
	}
	story_fails(file, line, "there is no such relay");
}
