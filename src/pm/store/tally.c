/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/store/tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pm/store/connection.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"

const struct dt_histogram_bounds dt_set_up_bounds = {11, {0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10}};
const struct dt_histogram_bounds dt_gap_bounds = {11, {0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10}};
const struct dt_histogram_bounds dt_gain_bounds = {11, {-0.5, -0.2, -0.05, 0, 0.05, 0.1, 0.25, 0.5, 1, 2, 5}};

int dt_tallies_new(struct dt_pm *pm)
{
	pm->tallies = calloc(1, sizeof(*pm->tallies));
	if (!pm->tallies)
		return -ENOMEM;
	strcpy(pm->tallies->direct.name, dt_carrier_name(DT_CARRIER_DIRECT));
	return 0;
}

void dt_tallies_free(struct dt_pm *pm)
{
	struct dt_tally *t, *next;

	for (t = pm->tallies ? pm->tallies->direct.next : NULL; t; t = next) {
		next = t->next;
		free(t);
	}
	free(pm->tallies);
	pm->tallies = NULL;
}

struct dt_tally *dt_tally_of(struct dt_pm *pm, const char *name)
{
	struct dt_tally **at = &pm->tallies->direct.next;

	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	if (!*at) {
		*at = calloc(1, sizeof(**at));
		if (*at)
			strncpy((*at)->name, name, DT_CONFIG_NAME_MAX);
	}
	return *at;
}

struct dt_tally *dt_tally_at(const struct dt_pm *pm, const struct dt_subflow *s)
{
	return s && s->relay ? s->relay->tally : &pm->tallies->direct;
}

struct dt_tally_carrier *dt_tally_carrier(const struct dt_subflow *s)
{
	return &dt_tally_at(s->connection->pm, s)->by[s->carrier];
}

void dt_tally_joins(const struct dt_subflow *s)
{
	dt_tally_carrier(s)->joins++;
}

void dt_tally_established(const struct dt_subflow *s)
{
	struct dt_tally_carrier *t = dt_tally_carrier(s);

	t->established++;
	if (s->wanted_ns)
		dt_histogram_add(&t->set_up, &dt_set_up_bounds, (double)(s->since_ns - s->wanted_ns) / DT_SEC);
	dt_tally_follow(s);
}

void dt_tally_ended(const struct dt_subflow *s, enum dt_subflow_end end)
{
	dt_tally_carrier(s)->ends[end]++;
}

void dt_tally_follow(const struct dt_subflow *s)
{
	if (s->relay)
		dt_arrivals_assign(s->connection->pm->arrivals, &s->local, &s->remote, s->connection->device,
				   &dt_tally_carrier(s)->moved);
}

/* --- the last hour ----------------------------------------------------------------------------- */

struct dt_moved dt_tally_moved(const struct dt_tally *t)
{
	struct dt_moved sum = {0};

	for (int i = 0; i < DT_CARRIERS; i++) {
		sum.down += t->by[i].moved.down;
		sum.up += t->by[i].moved.up;
	}
	return sum;
}

static void curve_sample(struct dt_tally *t, unsigned at, double seconds)
{
	struct dt_moved now = dt_tally_moved(t);

	t->curve.down[at] = (float)((double)(now.down - t->curve.before.down) * 8 / seconds);
	t->curve.up[at] = (float)((double)(now.up - t->curve.before.up) * 8 / seconds);
	t->curve.before = now;
}

void dt_tallies_tick(struct dt_pm *pm, uint64_t now_ns)
{
	struct dt_tallies *all = pm->tallies;

	if (!all->curve_ns)
		all->curve_ns = now_ns;
	if (now_ns - all->curve_ns < DT_CURVE_S * DT_SEC)
		return;
	for (struct dt_tally *t = &all->direct; t; t = t->next)
		curve_sample(t, all->curve_count % DT_CURVE_SAMPLES, (double)(now_ns - all->curve_ns) / DT_SEC);
	all->curve_count++;
	all->curve_ns = now_ns;
}

unsigned dt_curve_length(const struct dt_tallies *all)
{
	return all->curve_count < DT_CURVE_SAMPLES ? all->curve_count : DT_CURVE_SAMPLES;
}

unsigned dt_curve_first(const struct dt_tallies *all)
{
	return all->curve_count < DT_CURVE_SAMPLES ? 0 : all->curve_count % DT_CURVE_SAMPLES;
}
