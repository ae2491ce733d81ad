/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 40 /* longer ones are near to nothing */

static char plain(char c)
{
	return c == '_' ? '-' : (char)tolower((unsigned char)c);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many letters to change, add, remove or swap with their neighbour; both are at most WORD_MAX long. */
static unsigned edits(const char *a, const char *b)
{
	unsigned rows[3][WORD_MAX + 1]; /* of the letters i, i - 1 and i - 2 of a, by i modulo 3 */
	size_t len_a = strlen(a), len_b = strlen(b);

	for (size_t i = 0; i <= len_a; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= len_b; j++) {
			if (i == 0) {
				row[j] = (unsigned)j;
				continue;
			}
			row[j] = least(above[j] + 1, row[j - 1] + 1);
			row[j] = least(row[j], above[j - 1] + (plain(a[i - 1]) != plain(b[j - 1])));
			if (i > 1 && j > 1 && plain(a[i - 1]) == plain(b[j - 2]) && plain(a[i - 2]) == plain(b[j - 1]))
				row[j] = least(row[j], second[j - 2] + 1);
		}
	}
	return rows[len_a % 3][len_b];
}

void dt_nearest_offer(struct dt_nearest *n, const char *known)
{
	size_t len = strlen(n->word);
	unsigned distance;

	if (len < 2 || len > WORD_MAX || strlen(known) > WORD_MAX)
		return;
	distance = edits(n->word, known);
	if (distance > (len + 2) / 3) {
		/* people shorten words at either end */
		if (strncasecmp(known, n->word, len) == 0)
			distance = 2;
		else if (len > 3 && strcasestr(known, n->word))
			distance = 3;
		else
			return;
	}
	if (!n->best || distance < n->distance) {
		n->best = known;
		n->distance = distance;
	}
}

const char *dt_nearest_phrase(const struct dt_nearest *n, char buf[DT_NEAREST_PHRASE_MAX])
{
	*buf = '\0';
	if (n->best)
		snprintf(buf, DT_NEAREST_PHRASE_MAX, " (did you mean %s?)", n->best);
	return buf;
}
