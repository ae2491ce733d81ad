/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/strangers.h"

#include <string.h>

/* The same key's place, else the one to give up: of those that asked least often, the one that asked longest ago. */
static struct dt_stranger *place_find(struct dt_strangers *s, const uint8_t key_id[DT_KEY_ID_LEN])
{
	struct dt_stranger *least = &s->list[0];

	for (size_t i = 0; i < DT_STRANGERS; i++) {
		struct dt_stranger *one = &s->list[i];

		if (one->count && memcmp(one->key_id, key_id, DT_KEY_ID_LEN) == 0)
			return one;
		if (one->count < least->count || (one->count == least->count && one->last_ns < least->last_ns))
			least = one;
	}
	memset(least, 0, sizeof(*least));
	memcpy(least->key_id, key_id, DT_KEY_ID_LEN);
	return least;
}

const struct dt_stranger *dt_strangers_note(struct dt_strangers *s, const uint8_t key_id[DT_KEY_ID_LEN],
					    const struct dt_endpoint *from, uint64_t now_ns)
{
	struct dt_stranger *one = place_find(s, key_id);

	one->from = *from;
	one->last_ns = now_ns;
	one->count++;
	return one;
}
