/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What has happened on each way since the daemon's start, for metrics and the page: on the direct one, and over each relay
 * of any configuration so far, by its name. So counters go on over a reload. Costs a few kilobytes a relay.
 */
#ifndef DETOURD_PM_STORE_TALLY_H
#define DETOURD_PM_STORE_TALLY_H

#include "base/config.h"
#include "base/histogram.h"
#include "pm/conf/client_conf.h"
#include "pm/decide/history.h"
#include "pm/kernel/arrivals.h"
#include "pm/store/subflow.h"

struct dt_pm;

#define DT_CARRIERS (DT_CARRIER_DIRECT + 1)
#define DT_ENDS (DT_END_REPLACED + 1)

/* Of subflows by one carrier. */
struct dt_tally_carrier {
	struct dt_moved moved;
	uint64_t joins, established;
	uint64_t now;		    /* metrics.c counts the established in it */
	uint64_t ends[DT_ENDS];	    /* of joins and subflows, by enum dt_subflow_end */
	struct dt_histogram set_up; /* seconds: dt_set_up_bounds */
};

/* The last hour. */
#define DT_CURVE_S 10
#define DT_CURVE_SAMPLES 360
struct dt_curve {
	struct dt_moved before;				    /* at the last sample */
	float down[DT_CURVE_SAMPLES], up[DT_CURVE_SAMPLES]; /* bit/s; a ring: see dt_curve_first() */
};

struct dt_tally {
	char name[DT_CONFIG_NAME_MAX + 1]; /* "direct", or the relay's */
	struct dt_tally_carrier by[DT_CARRIERS];
	struct dt_histogram gap; /* seconds: dt_gap_bounds */
	struct dt_curve curve;
	struct dt_tally *next;
};

struct dt_tallies {
	struct dt_tally direct; /* and the relays' */
	struct dt_histogram gain[DT_WAYS];
	unsigned curve_count; /* samples so far */
	uint64_t curve_ns;    /* time of the last one; 0: none yet */
};

/* From when a detour was wanted until it was established. */
extern const struct dt_histogram_bounds dt_set_up_bounds;
/* From when a path fell silent, of which it died, until data moved by another path of the connection. */
extern const struct dt_histogram_bounds dt_gap_bounds;
/* What comparisons measured: 0.5 is 50 % more than without detours. */
extern const struct dt_histogram_bounds dt_gain_bounds;

/* -ENOMEM. */
int dt_tallies_new(struct dt_pm *pm);
void dt_tallies_free(struct dt_pm *pm);
/* The relay's of this name, which stays until dt_tallies_free(). NULL: out of memory. */
struct dt_tally *dt_tally_of(struct dt_pm *pm, const char *name);
/* The relay's, or the direct one; of a connection's initial subflow s is NULL. */
struct dt_tally *dt_tally_at(const struct dt_pm *pm, const struct dt_subflow *s);
struct dt_tally_carrier *dt_tally_carrier(const struct dt_subflow *s);

void dt_tally_joins(const struct dt_subflow *s);
void dt_tally_established(const struct dt_subflow *s);
void dt_tally_ended(const struct dt_subflow *s, enum dt_subflow_end end);
/* Its bytes count to its relay from now on. */
void dt_tally_follow(const struct dt_subflow *s);
/* By all carriers. */
struct dt_moved dt_tally_moved(const struct dt_tally *t);
/* Takes the samples of the curves. To be called every second. */
void dt_tallies_tick(struct dt_pm *pm, uint64_t now_ns);
/* How many samples there are, and where in the ring the oldest is. */
unsigned dt_curve_length(const struct dt_tallies *all);
unsigned dt_curve_first(const struct dt_tallies *all);

#endif
