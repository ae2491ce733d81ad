/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arrays that grow by one item at a time. */
#ifndef DETOURD_BASE_ARRAY_H
#define DETOURD_BASE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/*
 * Appends a copy of item to the array of *count items of size bytes; array_ptr points to the array's pointer. Room
 * doubles whenever *count is a power of two, so the array must never be appended to in another way. False: out of
 * memory, nothing changed.
 */
static inline bool dt_array_append(void *array_ptr, size_t *count, size_t size, const void *item)
{
	void **array = array_ptr;
	char *grown = *array;

	if ((*count & (*count - 1)) == 0)
		grown = reallocarray(*array, *count ? 2 * *count : 1, size);
	if (!grown)
		return false;
	memcpy(grown + *count * size, item, size);
	*array = grown;
	(*count)++;
	return true;
}

#endif
