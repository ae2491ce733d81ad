/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/store/report.h"

#include <string.h>

#include "base/control.h"
#include "base/event.h"
#include "pm/store/connection.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"
#include "pm/store/subflow.h"

/* How much it matters: "debug", "info" or "warn", as in log-level. */
static const char *level_of(const char *event, const char *detail)
{
	static const struct {
		const char *event, *detail; /* NULL: any */
		const char *level;
	} rows[] = {
		{"subflow", "pending", "debug"},
		{"address", NULL, "debug"},
		{"relay", "down", "warn"},
		{"fallback", NULL, "warn"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].event, event) == 0 && (!rows[i].detail || strcmp(rows[i].detail, detail) == 0))
			return rows[i].level;
	return "info";
}

static json_t *event_line(const char *event, const struct dt_connection *c, const char *detail)
{
	char remote[DT_ENDPOINT_STRLEN];
	json_t *line = dt_event_new(event, level_of(event, detail), detail);

	if (c) {
		json_object_set_new(line, "id", json_integer((json_int_t)c->number));
		json_object_set_new(line, "remote", json_string(dt_endpoint_format(&c->server, remote)));
		if (*c->converter)
			json_object_set_new(line, "converter", json_string(c->converter));
	}
	return line;
}

static bool is_watched(const struct dt_pm *pm, const char *event)
{
	return pm->control && dt_control_watched(pm->control, event);
}

void dt_report(struct dt_pm *pm, const char *event, const struct dt_connection *c, const struct dt_pm_relay *relay,
	       const char *detail)
{
	json_t *line;

	if (!is_watched(pm, event))
		return;
	line = event_line(event, c, detail);
	if (relay)
		json_object_set_new(line, "relay", json_string(relay->conf->name));
	dt_control_publish(pm->control, line);
}

void dt_report_subflow(const struct dt_connection *c, const struct dt_subflow *s, const char *detail)
{
	struct dt_pm *pm = c->pm;
	json_t *line;

	if (!is_watched(pm, "subflow"))
		return;
	line = event_line("subflow", c, detail);
	json_object_set_new(line, s && s->relay ? "relay" : "via", json_string(s ? dt_subflow_via(s) : "direct"));
	if (s && s->interface[0])
		json_object_set_new(line, "interface", json_string(s->interface));
	dt_control_publish(pm->control, line);
}
