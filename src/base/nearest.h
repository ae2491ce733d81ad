/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What somebody may have meant by a word that is unknown. */
#ifndef DETOURD_BASE_NEAREST_H
#define DETOURD_BASE_NEAREST_H

/* Begins with the word, the rest zero; the known words are offered one by one. */
struct dt_nearest {
	const char *word;
	const char *best; /* the nearest yet, as it was offered; NULL: none is near */
	unsigned distance;
};

/*
 * Takes known as the best if it is nearer than those before. Near is: a few letters wrong, missing, too many or swapped
 * (one in three), or only the beginning or a part of it. Case does not matter, and _ is as -.
 */
void dt_nearest_offer(struct dt_nearest *n, const char *known);
/* " (did you mean WORD?)", or "" if none is near. Returns buf. */
#define DT_NEAREST_PHRASE_MAX 64
const char *dt_nearest_phrase(const struct dt_nearest *n, char buf[DT_NEAREST_PHRASE_MAX]);

#endif
