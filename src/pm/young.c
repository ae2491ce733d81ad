/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Short connections are left alone: a join and a lease would cost more than they bring. */
#include <utlist.h>

#include "base/loop.h"
#include "pm/pm.h"

#define LOOK_MS 50
/* More than these at a time grow by their age alone. */
#define LOOKED_AT_MAX 512

static uint64_t moved(const struct dt_connection *c)
{
	struct dt_tcp_sample sample;

	if (dt_sock_diag_get(&c->pm->diag, &c->local, &c->remote, c->device, &sample) < 0)
		return 0;
	return sample.bytes_acked + sample.bytes_received;
}

static void growing_due(uv_timer_t *timer)
{
	struct dt_pm *pm = timer->data;
	uint64_t now_ns = dt_now_ns();
	struct dt_connection *c, *tmp;
	unsigned looked_at = 0;

	DL_FOREACH_SAFE2(pm->young, c, tmp, young_next) {
		struct dt_detour_after after = dt_connection_plan(c).after;
		bool old = after.ms != UINT64_MAX && now_ns - c->since_ns >= after.ms * DT_MS;

		if (!old && after.bytes != UINT64_MAX && looked_at++ < LOOKED_AT_MAX)
			old = moved(c) >= after.bytes;
		if (old) {
			dt_young_end(c);
			dt_detours_plan(c);
		}
	}
	if (pm->young)
		dt_timer_arm(timer, growing_due, LOOK_MS, 0);
}

void dt_young_begin(struct dt_connection *c)
{
	struct dt_detour_after after = dt_connection_plan(c).after;

	if (after.ms == 0 || after.bytes == 0) {
		dt_detours_plan(c);
		return;
	}
	c->young = true;
	DL_APPEND2(c->pm->young, c, young_prev, young_next);
	if (!uv_is_active((uv_handle_t *)&c->pm->growing))
		dt_timer_arm(&c->pm->growing, growing_due, LOOK_MS, 0);
}

void dt_young_end(struct dt_connection *c)
{
	if (c->young)
		DL_DELETE2(c->pm->young, c, young_prev, young_next);
	c->young = false;
}
