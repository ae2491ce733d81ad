/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Per relay, carrier and reason; never per connection or server, whose number has no bound. */
#include "pm/metrics.h"

#include <utlist.h>

#include "base/clock.h"
#include "pm/gain.h"
#include "pm/store/connection.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"
#include "pm/store/subflow.h"
#include "pm/store/tally.h"
#include "web/exposition.h"
#include "web/metrics.h"

#define COUNTER DT_METRIC_COUNTER
#define GAUGE DT_METRIC_GAUGE

static const char *const way_words[DT_WAYS] = {[DT_WAY_DOWN] = "receive", [DT_WAY_UP] = "send"};

/* --- relays ------------------------------------------------------------------------------------ */

static void relay_flags(FILE *out, const struct dt_pm *pm, const char *name, const char *help,
			double (*value)(const struct dt_pm_relay *relay))
{
	dt_metric_begin(out, name, GAUGE, help);
	for (const struct dt_pm_relay *r = pm->relays; r; r = r->next)
		dt_metric_value(out, name, (struct dt_labels){{{"relay", r->conf->name}}}, value(r));
}

static double is_up(const struct dt_pm_relay *relay)
{
	return dt_pm_relay_state(relay) == DT_LINK_UP;
}

static double is_draining(const struct dt_pm_relay *relay)
{
	return dt_pm_relay_draining(relay);
}

static double rtt_s(const struct dt_pm_relay *relay)
{
	return relay->links ? dt_client_link_rtt_us(relay->links->proto) / 1e6 : 0;
}

static void relays_write(FILE *out, const struct dt_pm *pm)
{
	relay_flags(out, pm, "detourd_relay_up", "Whether the relay answers: 1, or 0.", is_up);
	relay_flags(out, pm, "detourd_relay_draining", "Whether the relay is about to close: 1, or 0.", is_draining);
	relay_flags(out, pm, "detourd_relay_rtt_seconds", "Round-trip time to the relay; 0: not known.", rtt_s);
	dt_metric_begin(out, "detourd_relay_info", GAUGE, "Carrier that new detours over the relay use; always 1.");
	for (const struct dt_pm_relay *r = pm->relays; r; r = r->next)
		dt_metric_count(
			out, "detourd_relay_info",
			(struct dt_labels){{{"relay", r->conf->name},
					    {"carrier", dt_carrier_name(dt_pm_relay_carrier(r, -1, dt_now_ns()))}}},
			1);
}

/* --- the gain ---------------------------------------------------------------------------------- */

/* Those that are unknown have no sample. */
static void relay_gains(FILE *out, const struct dt_pm *pm, const char *name, const char *help,
			double (*value)(const struct dt_payoff *payoff))
{
	dt_metric_begin(out, name, GAUGE, help);
	for (const struct dt_pm_relay *r = pm->relays; r; r = r->next) {
		struct dt_gain_view gain = dt_gain_of_relay(pm, r);

		if (gain.payoff.count)
			dt_metric_value(
				out, name,
				(struct dt_labels){{{"relay", r->conf->name}, {"direction", way_words[gain.way]}}},
				value(&gain.payoff));
	}
}

static double mean_of(const struct dt_payoff *payoff)
{
	return payoff->gain;
}

static void gains_write(FILE *out, const struct dt_pm *pm)
{
	relay_gains(out, pm, "detourd_relay_gain_ratio",
		    "What detours over the relay add to what connections would have without: 0.5 is 50 % more.",
		    mean_of);
	relay_gains(out, pm, "detourd_relay_gain_error_ratio", "Standard error of detourd_relay_gain_ratio.",
		    dt_payoff_error);
	dt_metric_begin(out, "detourd_gain_ratio", DT_METRIC_HISTOGRAM,
			"Each measurement of what all detours of a connection add: 0.5 is 50 % more.");
	for (int way = 0; way < DT_WAYS; way++)
		dt_metric_histogram(out, "detourd_gain_ratio", (struct dt_labels){{{"direction", way_words[way]}}},
				    &pm->tallies->gain[way], &dt_gain_bounds);
}

/* --- paths ------------------------------------------------------------------------------------- */

/* The direct path by its one carrier; a relay by both, whether used or not. */
static bool has_carrier(const struct dt_pm *pm, const struct dt_tally *t, int carrier)
{
	bool is_direct = t == &pm->tallies->direct;

	return carrier != DT_CARRIER_AUTO && (carrier == DT_CARRIER_DIRECT) == is_direct;
}

