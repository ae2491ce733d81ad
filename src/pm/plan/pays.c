/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/plan/pays.h"

#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "net/sock_diag.h"
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

static void converted_sum(const struct dt_connection *c, double bps[2], uint64_t now_ns)
{
	const struct dt_subflow *s;

	if (c->direct_established)
		rates_add(c->pm, &c->local, &c->remote, bps, now_ns);
	DL_FOREACH(c->subflows, s)
		if (s->state == DT_SUBFLOW_ESTABLISHED)
			rates_add(c->pm, &s->local, &s->remote, bps, now_ns);
}

/* They are no connections of ours, so nothing else looks at them. False: it ended, or nothing moves on it. */
static bool plain_add(struct dt_pm *pm, struct dt_conversion_plain *plain, const struct dt_endpoint *server,
		      double bps[2], uint64_t now_ns)
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
			bps[dir] += (double)(bytes[dir] - plain->bytes[dir]) * 8 / passed_s;
			plain->moved_ns = now_ns;
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
		if (v->direct[i].local.port && !plain_add(pm, &v->direct[i], &server, v->bps[DT_WORTH_DIRECT], now_ns))
			v->direct[i].local.port = 0;
}

void dt_pays_sample(struct dt_pm *pm, uint64_t now_ns)
{
	struct dt_connection *c, *tmp;
	struct dt_conversion *v;

	if (!pm->conversions.all)
		return;
	for (v = pm->conversions.all; v; v = v->hh.next)
		memset(v->bps, 0, sizeof(v->bps));
	HASH_ITER(hh, pm->connections, c, tmp) {
		v = *c->converter ? dt_conversion_of(pm, &c->server) : NULL;
		if (v)
			converted_sum(c, v->bps[DT_WORTH_CONVERTED], now_ns);
	}
	for (v = pm->conversions.all; v; v = v->hh.next) {
		direct_sum(pm, v, now_ns);
		dt_worth_second(&v->worth, (const double(*)[2])v->bps, now_ns);
	}
}
