/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/decide/ids.h"

#include <stdbool.h>

static bool is_used(const struct dt_ids *ids, uint8_t id)
{
	return ids->used[id / 32] & 1U << id % 32;
}

uint8_t dt_ids_take(struct dt_ids *ids)
{
	for (unsigned i = 0; i < 255; i++) {
		uint8_t id = (uint8_t)((ids->last + i) % 255 + 1);

		if (is_used(ids, id))
			continue;
		ids->used[id / 32] |= 1U << id % 32;
		ids->last = id;
		return id;
	}
	return 0;
}

void dt_ids_mark(struct dt_ids *ids, uint8_t id)
{
	/* lower ids may have been used before, by subflows that ended: do not use them soon */
	if (!is_used(ids, id) && id > ids->last)
		ids->last = id;
	ids->used[id / 32] |= 1U << id % 32;
}

void dt_ids_free(struct dt_ids *ids, uint8_t id)
{
	ids->used[id / 32] &= ~(1U << id % 32);
}
