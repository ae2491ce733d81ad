/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/plan/run.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>
#include <uv.h>

#include "base/clock.h"
#include "base/loop.h"
#include "pm/plan/changes.h"
#include "pm/plan/choice.h"
#include "pm/plan/convert.h"
#include "pm/plan/detours.h"
#include "pm/plan/fade.h"
#include "pm/plan/plain.h"
#include "pm/plan/roam.h"
#include "pm/store/connection.h"
#include "pm/store/lease.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"
#include "pm/store/subflow.h"
#include "pm/store/todo.h"

/* Marks made while marks are taken are taken too, in so many passes. The rest waits for the next turn of the loop. */
#define PASSES 4

struct dt_runner {
	uv_check_t after_poll;
	uv_prepare_t before_sleep;
	uv_timer_t next_turn; /* keeps the loop from sleeping while marks are left */
	int handles;
};

/* A subflow that waited for settling, but was not joined now (its relay is down, say), waits for nothing any more. */
static void settled_end(struct dt_connection *c)
{
	struct dt_subflow *s;

	DL_FOREACH(c->subflows, s)
		if (s->state == DT_SUBFLOW_SETTLING && !uv_is_active((uv_handle_t *)&s->timer))
			s->state = DT_SUBFLOW_IDLE;
}

/* Begins the subflows that this connection lacks. */
static void connection_plan(struct dt_connection *c, uint64_t now_ns)
{
	unsigned unsure;

	if (c->foreign || dt_connection_stays_here(c))
		return;
	unsure = dt_detours_resolve(c, now_ns);
	if (c->young)
		return;
	dt_fade_plan(c);
	dt_plain_plan(c, now_ns);
	dt_detours_plan(c, unsure, now_ns);
	dt_roam_begin(c); /* asks the kernel for a route: the joins do not wait for it */
	settled_end(c);
}

static void relays_run(struct dt_pm *pm, uint64_t now_ns)
{
	if (!pm->todo.relays)
		return;
	pm->todo.relays = false;
	for (struct dt_pm_relay *relay = pm->relays; relay; relay = relay->next) {
		unsigned flags = relay->todo;

		relay->todo = 0;
		dt_changes_relay(relay, flags, now_ns);
	}
}

static void pass(struct dt_pm *pm, uint64_t now_ns)
{
	struct dt_pm_lease *lease;
	struct dt_connection *c;
	unsigned flags;

	flags = dt_todo_take_host(pm);
	if (flags)
		dt_changes_host(pm, flags, now_ns);
	relays_run(pm, now_ns);
	while ((lease = dt_todo_take_lease(pm, &flags)))
		dt_changes_lease(lease, flags, now_ns);
	/* connections marked meanwhile are at the end of the list, for the next pass */
	for (unsigned left = pm->todo.nconnections; left && (c = dt_todo_take_connection(pm, &flags)); left--) {
		dt_changes_connection(c, flags, now_ns);
		if (flags & DT_CONNECTION_PLAN)
			connection_plan(c, now_ns);
	}
}

static void again(uv_timer_t *timer)
{
	(void)timer; /* before_sleep() does the work */
}

static void run(struct dt_pm *pm)
{
	if (pm->early && !pm->stopping)
		dt_choice_look(pm, dt_now_ns());
	if (pm->conversions.due && !pm->stopping)
		dt_convert_plan(pm, dt_now_ns());
	for (unsigned i = 0; i < PASSES && !pm->stopping && !dt_todo_is_empty(&pm->todo); i++)
		pass(pm, dt_now_ns());
	if (!pm->stopping && !dt_todo_is_empty(&pm->todo))
		dt_timer_arm(&pm->runner->next_turn, again, 0, 0);
}

static void after_poll(uv_check_t *check)
{
	run(check->data);
}

static void before_sleep(uv_prepare_t *prepare)
{
	run(prepare->data);
}

int dt_run_open(struct dt_pm *pm)
{
	struct dt_runner *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	uv_check_init(pm->loop, &r->after_poll);
	uv_prepare_init(pm->loop, &r->before_sleep);
	uv_timer_init(pm->loop, &r->next_turn);
	r->after_poll.data = r->before_sleep.data = pm;
	uv_check_start(&r->after_poll, after_poll);
	uv_prepare_start(&r->before_sleep, before_sleep);
	pm->runner = r;
	return 0;
}

static void handle_closed(uv_handle_t *handle)
{
	struct dt_runner *r = handle->data;

	if (--r->handles == 0)
		free(r);
}

void dt_run_close(struct dt_pm *pm)
{
	struct dt_runner *r = pm->runner;
	uv_handle_t *handles[3];

	if (!r)
		return;
	handles[0] = (uv_handle_t *)&r->after_poll;
	handles[1] = (uv_handle_t *)&r->before_sleep;
	handles[2] = (uv_handle_t *)&r->next_turn;
	pm->runner = NULL;
	r->handles = 3;
	for (int i = 0; i < r->handles; i++) {
		handles[i]->data = r;
		uv_close(handles[i], handle_closed);
	}
}
