/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Per client and reason; never per flow, lease or destination, whose number has no bound. */
#include "relay/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "relay/nat_counters.h"
#include "relay/relay.h"
#include "web/exposition.h"
#include "web/metrics.h"

#define COUNTER DT_METRIC_COUNTER
#define GAUGE DT_METRIC_GAUGE

/* --- clients ----------------------------------------------------------------------------------- */

/* What is shown of a client, read once for all families. */
struct shown {
	const struct dt_relay_client *client;
	struct dt_flow_totals totals;
	struct dt_converter_totals converted;
	size_t leases, tunnels;
};

/* Of HASH_COUNT(r->clients). NULL: out of memory. */
static struct shown *clients_read(const struct dt_relay *r)
{
	struct shown *all = calloc(HASH_COUNT(r->clients) + 1, sizeof(*all)), *s = all;

	for (const struct dt_relay_client *c = r->clients; s && c; c = c->hh.next, s++) {
		s->client = c;
		dt_flows_totals(r->flows, c->id, &s->totals);
		s->converted = dt_converters_totals(r->converters, c->id);
		s->leases = dt_lease_table_count_client(r->leases, c->id);
		s->tunnels = r->tunnels ? dt_tunnels_count(r->tunnels, c->id) : 0;
	}
	return all;
}

static uint64_t leases_of(const struct shown *s)
{
	return s->leases;
}

static uint64_t leases_max(const struct shown *s)
{
	return s->client->conf->max_leases;
}

static uint64_t flows_of(const struct shown *s)
{
	return s->totals.flows;
}

static uint64_t flows_max(const struct shown *s)
{
	return s->client->conf->max_flows;
}

static uint64_t tunnels_of(const struct shown *s)
{
	return s->tunnels;
}

static uint64_t rate_dropped(const struct shown *s)
{
	return s->totals.rate_dropped;
}

static uint64_t rate_max(const struct shown *s)
{
	return s->client->conf->max_rate_bps / 8;
}

static uint64_t converted_of(const struct shown *s)
{
	return s->converted.connections;
}

static const struct family {
	const char *name;
	enum dt_metric type;
	const char *help;
	uint64_t (*value)(const struct shown *s);
} families[] = {
	{"detourd_client_leases", GAUGE, "Leases that the client has.", leases_of},
	{"detourd_client_max_leases", GAUGE, "Its limit of leases.", leases_max},
	{"detourd_client_flows", GAUGE, "Flows that the client has open.", flows_of},
	{"detourd_client_max_flows", GAUGE, "Its limit of flows.", flows_max},
	{"detourd_client_max_rate_bytes", GAUGE, "Its max-rate in bytes a second, each direction.", rate_max},
	{"detourd_client_tunnels", GAUGE, "WireGuard peers that the client has.", tunnels_of},
	{"detourd_client_converted_connections", GAUGE, "Connections that are converted for the client.", converted_of},
	{"detourd_client_rate_dropped_packets_total", COUNTER, "Packets dropped because of the client's max-rate.",
	 rate_dropped},
};

static struct dt_labels client_labels(const struct shown *s, const char *name, const char *value)
{
	return (struct dt_labels){{{"client", s->client->conf->name}, {name, value}}};
}

static void bytes_write(FILE *out, const struct shown *all, size_t count)
{
	static const char name[] = "detourd_client_bytes_total";

	dt_metric_begin(out, name, COUNTER,
			"IP bytes forwarded for the client, as of the last sweep; up is towards servers.");
	for (size_t i = 0; i < count; i++) {
		dt_metric_count(out, name, client_labels(&all[i], "direction", "up"), all[i].totals.swept_up);
		dt_metric_count(out, name, client_labels(&all[i], "direction", "down"), all[i].totals.swept_down);
	}
}

static void clients_write(FILE *out, const struct dt_relay *r)
{
	size_t count = HASH_COUNT(r->clients);
	struct shown *all = clients_read(r);
	uint64_t now_ns = dt_now_ns();

	if (!all)
		return;
	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		dt_metric_begin(out, families[f].name, families[f].type, families[f].help);
		for (size_t i = 0; i < count; i++)
			dt_metric_count(out, families[f].name, client_labels(&all[i], NULL, NULL),
					families[f].value(&all[i]));
	}
	bytes_write(out, all, count);
	dt_metric_begin(out, "detourd_client_heard_timestamp_seconds", GAUGE,
			"When the client's last request came, in Unix time; none since the start: no sample.");
	for (size_t i = 0; i < count; i++)
		if (all[i].client->from.port)
			dt_metric_value(out, "detourd_client_heard_timestamp_seconds",
					client_labels(&all[i], NULL, NULL),
					(double)(dt_now_s() - (now_ns - all[i].client->seen_ns) / DT_SEC));
	free(all);
}

/* --- the relay as a whole ------------------------------------------------------------------------ */

struct counter {
	enum dt_relay_counter which;
	const char *name;  /* several rows of one name are one family */
	const char *label; /* NULL: none */
	const char *value;
	const char *help; /* of the first row of a family */
};

