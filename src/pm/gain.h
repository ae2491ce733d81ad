/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gain of connections and relays, as every view shows it: see docs/policy.md. Changes nothing. */
#ifndef DETOURD_PM_GAIN_H
#define DETOURD_PM_GAIN_H

#include "pm/decide/history.h"

struct dt_connection;
struct dt_pm;
struct dt_pm_relay;

struct dt_gain_view {
	struct dt_payoff payoff; /* count 0: unknown */
	enum dt_way way;	 /* the direction in which it was measured */
	bool own;		 /* of a connection: measured on this one; false: on others to its destination */
	/*
	 * Where it is unknown: it is no more than this, because without its detours the connection would have at least what
	 * its direct path carries beside them; below 0: nothing is known of that either.
	 */
	double at_most;
};

struct dt_gain_view dt_gain_of_connection(const struct dt_connection *c);
/* Its part of what detours added; of the two directions, the one measured last. */
struct dt_gain_view dt_gain_of_relay(const struct dt_pm *pm, const struct dt_pm_relay *relay);
/* Of all connections, likewise. */
struct dt_gain_view dt_gain_of_all(const struct dt_pm *pm);

#endif