/* Runs the block for each tally t and each carrier it may have. */
#define FOREACH_PATH(pm, t, carrier)                                            \
	for (const struct dt_tally *t = &(pm)->tallies->direct; t; t = t->next) \
		for (int carrier = 0; carrier < DT_CARRIERS; carrier++)         \
			if (has_carrier(pm, t, carrier))

static struct dt_labels path_labels(const struct dt_tally *t, int carrier, const char *name, const char *value)
{
	return (struct dt_labels){
		{{"relay", t->name}, {"carrier", dt_carrier_name((enum dt_carrier)carrier)}, {name, value}}};
}

static void bytes_write(FILE *out, const struct dt_pm *pm)
{
	static const char name[] = "detourd_path_bytes_total";

	dt_metric_begin(
		out, name, COUNTER,
		"Bytes that MPTCP connections of this host moved, by path; sampled each second while they move.");
	FOREACH_PATH(pm, t, carrier)
	{
		const struct dt_moved *moved = &t->by[carrier].moved;

		dt_metric_count(out, name, path_labels(t, carrier, "direction", "receive"), moved->down);
		dt_metric_count(out, name, path_labels(t, carrier, "direction", "send"), moved->up);
	}
}

/* The words of ends, as labels; NULL: no end. */
static const char *end_label(enum dt_subflow_end end)
{
	switch (end) {
	case DT_END_NONE:
		return NULL;
	case DT_END_REFUSED:
		return "refused";
	case DT_END_TIMEOUT:
		return "timeout";
	case DT_END_CLOSED:
		return "closed";
	case DT_END_ERROR:
		return "error";
	case DT_END_DEAD:
		return "dead";
	case DT_END_LATE:
		return "late";
	case DT_END_ADDRESS:
		return "address_gone";
	case DT_END_LED_AWAY:
		return "led_away";
	case DT_END_REPLACED:
		return "replaced";
	}
	return NULL;
}

static void ends_write(FILE *out, const struct dt_pm *pm)
{
	static const char name[] = "detourd_path_ends_total";

	dt_metric_begin(
		out, name, COUNTER,
		"Joins that failed (refused, timeout, error), and subflows that ended before their connection.");
	FOREACH_PATH(pm, t, carrier)
	for (int end = 0; end < DT_ENDS; end++)
		if (end_label((enum dt_subflow_end)end))
			dt_metric_count(out, name,
					path_labels(t, carrier, "reason", end_label((enum dt_subflow_end)end)),
					t->by[carrier].ends[end]);
}

/* Established subflows: of tallies by their order, the direct one first. */
static void subflows_write(FILE *out, const struct dt_pm *pm)
{
	static const char name[] = "detourd_path_subflows";
	const struct dt_connection *c, *tmp;
	const struct dt_subflow *s;

	for (struct dt_tally *t = &pm->tallies->direct; t; t = t->next)
		for (int carrier = 0; carrier < DT_CARRIERS; carrier++)
			t->by[carrier].now = 0;
	HASH_ITER(hh, pm->connections, c, tmp) {
		pm->tallies->direct.by[DT_CARRIER_DIRECT].now += c->direct_established;
		DL_FOREACH(c->subflows, s)
			if (s->state == DT_SUBFLOW_ESTABLISHED)
				dt_tally_carrier(s)->now++;
	}
	dt_metric_begin(out, name, GAUGE, "Subflows that are established now.");
	FOREACH_PATH(pm, t, carrier)
	dt_metric_count(out, name, path_labels(t, carrier, NULL, NULL), t->by[carrier].now);
}

static void paths_write(FILE *out, const struct dt_pm *pm)
{
	bytes_write(out, pm);
	subflows_write(out, pm);
	dt_metric_begin(out, "detourd_path_joins_total", COUNTER, "Joins (MP_JOIN) sent.");
	FOREACH_PATH(pm, t, carrier)
	dt_metric_count(out, "detourd_path_joins_total", path_labels(t, carrier, NULL, NULL), t->by[carrier].joins);
	dt_metric_begin(out, "detourd_path_joins_established_total", COUNTER, "Joins that the server accepted.");
	FOREACH_PATH(pm, t, carrier)
	dt_metric_count(out, "detourd_path_joins_established_total", path_labels(t, carrier, NULL, NULL),
			t->by[carrier].established);
	ends_write(out, pm);
	dt_metric_begin(out, "detourd_setup_seconds", DT_METRIC_HISTOGRAM,
			"From when a further subflow was wanted until it was established, its lease included.");
	FOREACH_PATH(pm, t, carrier)
	dt_metric_histogram(out, "detourd_setup_seconds", path_labels(t, carrier, NULL, NULL), &t->by[carrier].set_up,
			    &dt_set_up_bounds);
	dt_metric_begin(
		out, "detourd_gap_seconds", DT_METRIC_HISTOGRAM,
		"From when the path fell silent of which it died, until data moved by another of its connection.");
	for (const struct dt_tally *t = &pm->tallies->direct; t; t = t->next)
		dt_metric_histogram(out, "detourd_gap_seconds", (struct dt_labels){{{"relay", t->name}}}, &t->gap,
				    &dt_gap_bounds);
}

