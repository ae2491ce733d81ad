/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/plan/pays.h"

#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "net/sock_diag.h"
#include "pm/conf/client_conf.h"
#include "pm/decide/pace.h"
#include "pm/kernel/arrivals.h"
#include "pm/store/connection.h"
#include "pm/store/conversion.h"
#include "pm/store/pm.h"
#include "pm/store/subflow.h"

#define MOVED_NS (2 * DT_SEC) /* a rate is that of now */
#define IDLE_NS (30 * DT_SEC) /* a plain connection on which nothing moves is looked at no more */

static void rates_add(const struct dt_pm *pm, const struct dt_endpoint *local, const struct dt_endpoint *remote,
		      double bps[2], uint64_t now_ns)
{
	struct dt_arrival a;

	if (!dt_arrivals_get(pm->arrivals, local, remote, &a) || !a.moved_ns || now_ns - a.moved_ns > MOVED_NS)
		return;
	bps[0] += (double)a.rate_bps;
	bps[1] += (double)a.sent_bps;
}

/* What this one adds. */
static double moved_add(const struct dt_pm *pm, const struct dt_endpoint *local, const struct dt_endpoint *remote,
			struct dt_worth_moved *moved, uint64_t now_ns)
{
	double before = moved->bps[0] + moved->bps[1];

	rates_add(pm, local, remote, moved->bps, now_ns);
	return moved->bps[0] + moved->bps[1] - before;
}

/* A connection whose fastest path pauses could move more. */
static void converted_sum(const struct dt_connection *c, struct dt_worth_moved *moved, uint64_t now_ns)
{
	bool slack = dt_pace_has_slack(&c->direct_pace);
	double best = 0, rate;
	const struct dt_subflow *s;

	if (c->direct_established)
		best = moved_add(c->pm, &c->local, &c->remote, moved, now_ns);
	DL_FOREACH(c->subflows, s) {
		rate = s->state == DT_SUBFLOW_ESTABLISHED ? moved_add(c->pm, &s->local, &s->remote, moved, now_ns) : 0;
		if (rate <= best)
			continue;
		best = rate;
		slack = dt_pace_has_slack(&s->pace);
	}
	moved->is_full = moved->is_full || (best > 0 && !slack);
}

/* The policy does it for its own connections. */
static void paces_reset(struct dt_connection *c)
{
	struct dt_subflow *s;

	dt_pace_reset(&c->direct_pace);
	DL_FOREACH(c->subflows, s)
		dt_pace_reset(&s->pace);
}

/* They are no connections of ours, so nothing else looks at them. False: it ended, or nothing moves on it. */
static bool plain_add(struct dt_pm *pm, struct dt_conversion_plain *plain, const struct dt_endpoint *server,
		      struct dt_worth_moved *moved, uint64_t now_ns)
{
	double passed_s = (double)(now_ns - plain->looked_ns) / DT_SEC;
	struct dt_tcp_sample sample;
	uint64_t bytes[2];

	if (dt_sock_diag_get(&pm->diag, &plain->local, server, 0, &sample) < 0)
		return false;
	bytes[0] = sample.bytes_received;
	bytes[1] = sample.bytes_acked;
	for (int dir = 0; dir < 2; dir++) {
		if (plain->looked_ns && passed_s > 0 && bytes[dir] > plain->bytes[dir]) {
			moved->bps[dir] += (double)(bytes[dir] - plain->bytes[dir]) * 8 / passed_s;
			plain->moved_ns = now_ns;
			/* of what arrives nothing tells whether the server had more */
			moved->is_full = moved->is_full || dir == 0 || !sample.program_waits;
		}
		plain->bytes[dir] = bytes[dir];
	}
	plain->looked_ns = now_ns;
	return now_ns - plain->moved_ns < IDLE_NS;
}

static void direct_sum(struct dt_pm *pm, struct dt_conversion *v, uint64_t now_ns)
{
	struct dt_endpoint server = dt_conversion_server(v);

	for (size_t i = 0; i < DT_CONVERSION_DIRECT; i++)
		if (v->direct[i].local.port &&
		    !plain_add(pm, &v->direct[i], &server, &v->moved[DT_WORTH_DIRECT], now_ns))
			v->direct[i].local.port = 0;
}

void dt_pays_sample(struct dt_pm *pm, uint64_t now_ns)
{
	struct dt_connection *c, *tmp;
	struct dt_conversion *v;

	if (!pm->conversions.all)
		return;
	for (v = pm->conversions.all; v; v = v->hh.next)
		memset(v->moved, 0, sizeof(v->moved));
	HASH_ITER(hh, pm->connections, c, tmp) {
		v = *c->converter ? dt_conversion_of(pm, &c->server) : NULL;
		if (!v)
			continue;
		converted_sum(c, &v->moved[DT_WORTH_CONVERTED], now_ns);
		if (!pm->config->choose_measured)
			paces_reset(c);
	}
	for (v = pm->conversions.all; v; v = v->hh.next) {
		direct_sum(pm, v, now_ns);
		dt_worth_second(&v->worth, v->moved, now_ns);
	}
}
