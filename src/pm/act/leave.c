/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/act/leave.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>
#include <uv.h>

#include "base/clock.h"
#include "base/loop.h"
#include "net/mptcp_mib.h"
#include "pm/act/tell.h"
#include "pm/store/connection.h"
#include "pm/store/pm.h"
#include "pm/store/subflow.h"

/* Pause between two RM_ADDRs of one connection, and how often the timer looks. Timers are up to a millisecond early. */
#define LEAVING_NS (99 * DT_MS)
#define LOOK_MS 50

/* The server is told again so often, with pauses that double. */
#define TRIES_MAX 6
/* ... and once more in any case of the initial one, after this time, when the queues of the other paths have gone down. */
#define INITIAL_AGAIN_NS (2 * LEAVING_NS)

/* A subflow that was given up: its socket is still open, or the server has not heard of its end. */
struct departure {
	uint8_t id;
	bool closed;	 /* its socket is closed, and the server is told again */
	bool told;	 /* ... though it was told before */
	unsigned tries;	 /* to tell it again */
	uint64_t due_ns; /* of the next try */
	struct dt_endpoint local, remote;
	struct departure *prev, *next;
};

/*
 * Those of one connection. They are closed one after the other, because the kernel sends RM_ADDR only while the socket
 * exists, and the server drops a RM_ADDR until it has handled the last one.
 */
struct dt_leaving {
	struct dt_connection *connection;
	struct departure *departures;
	struct dt_leaving *prev, *next;
};

struct dt_leavings {
	struct dt_leaving *all;
	uv_timer_t timer;
};

/* The next one; sockets that are still open come first. NULL: none is due. */
static struct departure *departure_due(const struct dt_leaving *l, uint64_t now_ns)
{
	struct departure *d, *again = NULL;

	DL_FOREACH(l->departures, d) {
		if (!d->closed)
			return d;
		if (!again && now_ns >= d->due_ns)
			again = d;
	}
	return again;
}

static void departure_free(struct dt_leaving *l, struct departure *d)
{
	dt_ids_free(&l->connection->ids, d->id);
	DL_DELETE(l->departures, d);
	free(d);
}

/* True: the server has been told. */
static bool socket_end(struct dt_connection *c, uint8_t id, const struct dt_endpoint *local,
		       const struct dt_endpoint *remote)
{
	bool told = dt_tell_end(c, id, local, remote);

	if (!told)
		c->pm->counters[DT_PM_ENDS_UNTOLD]++;
	return told;
}

/* True: the server has been told. */
static bool departure_close(struct dt_connection *c, struct departure *d, uint64_t now_ns)
{
	d->closed = true;
	d->due_ns = now_ns + LEAVING_NS;
	return socket_end(c, d->id, &d->local, &d->remote);
}

/* Closes it, or tells the server again. True: nothing is left to be done. */
static bool depart(struct dt_connection *c, struct departure *d, uint64_t now_ns)
{
	if (!d->closed)
		return departure_close(c, d, now_ns);
	if (dt_tell_again(c, d->id)) {
		c->pm->counters[DT_PM_ENDS_TOLD_AGAIN] += !d->told;
		return true;
	}
	d->due_ns = now_ns + (LEAVING_NS << ++d->tries);
	return d->tries == TRIES_MAX;
}

static void leaving_free(struct dt_leaving *l)
{
	DL_DELETE(l->connection->pm->leavings->all, l);
	l->connection->leaving = NULL;
	free(l);
}

/* Takes the next one if the last was long enough ago. May free l. */
static void leaving_next(struct dt_leaving *l, uint64_t now_ns)
{
	struct dt_connection *c = l->connection;
	struct departure *d = now_ns - c->left_ns >= LEAVING_NS ? departure_due(l, now_ns) : NULL;

	if (!d)
		return;
	c->left_ns = now_ns;
	if (depart(c, d, now_ns))
		departure_free(l, d);
	if (!l->departures)
		leaving_free(l);
}

