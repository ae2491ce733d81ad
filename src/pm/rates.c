/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/rates.h"

#include <utlist.h>

#include "pm/kernel/arrivals.h"
#include "pm/store/connection.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"
#include "pm/store/subflow.h"

static void add(struct dt_rates *sum, const struct dt_rates *r)
{
	sum->down_bps += r->down_bps;
	sum->up_bps += r->up_bps;
	sum->bytes += r->bytes;
}

struct dt_rates dt_rates_of(const struct dt_connection *c, const struct dt_endpoint *local,
			    const struct dt_endpoint *remote)
{
	struct dt_arrival arrival;

	if (!dt_arrivals_get(c->pm->arrivals, local, remote, &arrival))
		return (struct dt_rates){0};
	return (struct dt_rates){arrival.rate_bps, arrival.sent_bps, arrival.bytes_received + arrival.bytes_acked};
}

struct dt_rates dt_rates_connection(const struct dt_connection *c)
{
	struct dt_rates sum = {0}, one;
	const struct dt_subflow *s;

	if (c->direct_established)
		sum = dt_rates_of(c, &c->local, &c->remote);
	DL_FOREACH(c->subflows, s)
		if (s->state == DT_SUBFLOW_ESTABLISHED) {
			one = dt_rates_of(c, &s->local, &s->remote);
			add(&sum, &one);
		}
	return sum;
}

double dt_rates_share(const struct dt_rates *some, const struct dt_rates *all)
{
	uint64_t now = all->down_bps + all->up_bps;

	if (now)
		return (double)(some->down_bps + some->up_bps) / (double)now;
	return all->bytes ? (double)some->bytes / (double)all->bytes : 0;
}

void dt_rates_sum(const struct dt_pm *pm, struct dt_rates_all *sum, struct dt_rates *relays, size_t nrelays)
{
	const struct dt_connection *c, *tmp;
	const struct dt_subflow *s;

	*sum = (struct dt_rates_all){0};
	HASH_ITER(hh, pm->connections, c, tmp) {
		struct dt_rates whole = dt_rates_connection(c);

		add(&sum->all, &whole);
		sum->moving += whole.down_bps + whole.up_bps > 0;
		DL_FOREACH(c->subflows, s) {
			struct dt_rates one;

			if (!s->relay || s->state != DT_SUBFLOW_ESTABLISHED)
				continue;
			one = dt_rates_of(c, &s->local, &s->remote);
			add(&sum->detours, &one);
			if (s->relay->index < nrelays)
				add(&relays[s->relay->index], &one);
		}
	}
}
