/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/memory.h"

#include <assert.h>
#include <stddef.h>
#include <unistd.h>

#include "base/log.h"

#define CLEANUPS_MAX 4

static struct {
	void (*run)(void *data);
	void *data;
} cleanups[CLEANUPS_MAX];
static size_t ncleanups;

void dt_memory_cleanup_add(void (*cleanup)(void *data), void *data)
{
	assert(ncleanups < CLEANUPS_MAX);
	cleanups[ncleanups].run = cleanup;
	cleanups[ncleanups].data = data;
	ncleanups++;
}

void dt_memory_cleanup_remove(void (*cleanup)(void *data), void *data)
{
	size_t kept = 0;

	for (size_t i = 0; i < ncleanups; i++)
		if (cleanups[i].run != cleanup || cleanups[i].data != data)
			cleanups[kept++] = cleanups[i];
	ncleanups = kept;
}

void dt_memory_exhausted(const char *what)
{
	dt_log_err("out of memory (%s): detourd stops; start it again once memory is free", what);
	/* counted down first, so that a clean-up that runs out itself does not start over */
	while (ncleanups) {
		ncleanups--;
		cleanups[ncleanups].run(cleanups[ncleanups].data);
	}
	_exit(1);
}