static void leaving_due(uv_timer_t *timer)
{
	struct dt_leavings *leavings = timer->data;
	uint64_t now_ns = dt_now_ns();
	struct dt_leaving *l, *tmp;

	DL_FOREACH_SAFE(leavings->all, l, tmp)
		leaving_next(l, now_ns);
	if (leavings->all)
		dt_timer_arm(timer, leaving_due, LOOK_MS, 0);
}

/* The connection's list, created on first use. NULL: out of memory. */
static struct dt_leaving *leaving_of(struct dt_connection *c)
{
	if (c->leaving)
		return c->leaving;
	c->leaving = calloc(1, sizeof(*c->leaving));
	if (!c->leaving)
		return NULL;
	c->leaving->connection = c;
	DL_APPEND(c->pm->leavings->all, c->leaving);
	return c->leaving;
}

static void leaving_arm(struct dt_connection *c)
{
	uv_timer_t *timer = &c->pm->leavings->timer;

	if (c->leaving && !uv_is_active((uv_handle_t *)timer))
		dt_timer_arm(timer, leaving_due, LOOK_MS, 0);
}

void dt_leave_subflow(struct dt_subflow *s)
{
	struct dt_connection *c = s->connection;
	struct departure *d = calloc(1, sizeof(*d));
	struct dt_leaving *l = d ? leaving_of(c) : NULL;
	uint64_t now_ns = dt_now_ns();

	if (!l) { /* out of memory: close at once, though the server may drop the RM_ADDR */
		free(d);
		socket_end(c, s->id, &s->local, &s->remote);
		dt_ids_free(&c->ids, s->id);
		return;
	}
	d->id = s->id;
	d->local = s->local;
	d->remote = s->remote;
	DL_APPEND(l->departures, d);
	leaving_next(l, now_ns);
	leaving_arm(c);
}

/*
 * RM_ADDR is not repeated by the kernel, and those of the initial subflow are sent within a moment: a full queue loses
 * them all, and the server would keep its half. Out of memory: it is told once less.
 */
static void initial_again(struct dt_connection *c, bool told, uint64_t now_ns)
{
	struct departure *d = calloc(1, sizeof(*d));
	struct dt_leaving *l = d ? leaving_of(c) : NULL;

	if (!l) {
		free(d);
		return;
	}
	d->closed = true;
	d->told = told;
	d->due_ns = now_ns + INITIAL_AGAIN_NS;
	DL_APPEND(l->departures, d);
	leaving_arm(c);
}

void dt_leave_direct(struct dt_connection *c)
{
	uint64_t now_ns = dt_now_ns();
	struct departure *d;

	/*
	 * RM_ADDR would go over those that are still open. The server is told again of them, but cannot be told again of
	 * the initial one.
	 */
	if (c->leaving) {
		DL_FOREACH(c->leaving->departures, d)
			if (!d->closed)
				departure_close(c, d, now_ns);
		c->left_ns = now_ns;
	}
	initial_again(c, socket_end(c, 0, &c->local, &c->remote), now_ns);
}

bool dt_leave_is_leaving(const struct dt_connection *c, uint8_t id)
{
	const struct departure *d;

	if (c->leaving)
		DL_FOREACH(c->leaving->departures, d)
			if (d->id == id)
				return true;
	return false;
}

void dt_leave_at_once(struct dt_connection *c)
{
	struct departure *d, *tmp;

	if (!c->leaving)
		return;
	DL_FOREACH_SAFE(c->leaving->departures, d, tmp) {
		if (!d->closed)
			socket_end(c, d->id, &d->local, &d->remote);
		departure_free(c->leaving, d);
	}
	leaving_free(c->leaving);
}

int dt_leave_open(struct dt_pm *pm)
{
	pm->leavings = calloc(1, sizeof(*pm->leavings));
	if (!pm->leavings)
		return -ENOMEM;
	uv_timer_init(pm->loop, &pm->leavings->timer);
	pm->leavings->timer.data = pm->leavings;
	pm->mib_fd = dt_mptcp_mib_open();
	return 0;
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void dt_leave_close(struct dt_pm *pm)
{
	if (!pm->leavings)
		return;
	if (pm->mib_fd >= 0)
		close(pm->mib_fd);
	uv_close((uv_handle_t *)&pm->leavings->timer, timer_closed);
	pm->leavings = NULL;
}
