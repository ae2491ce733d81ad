/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/top/events.h"

#include <string.h>
#include <time.h>

#include "cli/fields.h"

/* "14:03:59" of an RFC 3339 time, in this host's time zone. buf holds 10 bytes. */
static const char *clock_of(const json_t *event, char *buf)
{
	struct tm utc = {0}, local;
	time_t at;

	strcpy(buf, "?");
	if (!strptime(dt_field_text(event, "time"), "%Y-%m-%dT%H:%M:%S", &utc))
		return buf;
	at = timegm(&utc);
	if (localtime_r(&at, &local))
		strftime(buf, 10, "%H:%M:%S", &local);
	return buf;
}

static void event_add(struct dt_canvas *c, const json_t *event)
{
	const char *via = dt_event_way(event);
	bool warns = strcmp(dt_field_text(event, "level"), "warn") == 0;
	char clock[10], id[80] = "";

	if (json_object_get(event, "id"))
		snprintf(id, sizeof(id), " %" JSON_INTEGER_FORMAT " %s", dt_field_number(event, "id"),
			 dt_field_text_if_any(event, "remote"));
	dt_canvas_line(c, warns ? DT_WARNING : DT_PLAIN, "%s %s%s%s%s: %s", clock_of(event, clock),
		       dt_field_text(event, "event"), id, *via ? " " : "", via, dt_field_text(event, "detail"));
}

void dt_top_events_add(struct dt_canvas *c, size_t most, json_int_t id)
{
	size_t count = json_array_size(c->m->events), from = count, found = 0;

	while (from > 0 && found < most) {
		from--;
		found += !id || dt_field_number(json_array_get(c->m->events, from), "id") == id;
	}
	for (; from < count; from++) {
		const json_t *event = json_array_get(c->m->events, from);

		if (!id || dt_field_number(event, "id") == id)
			event_add(c, event);
	}
}
