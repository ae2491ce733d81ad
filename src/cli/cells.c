/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cells.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/units.h"
#include "cli/fields.h"
#include "cli/users.h"

#define SHORT_GAIN_STRLEN 40

void dt_cell_rate(struct dt_table *t, const json_t *object, const char *key)
{
	uint64_t bps = dt_field_count(object, key);
	char buf[DT_UNITS_STRLEN];

	if (!json_object_get(object, key))
		dt_table_add(t, DT_DIM, "?");
	else
		dt_table_add(t, bps ? DT_PLAIN : DT_DIM, "%s", dt_rate_format((double)bps, buf));
}

void dt_cell_duration(struct dt_table *t, const json_t *object, const char *key, const char *ago)
{
	char buf[DT_UNITS_STRLEN];

	if (json_object_get(object, key))
		dt_table_add(t, DT_PLAIN, "%s%s", dt_duration_format(dt_field_count(object, key), buf), ago);
	else
		dt_table_add(t, DT_PLAIN, "%s", "");
}

void dt_cell_converted(struct dt_table *t, const json_t *client)
{
	const json_t *converted = json_object_get(client, "converted");

	if (converted)
		dt_table_add(t, DT_PLAIN, "%" JSON_INTEGER_FORMAT, dt_field_number(converted, "connections"));
	else
		dt_table_add(t, DT_PLAIN, "%s", "");
}

void dt_cell_carried(struct dt_table *t, const json_t *client, const char *key)
{
	double bytes = dt_field_real(client, key) + dt_field_real(json_object_get(client, "converted"), key);
	char buf[DT_UNITS_STRLEN];

	dt_table_add(t, DT_PLAIN, "%s", dt_size_format(bytes, buf));
}

long dt_cell_percent(double share)
{
	return lround(fmin(fmax(share, 0), 1) * 100);
}

/* "+61 % ± 8", without what the whole text says of its measurements. buf holds SHORT_GAIN_STRLEN bytes. */
static const char *short_gain(const json_t *object, char *buf)
{
	const json_t *gain = json_object_get(object, "gain");
	const char *text = dt_field_text_if_any(gain, "text");

	if (json_object_get(gain, "at_most_percent"))
		snprintf(buf, SHORT_GAIN_STRLEN, "unknown, at most %+.0f %%",
			 fmin(dt_field_real(gain, "at_most_percent"), 1e5));
	else
		snprintf(buf, SHORT_GAIN_STRLEN, "%.*s", (int)strcspn(text, ","), text);
	return buf;
}

static enum dt_colour gain_colour(const json_t *object)
{
	const json_t *gain = json_object_get(object, "gain");
	double percent = dt_field_real(gain, "percent"), error = dt_field_real(gain, "error_percent");

	if (!dt_field_is_true(gain, "known"))
		return DT_DIM;
	return percent > error ? DT_GOOD : percent < -error ? DT_BAD : DT_PLAIN;
}

void dt_cell_gain(struct dt_table *t, const json_t *object)
{
	char gain[SHORT_GAIN_STRLEN];

	dt_table_add(t, gain_colour(object), "%s", short_gain(object, gain));
}

enum dt_colour dt_cell_state_colour(const char *state)
{
	return strcmp(state, "up") == 0 ? DT_GOOD : strcmp(state, "down") == 0 ? DT_BAD : DT_WARNING;
}

void dt_cells_relay(struct dt_table *t, const json_t *relay)
{
	const char *state = dt_field_text(relay, "state");
	uint64_t rtt_us = dt_field_count(relay, "rtt_us");

	dt_table_add(t, DT_PLAIN, "%s", dt_field_text(relay, "name"));
	dt_table_add(t, dt_cell_state_colour(state), "%s", state);
	if (rtt_us)
		dt_table_add(t, DT_PLAIN, "%.1f ms", (double)rtt_us / 1000);
	else
		dt_table_add(t, DT_PLAIN, "%s", "");
	dt_cell_rate(t, relay, "receive_bps");
	dt_cell_rate(t, relay, "send_bps");
}

static void path_write(FILE *out, const json_t *subflow, const char *comma)
{
	const char *via = dt_field_text(subflow, "via"), *state = dt_field_text(subflow, "state");
	const char *carrier = dt_field_text(subflow, "carrier"),
		   *interface = dt_field_text_if_any(subflow, "interface");

	fprintf(out, "%s%s", comma, *interface ? interface : via);
	if (strcmp(carrier, "wireguard") == 0)
		fputs(" (wireguard)", out);
	if (strcmp(state, "established") != 0)
		fprintf(out, " %s", state);
	else if (json_object_get(subflow, "share"))
		fprintf(out, " %ld %%", dt_cell_percent(dt_field_real(subflow, "share")));
	if (dt_field_is_true(subflow, "backup"))
		fputs(" backup", out);
}

/* Without "converted by nyc; ", which has been said. */
static const char *why_rest(const char *why)
{
	const char *rest = strstr(why, "; ");

	return strncmp(why, "converted by ", strlen("converted by ")) == 0 && rest ? rest + 2 : why;
}

/*
 * "direct 38 %, fra 62 %; gain +61 % ± 8", to be freed; "converted by nyc: " stands before it. Without a detour: why there is
 * none.
 */
static char *paths_text(const json_t *connection)
{
	const json_t *subflows = json_object_get(connection, "subflows");
	char *text = NULL, gain[SHORT_GAIN_STRLEN];
	const char *why = dt_field_text_if_any(connection, "why"),
		   *converter = dt_field_text_if_any(connection, "converter");
	bool detour = false;
	json_t *subflow;
	size_t i, len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		dt_memory_exhausted("a line");
	if (*converter)
		fprintf(out, "converted by %s: ", converter);
	json_array_foreach(subflows, i, subflow) {
		path_write(out, subflow, i ? ", " : "");
		detour = detour || strcmp(dt_field_text(subflow, "via"), "direct") != 0;
	}
	if (detour && json_object_get(connection, "gain"))
		fprintf(out, "; gain %s", short_gain(connection, gain));
	else if (!detour && *why)
		fprintf(out, "; %s", *converter ? why_rest(why) : why);
	if (fclose(out) != 0)
		dt_memory_exhausted("a line");
	return text;
}

void dt_cells_connection(struct dt_table *t, const json_t *connection)
{
	char user[DT_USER_STRLEN] = "", *paths = paths_text(connection);

	if (json_object_get(connection, "uid"))
		dt_user_name((uint32_t)dt_field_number(connection, "uid"), user);
	dt_table_add(t, DT_DIM, "%" JSON_INTEGER_FORMAT, dt_field_number(connection, "id"));
	dt_table_add(t, DT_PLAIN, "%s", dt_field_text_if_any(connection, "program"));
	dt_table_add(t, DT_PLAIN, "%s", user);
	dt_table_add(t, DT_PLAIN, "%s", dt_field_text(connection, "remote"));
	dt_table_add(t, DT_PLAIN, "%s", dt_field_text_if_any(connection, "rule"));
	dt_cell_duration(t, connection, "age_s", "");
	dt_cell_rate(t, connection, "receive_bps");
	dt_cell_rate(t, connection, "send_bps");
	dt_table_add(t, DT_DIM, "%s", paths);
	free(paths);
}
