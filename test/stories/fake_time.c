/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual time: the product's clocks read it, and what is to happen later waits for it. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "world.h"

/* The clock does not begin at a full millisecond: what is rounded the wrong way shows. */
#define BEGIN_NS (100000 * DT_SEC + 400 * DT_US)
#define REAL_S 1800000000

struct event {
	uint64_t at_ns;
	uint64_t number;
	world_fn fn;
	void *data;
};

static uint64_t now_ns = BEGIN_NS;
static struct event *heap;
static size_t used, room;
static uint64_t numbers;

int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
time_t __wrap_time(time_t *out);

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	ts->tv_sec = (time_t)(now_ns / DT_SEC);
	ts->tv_nsec = (long)(now_ns % DT_SEC);
	if (id == CLOCK_REALTIME)
		ts->tv_sec += REAL_S;
	return 0;
}

time_t __wrap_time(time_t *out)
{
	time_t t = (time_t)(now_ns / DT_SEC) + REAL_S;

	if (out)
		*out = t;
	return t;
}

uint64_t world_now(void)
{
	return now_ns;
}

static bool before(const struct event *a, const struct event *b)
{
	return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->number < b->number);
}

static void swap(size_t a, size_t b)
{
	struct event e = heap[a];

	heap[a] = heap[b];
	heap[b] = e;
}

void world_after(uint64_t delay_ns, world_fn fn, void *data)
{
	size_t at = used++;

	if (used > room) {
		room = room ? room * 2 : 256;
		heap = realloc(heap, room * sizeof(*heap));
		if (!heap)
			abort();
	}
	heap[at] = (struct event){now_ns + delay_ns, numbers++, fn, data};
	for (; at && before(&heap[at], &heap[(at - 1) / 2]); at = (at - 1) / 2)
		swap(at, (at - 1) / 2);
}

static struct event first_take(void)
{
	struct event first = heap[0];
	size_t at = 0, child;

	heap[0] = heap[--used];
	while ((child = 2 * at + 1) < used) {
		if (child + 1 < used && before(&heap[child + 1], &heap[child]))
			child++;
		if (!before(&heap[child], &heap[at]))
			break;
		swap(at, child);
		at = child;
	}
	return first;
}

uint64_t world_next_ns(void)
{
	return used ? heap[0].at_ns : DT_NEVER;
}

void world_advance(uint64_t to_ns)
{
	while (used && heap[0].at_ns <= to_ns) {
		struct event e = first_take();

		if (e.at_ns > now_ns)
			now_ns = e.at_ns;
		e.fn(e.data);
	}
	if (to_ns > now_ns)
		now_ns = to_ns;
}

void world_spend(uint64_t ns)
{
	now_ns += ns;
}

void world_forget(void)
{
	while (used)
		free(first_take().data);
	free(heap);
	heap = NULL;
	room = 0;
}