static const struct counter counters[] = {
	{DT_RELAY_COUNT_REQUESTS, "detourd_requests_total", NULL, NULL, "Authentic requests of clients."},
	{DT_RELAY_COUNT_DROPPED_MALFORMED, "detourd_requests_dropped_total", "reason", "malformed",
	 "Datagrams without an answer, by reason."},
	{DT_RELAY_COUNT_DROPPED_AUTH, "detourd_requests_dropped_total", "reason", "auth", NULL},
	{DT_RELAY_COUNT_DROPPED_REPLAY, "detourd_requests_dropped_total", "reason", "replay", NULL},
	{DT_RELAY_COUNT_DROPPED_GREEDY, "detourd_requests_dropped_total", "reason", "greedy", NULL},
	{DT_RELAY_COUNT_LEASES_MADE, "detourd_leases_made_total", NULL, NULL, "Leases made."},
	{DT_RELAY_COUNT_LEASES_RENEWED, "detourd_leases_renewed_total", NULL, NULL, "Leases extended."},
	{DT_RELAY_COUNT_DENIED_DESTINATION, "detourd_leases_denied_total", "reason", "destination",
	 "Leases refused, by reason."},
	{DT_RELAY_COUNT_DENIED_QUOTA, "detourd_leases_denied_total", "reason", "quota", NULL},
	{DT_RELAY_COUNT_DENIED_NO_PORT, "detourd_leases_denied_total", "reason", "no_port", NULL},
	{DT_RELAY_COUNT_DENIED_FAMILY, "detourd_leases_denied_total", "reason", "family", NULL},
	{DT_RELAY_COUNT_DENIED_DRAINING, "detourd_leases_denied_total", "reason", "draining", NULL},
	{DT_RELAY_COUNT_TUNNELS_MADE, "detourd_tunnels_made_total", NULL, NULL, "WireGuard peers made."},
	{DT_RELAY_COUNT_JOINED, "detourd_clients_joined_total", NULL, NULL, "Clients that joined by invitation."},
	{DT_RELAY_COUNT_JOINS_REFUSED, "detourd_clients_refused_total", NULL, NULL, "Refused attempts to join."},
	{DT_RELAY_COUNT_CONVERTERS_MADE, "detourd_converter_leases_made_total", NULL, NULL,
	 "Leases for converted connections made."},
};

static void counters_write(FILE *out, const struct dt_relay *r)
{
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		const struct counter *c = &counters[i];

		if (c->help)
			dt_metric_begin(out, c->name, COUNTER, c->help);
		dt_metric_count(out, c->name, (struct dt_labels){{{c->label, c->value}}}, r->counters[c->which]);
	}
}

/* flows_started counts flows; all others count packets. */
static void nat_write(FILE *out, const struct dt_relay *r)
{
	uint64_t nat[DT_NAT_COUNTERS];

	if (dt_dataplane_counters(r->dataplane, nat) < 0)
		return;
	dt_metric_one(out, "detourd_flows_started_total", COUNTER, "Flows that began.",
		      (double)nat[DT_NAT_FLOWS_STARTED]);
	dt_metric_begin(out, "detourd_nat_packets_total", COUNTER, "Packets that the NAT saw, by what became of them.");
	for (int i = 0; i < DT_NAT_COUNTERS; i++)
		if (i != DT_NAT_FLOWS_STARTED)
			dt_metric_count(out, "detourd_nat_packets_total",
					(struct dt_labels){{{"outcome", dt_nat_counter_name((enum dt_nat_counter)i)}}},
					nat[i]);
}

void dt_relay_metrics(FILE *out, void *data)
{
	struct dt_relay *r = data;
	uint64_t open;

	dt_metrics_common(out, "relay", r->began_ns);
	dt_flows_open(r->flows, &open);
	dt_metric_one(out, "detourd_draining", GAUGE, "Whether the relay is about to close: 1, or 0.", r->draining);
	dt_metric_one(out, "detourd_flows", GAUGE, "Flows that are open, or may become so.", (double)open);
	dt_metric_one(out, "detourd_leases", GAUGE, "Leases of all clients.", (double)dt_lease_table_count(r->leases));
	clients_write(out, r);
	counters_write(out, r);
	nat_write(out, r);
	dt_metric_one(out, "detourd_converter_crashes_total", COUNTER,
		      "Times that the converting process ended by itself, or was killed since it did not answer.",
		      dt_converters_crashes(r->converters));
}

static const struct dt_web_document documents[] = {
	{.path = "/metrics", .type = DT_EXPOSITION_TYPE, .write = dt_relay_metrics},
};

int dt_relay_web_open(struct dt_relay *r, const struct dt_web_place *place)
{
	return dt_metrics_open(&r->web, r->loop, place, documents, sizeof(documents) / sizeof(documents[0]), r);
}

int dt_relay_web_move(struct dt_relay *r, const struct dt_web_place *from, const struct dt_web_place *to)
{
	int err;

	if (dt_web_place_equal(from, to))
		return 0;
	/* first the old one: the new place may be the same port, of all addresses */
	dt_web_close(r->web);
	err = dt_relay_web_open(r, to);
	if (err)
		dt_relay_web_open(r, from);
	return err;
}
