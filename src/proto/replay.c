/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/replay.h"

#include <string.h>

#define WORDS (DT_REPLAY_BITS / 64)
/* The newest word is only partly used, so the window is one word smaller than the bitmap. */
#define WINDOW (DT_REPLAY_BITS - 64)

bool dt_replay_accept(struct dt_replay *r, uint64_t counter)
{
	uint64_t word = counter / 64, newest_word = r->newest / 64, bit = 1ULL << counter % 64;

	if (counter == 0)
		return false;
	if (counter > r->newest) {
		uint64_t skip = word - newest_word;

		if (skip >= WORDS)
			memset(r->bitmap, 0, sizeof(r->bitmap));
		else
			for (uint64_t i = 1; i <= skip; i++)
				r->bitmap[(newest_word + i) % WORDS] = 0;
		r->newest = counter;
	} else if (r->newest - counter >= WINDOW) {
		return false;
	}
	if (r->bitmap[word % WORDS] & bit)
		return false;
	r->bitmap[word % WORDS] |= bit;
	return true;
}