/* --- counters ---------------------------------------------------------------------------------- */

struct counter {
	enum dt_pm_counter which;
	const char *name;  /* several rows of one name are one family */
	const char *label; /* NULL: none */
	const char *value;
	const char *help; /* of the first row of a family */
};

#define ONE(which, name, help)                \
	{                                     \
		which, name, NULL, NULL, help \
	}

static const struct counter counters[] = {
	ONE(DT_PM_CONNECTIONS, "detourd_connections_total", "MPTCP connections of this host that were followed."),
	ONE(DT_PM_TAKEN_OVER, "detourd_connections_found_total",
	    "... of which these were found by taking stock, not by their event."),
	ONE(DT_PM_CONVERTED, "detourd_connections_converted_total", "Connections that a relay converts to TCP."),
	{DT_PM_FELL_BACK, "detourd_fallbacks_total", "reason", "plain",
	 "Connections that turned out plain TCP, by reason."},
	{DT_PM_FELL_BACK_STRIPPED, "detourd_fallbacks_total", "reason", "stripped", NULL},
	{DT_PM_FELL_BACK_SYN_LOST, "detourd_fallbacks_total", "reason", "syn_lost", NULL},
	{DT_PM_FELL_BACK_DISABLED, "detourd_fallbacks_total", "reason", "disabled", NULL},
	ONE(DT_PM_LEASES_ASKED, "detourd_lease_requests_total", "Leases asked of relays."),
	{DT_PM_LEASES_GRANTED, "detourd_lease_answers_total", "result", "granted", "Relays' answers to them."},
	{DT_PM_LEASES_REFUSED, "detourd_lease_answers_total", "result", "refused", NULL},
	ONE(DT_PM_CLAIMS_REFUSED, "detourd_relay_addresses_refused_total",
	    "Addresses that a relay named, and that were not believed."),
	ONE(DT_PM_PROBES, "detourd_probes_total", "Probes sent by silent subflows."),
	ONE(DT_PM_GIVEN_UP, "detourd_paths_given_up_total", "Subflows given up because nothing came through."),
	ONE(DT_PM_FADED, "detourd_paths_faded_total", "Times that a subflow became backup because its path was bad."),
	ONE(DT_PM_DECISIONS, "detourd_decisions_total", "Decisions of the policy that were carried out."),
	{DT_PM_ENDS_UNTOLD, "detourd_ends_untold_total", NULL, NULL,
	 "Subflows whose end the server could not be told at once."},
	{DT_PM_DROPPED_AUTH, "detourd_datagrams_dropped_total", "reason", "auth",
	 "Datagrams from relays' addresses that were dropped, by reason."},
	{DT_PM_DROPPED_MALFORMED, "detourd_datagrams_dropped_total", "reason", "malformed", NULL},
	{DT_PM_DROPPED_UNMATCHED, "detourd_datagrams_dropped_total", "reason", "unmatched", NULL},
	{DT_PM_DROPPED_TUNNEL, "detourd_datagrams_dropped_total", "reason", "tunnel", NULL},
	ONE(DT_PM_LOST_EVENTS, "detourd_events_lost_total", "Times that events of the kernel were lost."),
	ONE(DT_PM_STOCKS, "detourd_stocks_total", "Times that stock of all subflows was taken."),
};

static void counters_write(FILE *out, const struct dt_pm *pm)
{
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		const struct counter *c = &counters[i];

		if (c->help)
			dt_metric_begin(out, c->name, COUNTER, c->help);
		dt_metric_count(out, c->name, (struct dt_labels){{{c->label, c->value}}}, pm->counters[c->which]);
	}
}

void dt_pm_metrics(FILE *out, void *data)
{
	const struct dt_pm *pm = data;

	dt_metrics_common(out, "client", pm->began_ns);
	dt_metric_one(out, "detourd_connections", GAUGE, "MPTCP connections of this host, now.",
		      HASH_COUNT(pm->connections));
	relays_write(out, pm);
	gains_write(out, pm);
	paths_write(out, pm);
	counters_write(out, pm);
}
