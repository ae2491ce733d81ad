/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Those functions of libuv that the path manager uses, in virtual time and for one loop. A turn is libuv's: timers,
 * prepare, poll (where time passes), check, closing. A function that is missing here fails to link: libuv is not.
 */
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "world.h"

#define ACTIVE 1U
#define CLOSING 2U
/* So many timers of one moment, or turns without a pause: it spins. */
#define SPINS 1000000

static uv_timer_t **heap;
static size_t ntimers, timers_room;
static uint64_t starts;

static uv_handle_t **others; /* polls, prepares, checks, idles */
static size_t nothers, others_room;

static uv_handle_t *closing;
static size_t handles;

static void init(uv_loop_t *loop, uv_handle_t *h, uv_handle_type type)
{
	void *data = h->data; /* libuv leaves it alone */

	h->loop = loop;
	h->type = type;
	h->flags = 0;
	h->close_cb = NULL;
	h->next_closing = NULL;
	h->data = data;
	handles++;
}

size_t loop_handles(void)
{
	return handles;
}

int uv_is_active(const uv_handle_t *h)
{
	return (h->flags & ACTIVE) != 0;
}

int uv_is_closing(const uv_handle_t *h)
{
	return (h->flags & CLOSING) != 0;
}

void uv_ref(uv_handle_t *h)
{
}

void uv_unref(uv_handle_t *h)
{
}

/* --- timers ------------------------------------------------------------------------------------ */

static bool before(const uv_timer_t *a, const uv_timer_t *b)
{
	return a->timeout < b->timeout || (a->timeout == b->timeout && a->start_id < b->start_id);
}

static void put(size_t at, uv_timer_t *t)
{
	heap[at] = t;
	t->heap_node[0] = (void *)at;
}

static void sift_up(size_t at)
{
	uv_timer_t *t = heap[at];

	for (; at && before(t, heap[(at - 1) / 2]); at = (at - 1) / 2)
		put(at, heap[(at - 1) / 2]);
	put(at, t);
}

static void sift_down(size_t at)
{
	uv_timer_t *t = heap[at];
	size_t child;

	while ((child = 2 * at + 1) < ntimers) {
		if (child + 1 < ntimers && before(heap[child + 1], heap[child]))
			child++;
		if (!before(heap[child], t))
			break;
		put(at, heap[child]);
		at = child;
	}
	put(at, t);
}

int uv_timer_init(uv_loop_t *loop, uv_timer_t *t)
{
	init(loop, (uv_handle_t *)t, UV_TIMER);
	t->timer_cb = NULL;
	t->timeout = t->repeat = 0;
	return 0;
}

int uv_timer_stop(uv_timer_t *t)
{
	size_t at = (size_t)t->heap_node[0];

	if (!(t->flags & ACTIVE))
		return 0;
	t->flags &= ~ACTIVE;
	if (at == --ntimers)
		return 0;
	put(at, heap[ntimers]);
	sift_up(at);
	sift_down((size_t)heap[at]->heap_node[0]);
	return 0;
}

int uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout, uint64_t repeat)
{
	if (t->flags & CLOSING || !cb)
		return UV_EINVAL;
	uv_timer_stop(t);
	t->timer_cb = cb;
	t->timeout = t->loop->time + timeout;
	t->repeat = repeat;
	t->start_id = starts++;
	t->flags |= ACTIVE;
	if (ntimers == timers_room) {
		timers_room = timers_room ? timers_room * 2 : 64;
		heap = realloc(heap, timers_room * sizeof(*heap));
		if (!heap)
			abort();
	}
	put(ntimers, t);
	sift_up(ntimers++);
	return 0;
}

int uv_timer_again(uv_timer_t *t)
{
	return t->repeat ? uv_timer_start(t, t->timer_cb, t->repeat, t->repeat) : 0;
}

static void timers_run(uv_loop_t *loop)
{
	unsigned count = 0;

	while (ntimers && heap[0]->timeout <= loop->time) {
		uv_timer_t *t = heap[0];

		if (++count > SPINS)
			abort();
		uv_timer_stop(t);
		uv_timer_again(t);
		t->timer_cb(t);
	}
}

/* --- polls, prepares, checks ------------------------------------------------------------------- */

static void other_add(uv_loop_t *loop, uv_handle_t *h, uv_handle_type type)
{
	init(loop, h, type);
	if (nothers == others_room) {
		others_room = others_room ? others_room * 2 : 64;
		others = realloc(others, others_room * sizeof(*others));
		if (!others)
			abort();
	}
	others[nothers++] = h;
}

static void other_remove(const uv_handle_t *h)
{
	for (size_t i = 0; i < nothers; i++)
		if (others[i] == h) {
			memmove(&others[i], &others[i + 1], (--nothers - i) * sizeof(*others));
			return;
		}
}

int uv_poll_init(uv_loop_t *loop, uv_poll_t *poll, int fd)
{
	other_add(loop, (uv_handle_t *)poll, UV_POLL);
	poll->io_watcher.fd = fd;
	return 0;
}

int uv_poll_start(uv_poll_t *poll, int events, uv_poll_cb cb)
{
	if (poll->flags & CLOSING)
		return UV_EINVAL;
	poll->poll_cb = cb;
	poll->flags |= ACTIVE;
	return 0;
}

int uv_poll_stop(uv_poll_t *poll)
{
	poll->flags &= ~ACTIVE;
	return 0;
}

