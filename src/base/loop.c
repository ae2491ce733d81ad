/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/loop.h"

#include <stdlib.h>

#include "base/memory.h"

static void *or_end(void *memory, size_t size)
{
	if (!memory && size)
		dt_memory_exhausted("event loop");
	return memory;
}

static void *guarded_malloc(size_t size)
{
	return or_end(malloc(size), size);
}

static void *guarded_realloc(void *old, size_t size)
{
	return or_end(realloc(old, size), size);
}

static void *guarded_calloc(size_t count, size_t size)
{
	return or_end(calloc(count, size), count * size);
}

void dt_loop_guard_memory(void)
{
	uv_replace_allocator(guarded_malloc, guarded_realloc, guarded_calloc, free);
}
