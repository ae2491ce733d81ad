/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds items of an array by what they contain, where base/hash.h will not do: out of memory is an error that the caller
 * can return. Only for what the owner of this host wrote: the hash is no secret.
 */
#ifndef DETOURD_BASE_INDEX_H
#define DETOURD_BASE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct dt_index_slot {
	uint64_t hash;
	size_t number; /* 1 + the position in the array; 0: free */
};

/* Zeroed: empty. */
struct dt_index {
	struct dt_index_slot *slots;
	size_t room, count; /* room is a power of two, or 0 */
};

/* FNV-1a */
static inline uint64_t dt_index_hash(const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint64_t hash = 0xcbf29ce484222325ULL;

	while (len--)
		hash = (hash ^ *bytes++) * 0x100000001b3ULL;
	return hash;
}

/* The next item that may be the one looked for: *position, which the caller compares. *probe is 0 at first. False: none. */
static inline bool dt_index_next(const struct dt_index *x, uint64_t hash, size_t *probe, size_t *position)
{
	while (x->room) {
		const struct dt_index_slot *slot = &x->slots[(hash + (*probe)++) & (x->room - 1)];

		if (!slot->number)
			break;
		*position = slot->number - 1;
		if (slot->hash == hash)
			return true;
	}
	return false;
}

static inline void dt_index_put(struct dt_index *x, uint64_t hash, size_t number)
{
	size_t at = hash & (x->room - 1);

	while (x->slots[at].number)
		at = (at + 1) & (x->room - 1);
	x->slots[at] = (struct dt_index_slot){hash, number};
	x->count++;
}

/* False: out of memory, nothing changed. */
static inline bool dt_index_add(struct dt_index *x, uint64_t hash, size_t position)
{
	struct dt_index grown = {.room = x->room ? 2 * x->room : 16};

	if (2 * x->count >= x->room) {
		grown.slots = calloc(grown.room, sizeof(*grown.slots));
		if (!grown.slots)
			return false;
		for (size_t i = 0; i < x->room; i++)
			if (x->slots[i].number)
				dt_index_put(&grown, x->slots[i].hash, x->slots[i].number);
		free(x->slots);
		*x = grown;
	}
	dt_index_put(x, hash, position + 1);
	return true;
}

static inline void dt_index_fini(struct dt_index *x)
{
	free(x->slots);
	*x = (struct dt_index){0};
}

#endif