#define SIMPLE(name, NAME)                                         \
	int uv_##name##_init(uv_loop_t *loop, uv_##name##_t *h)    \
	{                                                          \
		other_add(loop, (uv_handle_t *)h, NAME);           \
		return 0;                                          \
	}                                                          \
	int uv_##name##_start(uv_##name##_t *h, uv_##name##_cb cb) \
	{                                                          \
		if (h->flags & CLOSING || !cb)                     \
			return UV_EINVAL;                          \
		h->name##_cb = cb;                                 \
		h->flags |= ACTIVE;                                \
		return 0;                                          \
	}                                                          \
	int uv_##name##_stop(uv_##name##_t *h)                     \
	{                                                          \
		h->flags &= ~ACTIVE;                               \
		return 0;                                          \
	}
SIMPLE(prepare, UV_PREPARE)
SIMPLE(check, UV_CHECK)
SIMPLE(idle, UV_IDLE)

static void simple_call(uv_handle_t *h)
{
	switch (h->type) {
	case UV_PREPARE:
		((uv_prepare_t *)h)->prepare_cb((uv_prepare_t *)h);
		break;
	case UV_CHECK:
		((uv_check_t *)h)->check_cb((uv_check_t *)h);
		break;
	case UV_IDLE:
		((uv_idle_t *)h)->idle_cb((uv_idle_t *)h);
		break;
	default:
		abort();
	}
}

/* The callback may add and remove handles: each is looked for anew. */
static void simple_run(uv_handle_type type)
{
	for (size_t i = 0; i < nothers; i++)
		if (others[i]->type == type && others[i]->flags & ACTIVE)
			simple_call(others[i]);
}

static bool poll_is_due(const uv_handle_t *h)
{
	return h->type == UV_POLL && h->flags & ACTIVE && fake_fd_readable(((const uv_poll_t *)h)->io_watcher.fd);
}

static bool any_poll_due(void)
{
	for (size_t i = 0; i < nothers; i++)
		if (poll_is_due(others[i]))
			return true;
	return false;
}

static bool any_idle(void)
{
	for (size_t i = 0; i < nothers; i++)
		if (others[i]->type == UV_IDLE && others[i]->flags & ACTIVE)
			return true;
	return false;
}

static void poll_call(uv_poll_t *poll)
{
	bool failed = fake_fd_failure_take(poll->io_watcher.fd);

	if (failed)
		uv_poll_stop(poll);
	poll->poll_cb(poll, failed ? UV_EBADF : 0, failed ? 0 : UV_READABLE);
}

static void polls_run(void)
{
	for (size_t i = 0; i < nothers; i++)
		if (poll_is_due(others[i]))
			poll_call((uv_poll_t *)others[i]);
}

/* --- closing ----------------------------------------------------------------------------------- */

void uv_close(uv_handle_t *h, uv_close_cb cb)
{
	if (h->flags & CLOSING)
		abort(); /* libuv asserts so too */
	if (h->type == UV_TIMER)
		uv_timer_stop((uv_timer_t *)h);
	else
		other_remove(h);
	h->flags = (h->flags & ~ACTIVE) | CLOSING;
	h->close_cb = cb;
	h->next_closing = closing;
	closing = h;
}

static void closing_run(void)
{
	uv_handle_t *h = closing, *next;

	closing = NULL;
	for (; h; h = next) {
		next = h->next_closing;
		handles--;
		if (h->close_cb)
			h->close_cb(h);
	}
}

/* --- the loop ---------------------------------------------------------------------------------- */

void uv_update_time(uv_loop_t *loop)
{
	loop->time = world_now() / DT_MS;
}

uint64_t uv_now(const uv_loop_t *loop)
{
	return loop->time;
}

uint64_t uv_hrtime(void)
{
	return world_now();
}

int uv_loop_init(uv_loop_t *loop)
{
	memset(loop, 0, sizeof(*loop));
	uv_update_time(loop);
	return 0;
}

int uv_loop_close(uv_loop_t *loop)
{
	return handles ? UV_EBUSY : 0;
}

static uint64_t wake_ns(void)
{
	uint64_t timer_ns = ntimers ? heap[0]->timeout * DT_MS : DT_NEVER, world_ns = world_next_ns();
	uint64_t at_ns = timer_ns < world_ns ? timer_ns : world_ns;

	return closing || any_idle() || any_poll_due() || at_ns < world_now() ? world_now() : at_ns;
}

void loop_finish_turn(void)
{
	simple_run(UV_CHECK);
	closing_run();
}

void loop_run(uv_loop_t *loop, uint64_t for_ns)
{
	uint64_t until_ns = world_now() + for_ns, last_ns = 0;
	unsigned still = 0;

	for (;;) {
		uint64_t at_ns;

		still = world_now() == last_ns ? still + 1 : 0;
		if (still > SPINS)
			abort();
		last_ns = world_now();
		uv_update_time(loop);
		timers_run(loop);
		simple_run(UV_IDLE);
		simple_run(UV_PREPARE);
		at_ns = wake_ns();
		if (at_ns > until_ns) {
			world_advance(until_ns);
			return;
		}
		world_advance(at_ns);
		uv_update_time(loop);
		polls_run();
		loop_finish_turn();
	}
}

void loop_forget(void)
{
	free(heap);
	free(others);
	heap = NULL;
	others = NULL;
	ntimers = timers_room = nothers = others_room = handles = 0;
	closing = NULL;
}
