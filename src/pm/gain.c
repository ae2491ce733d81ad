/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/gain.h"

#include "pm/conf/client_conf.h"
#include "pm/store/connection.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"

static const uint8_t no_relay[DT_KEY_LEN];

static double at_most(const struct dt_connection *c)
{
	const struct dt_chooser *p = &c->chooser;

	if (!(p->direct_bps > 0) || p->total_bps < p->direct_bps)
		return -1;
	return p->total_bps / p->direct_bps - 1;
}

struct dt_gain_view dt_gain_of_connection(const struct dt_connection *c)
{
	struct dt_gain_view view = {.payoff = c->chooser.payoff, .way = c->way, .own = true, .at_most = -1};

	if (view.payoff.count)
		return view;
	view.own = false;
	view.payoff = dt_history_get(c->pm->history, &c->remote.ip, no_relay, c->way).payoff;
	if (!view.payoff.count)
		view.at_most = at_most(c);
	return view;
}

/* For any destination. */
static struct dt_gain_view lately(const struct dt_pm *pm, const uint8_t key[DT_KEY_LEN])
{
	struct dt_gain_view view = {.at_most = -1};

	for (int way = 0; way < DT_WAYS; way++) {
		struct dt_payoff payoff = dt_history_elsewhere(pm->history, key, (enum dt_way)way).payoff;

		if (payoff.count && payoff.last_s >= view.payoff.last_s) {
			view.payoff = payoff;
			view.way = (enum dt_way)way;
		}
	}
	return view;
}

struct dt_gain_view dt_gain_of_relay(const struct dt_pm *pm, const struct dt_pm_relay *relay)
{
	return lately(pm, relay->conf->public_key);
}

struct dt_gain_view dt_gain_of_all(const struct dt_pm *pm)
{
	return lately(pm, no_relay);
}
