/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/events/young.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "net/sock_diag.h"
#include "pm/store/connection.h"
#include "pm/store/pm.h"
#include "pm/store/todo.h"

#define LOOK_MS 50
/* Most connections whose bytes are asked for in one look; for the others only age counts. */
#define LOOKED_AT_MAX 512

struct dt_growing {
	struct dt_connection *connection;
	struct dt_growing *prev, *next;
};

struct dt_youth {
	struct dt_growing *all;
	uv_timer_t timer;
};

static uint64_t moved(const struct dt_connection *c)
{
	struct dt_tcp_sample sample;

	if (dt_sock_diag_get(&c->pm->diag, &c->local, &c->remote, c->device, &sample) < 0)
		return 0;
	return sample.bytes_acked + sample.bytes_received;
}

static bool has_grown(const struct dt_connection *c, unsigned *looked_at, uint64_t now_ns)
{
	struct dt_detour_after after = dt_connection_plan(c).after;

	if (after.ms != UINT64_MAX && now_ns - c->since_ns >= after.ms * DT_MS)
		return true;
	return after.bytes != UINT64_MAX && (*looked_at)++ < LOOKED_AT_MAX && moved(c) >= after.bytes;
}

static void growing_due(uv_timer_t *timer)
{
	struct dt_youth *youth = timer->data;
	uint64_t now_ns = dt_now_ns();
	struct dt_growing *g, *tmp;
	unsigned looked_at = 0;

	DL_FOREACH_SAFE(youth->all, g, tmp) {
		struct dt_connection *c = g->connection;

		if (!has_grown(c, &looked_at, now_ns))
			continue;
		dt_young_end(c);
		dt_todo_connection(c, DT_CONNECTION_PLAN);
	}
	if (youth->all)
		dt_timer_arm(timer, growing_due, LOOK_MS, 0);
}

void dt_young_begin(struct dt_connection *c)
{
	struct dt_detour_after after = dt_connection_plan(c).after;
	struct dt_youth *youth = c->pm->youth;

	if (after.ms && after.bytes)
		c->young = calloc(1, sizeof(*c->young));
	if (!c->young) { /* planned at once; also if out of memory */
		dt_todo_connection(c, DT_CONNECTION_PLAN);
		return;
	}
	c->young->connection = c;
	DL_APPEND(youth->all, c->young);
	if (!uv_is_active((uv_handle_t *)&youth->timer))
		dt_timer_arm(&youth->timer, growing_due, LOOK_MS, 0);
}

void dt_young_end(struct dt_connection *c)
{
	if (!c->young)
		return;
	DL_DELETE(c->pm->youth->all, c->young);
	free(c->young);
	c->young = NULL;
}

int dt_young_open(struct dt_pm *pm)
{
	pm->youth = calloc(1, sizeof(*pm->youth));
	if (!pm->youth)
		return -ENOMEM;
	uv_timer_init(pm->loop, &pm->youth->timer);
	pm->youth->timer.data = pm->youth;
	return 0;
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void dt_young_close(struct dt_pm *pm)
{
	if (!pm->youth)
		return;
	uv_close((uv_handle_t *)&pm->youth->timer, timer_closed);
	pm->youth = NULL;
}
