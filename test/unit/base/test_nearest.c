/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "base/nearest.h"

/* What was meant by word, of a few keys of the configuration; NULL: nothing is near. */
static const char *meant(const char *word)
{
	static const char *const known[] = {"private-key-file", "public-key", "endpoint", "carrier", "max-detours",
					    "max-leases",	"max-rate",   "port",	  "ports",   "log-level"};
	struct dt_nearest n = {.word = word};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		dt_nearest_offer(&n, known[i]);
	return n.best;
}

Test(nearest, what_was_meant)
{
	static const struct {
		const char *word, *meant;
	} rows[] = {
		{"endpont", "endpoint"},   /* missing, */
		{"enddpoint", "endpoint"}, /* too many, */
		{"endpiont", "endpoint"},  /* swapped, */
		{"endpaint", "endpoint"},  /* wrong letters */
		{"ENDPOINT", "endpoint"},
		{"log_level", "log-level"},
		{"loglevel", "log-level"},
		{"private-key", "private-key-file"}, /* the beginning */
		{"key-file", "private-key-file"},    /* a part */
		{"publik-key", "public-key"},
		{"max-lease", "max-leases"},
		{"max-detour", "max-detours"},
		{"port", "port"}, /* the nearest of several */
		{"portss", "ports"},
		{"x", NULL},
		{"", NULL},
		{"banana", NULL},
		{"listen", NULL},
		{"en", "endpoint"},
		{"a-word-that-is-longer-than-any-of-those-known", NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *got = meant(rows[i].word);

		cr_expect(rows[i].meant ? got && strcmp(got, rows[i].meant) == 0 : !got, "%s: %s, not %s", rows[i].word,
			  got ? got : "nothing", rows[i].meant ? rows[i].meant : "nothing");
	}
}
