/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/report.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/event.h"
#include "relay/reached.h"
#include "relay/nat_counters.h"
#include "relay/relay.h"

#define PER_SECOND 200
#define AT_ONCE 400

void dt_relay_reports_init(struct dt_relay_reports *reports)
{
	dt_bucket_limit(&reports->bucket, PER_SECOND, AT_ONCE);
}

bool dt_relay_report_watched(const struct dt_relay *r, const char *event)
{
	return r->control && dt_control_watched(r->control, event);
}

static void endpoint_put(json_t *line, const char *key, const struct dt_endpoint *e)
{
	char text[DT_ENDPOINT_STRLEN];

	if (e)
		json_object_set_new(line, key, json_string(dt_endpoint_format(e, text)));
}

void dt_relay_report(struct dt_relay *r, const char *event, const char *level, const char *client,
		     const struct dt_endpoint *from, const struct dt_endpoint *server, const char *detail)
{
	struct dt_relay_reports *reports = &r->reports;
	json_t *line;

	if (!dt_relay_report_watched(r, event))
		return;
	if (!dt_bucket_take(&reports->bucket, dt_now_ns())) {
		reports->suppressed++;
		return;
	}
	line = dt_event_new(event, level, detail);
	if (client)
		json_object_set_new(line, "client", json_string(client));
	endpoint_put(line, "address", from);
	endpoint_put(line, "remote", server);
	if (reports->suppressed)
		json_object_set_new(line, "suppressed", json_integer((json_int_t)reports->suppressed));
	reports->suppressed = 0;
	dt_control_publish(r->control, line);
}

/* --- what is seen by looking --------------------------------------------------------------------- */

/* "denied_..." are flows that do not begin; of packets that are dropped, those above a limit tell something. */
static const char *event_of(enum dt_nat_counter counter)
{
	if (strncmp(dt_nat_counter_name(counter), "denied_", strlen("denied_")) == 0)
		return "flow";
	return counter == DT_NAT_DROP_RATE || counter == DT_NAT_DROP_TABLE_FULL ? "limit" : NULL;
}

static void refused_look(struct dt_relay *r)
{
	struct dt_relay_reports *reports = &r->reports;
	uint64_t now[DT_NAT_COUNTERS];
	char detail[96];

	if (dt_dataplane_counters(r->dataplane, now) < 0)
		return;
	for (int i = 0; i < DT_NAT_COUNTERS; i++) {
		const char *event = event_of((enum dt_nat_counter)i);
		uint64_t more = now[i] - reports->nat[i];

		if (!event || !reports->looked || more == 0)
			continue;
		snprintf(detail, sizeof(detail), "refused: %s, packets %llu",
			 dt_nat_counter_name((enum dt_nat_counter)i), (unsigned long long)more);
		dt_relay_report(r, event, "info", NULL, NULL, NULL, detail);
	}
	memcpy(reports->nat, now, sizeof(now));
	reports->looked = true;
}

static void limits_look(struct dt_relay *r, struct dt_relay_client *c)
{
	struct dt_flow_totals totals = dt_relay_totals(r, c->id);
	unsigned reached;
	char detail[64];

	reached = dt_relay_limits_reached(c->conf, dt_lease_table_count_client(r->leases, c->id), &totals,
					  dt_converters_limited(r->converters, c->id, dt_now_ns()));
	for (unsigned i = 0; i < DT_RELAY_LIMITS; i++) {
		if (!((reached ^ c->limits_told) & 1u << i))
			continue;
		snprintf(detail, sizeof(detail), "%s %s", dt_relay_limit_name((enum dt_relay_limit)i),
			 reached & 1u << i ? "reached" : "no longer reached");
		dt_relay_report(r, "limit", reached & 1u << i ? "warn" : "info", c->conf->name,
				c->from.port ? &c->from : NULL, NULL, detail);
	}
	c->limits_told = reached;
}

void dt_relay_report_tick(struct dt_relay *r)
{
	if (dt_relay_report_watched(r, "flow") || dt_relay_report_watched(r, "limit"))
		refused_look(r);
	else
		r->reports.looked = false;
	if (!dt_relay_report_watched(r, "limit"))
		return;
	for (struct dt_relay_client *c = r->clients; c; c = c->hh.next)
		if (c->state == DT_CLIENT_PERMITTED)
			limits_look(r, c);
}
