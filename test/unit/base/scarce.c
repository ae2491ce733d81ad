/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/scarce.h"

#include <errno.h>
#include <stddef.h>

#include "base/leftover.h"

static bool scarce, refused;
static unsigned left;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
char *__wrap_strdup(const char *text);

void scarce_begin(unsigned allocations)
{
	scarce = true;
	refused = false;
	left = allocations;
}

bool scarce_end(void)
{
	scarce = false;
	return refused;
}

static bool allowed(void)
{
	if (!scarce || refused)
		return true;
	if (left) {
		left--;
		return true;
	}
	refused = true;
	errno = ENOMEM;
	return false;
}

void *__wrap_malloc(size_t size)
{
	return allowed() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return allowed() ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *old, size_t size)
{
	leftover_look(old);
	return allowed() ? __real_realloc(old, size) : NULL;
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	leftover_look(old);
	return allowed() ? __real_reallocarray(old, count, size) : NULL;
}

char *__wrap_strdup(const char *text)
{
	return allowed() ? __real_strdup(text) : NULL;
}
