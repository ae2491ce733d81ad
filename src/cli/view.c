/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/view.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/units.h"
#include "cli/cells.h"
#include "cli/fields.h"
#include "cli/render.h"
#include "cli/table.h"
#include "cli/text.h"
#include "relay/neighbours.h"

/* A line of text, wrapped. */
static void line_print(const struct dt_screen *screen, enum dt_colour colour, FILE *to, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static void line_print(const struct dt_screen *screen, enum dt_colour colour, FILE *to, const char *format, ...)
{
	char *text = NULL, *clean;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		dt_memory_exhausted("a line");
	va_end(args);
	clean = dt_text_clean(text);
	dt_screen_colour_begin(screen, colour, to);
	dt_text_print_wrapped(clean, screen->columns, 2, to);
	dt_screen_colour_end(screen, colour, to);
	free(clean);
	free(text);
}

/* --- client ------------------------------------------------------------------------------------ */

static const struct dt_table_column relay_columns[] = {
	{"RELAY", .min = 5},
	{"STATE", .min = 0},
	{"RTT", .right = true, .drop = 6},
	{"DOWN", .right = true, .drop = 1},
	{"UP", .right = true, .drop = 3},
	{"SHARE", .right = true, .drop = 4},
	{"GAIN", .min = 8, .drop = 2},
	{"LAST SEEN", .right = true, .drop = 5},
	{"NOTE", .min = 20, .below = true},
};

static void relay_add(struct dt_table *t, const json_t *relay)
{
	dt_cells_relay(t, relay);
	if (json_object_get(relay, "share"))
		dt_table_add(t, DT_PLAIN, "%ld %%", dt_cell_percent(dt_field_real(relay, "share")));
	else
		dt_table_add(t, DT_DIM, "?");
	dt_cell_gain(t, relay);
	dt_cell_duration(t, relay, "seen_s_ago", " ago");
	dt_table_add(t, DT_PLAIN, "%s", dt_field_text_if_any(relay, "reason"));
}

static void relays_print(const json_t *relays, const struct dt_screen *screen, FILE *to)
{
	struct dt_table *t;
	json_t *relay;
	size_t i;

	if (json_array_size(relays) == 0) {
		fputc('\n', to);
		line_print(screen, DT_WARNING, to, "no relays: add a [relay NAME] to the configuration");
		return;
	}
	t = dt_table_new(relay_columns, sizeof(relay_columns) / sizeof(relay_columns[0]));
	json_array_foreach(relays, i, relay)
		relay_add(t, relay);
	fputc('\n', to);
	dt_table_print(t, screen, to);
	dt_table_free(t);
}

static const struct dt_table_column connection_columns[] = {
	{"ID", .right = true, .drop = 9},    {"PROGRAM", .min = 7, .drop = 4},
	{"USER", .min = 4, .drop = 5},	     {"SERVER", .min = 21},
	{"RULE", .min = 4, .drop = 8},	     {"AGE", .right = true, .drop = 6},
	{"DOWN", .right = true, .drop = 1},  {"UP", .right = true, .drop = 3},
	{"PATHS", .min = 30, .below = true},
};

/* Of a list that is longer than what is shown. */
static void rest_print(size_t count, size_t shown, const char *what, const struct dt_screen *screen, FILE *to)
{
	if (count > shown)
		line_print(screen, DT_DIM, to, "and %zu more %s; --limit 0 shows all", count - shown, what);
}

static void connections_print(size_t all, const json_t *list, const struct dt_choose *choose,
			      const struct dt_screen *screen, FILE *to)
{
	size_t count = dt_choose_filters(choose) ? json_array_size(list) : all;
	struct dt_table *t;
	json_t *connection;
	size_t i;

	fputc('\n', to);
	if (json_array_size(list) == 0) {
		line_print(screen, DT_DIM, to, "%s",
			   all ? "no connection matches" : "no connections that this host opened with MPTCP");
		return;
	}
	t = dt_table_new(connection_columns, sizeof(connection_columns) / sizeof(connection_columns[0]));
	json_array_foreach(list, i, connection)
		if (i < choose->limit)
			dt_cells_connection(t, connection);
	dt_table_print(t, screen, to);
	dt_table_free(t);
	rest_print(count, choose->limit, "connections", screen, to);
}

/* "; 91.2 Mbit/s down, 1.2 Mbit/s up". */
static void rates_write(FILE *out, const json_t *total)
{
	char down[DT_UNITS_STRLEN], up[DT_UNITS_STRLEN];

	fprintf(out, "; %s down, %s up", dt_rate_format(dt_field_real(total, "receive_bps"), down),
		dt_rate_format(dt_field_real(total, "send_bps"), up));
}

static void summary_print(const json_t *status, const char *counted, const struct dt_screen *screen, FILE *to)
{
	const json_t *total = json_object_get(status, "total");
	char age[DT_UNITS_STRLEN], *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		dt_memory_exhausted("a line");
	fprintf(out, "detourd %s, %s", dt_field_text_if_any(status, "release"), dt_field_text(status, "mode"));
	if (json_object_get(status, "uptime_s"))
		fprintf(out, ", for %s", dt_duration_format(dt_field_count(status, "uptime_s"), age));
	fprintf(out, ": %s", counted);
	if (total)
		rates_write(out, total);
	if (json_object_get(total, "detours_share"))
		fprintf(out, ", %ld %% over relays", dt_cell_percent(dt_field_real(total, "detours_share")));
	if (json_object_get(total, "gain"))
		fprintf(out, "; gain %s", dt_field_text(json_object_get(total, "gain"), "text"));
	if (fclose(out) != 0)
		dt_memory_exhausted("a line");
	line_print(screen, DT_BOLD, to, "%s", text);
	free(text);
}

/* Those that are not 0. */
static void counters_print(const json_t *counters, const struct dt_screen *screen, FILE *to)
{
	char *text = NULL;
	const char *name, *comma = "";
	json_t *value;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		dt_memory_exhausted("a line");
	json_object_foreach((json_t *)counters, name, value) {
		if (json_integer_value(value) == 0)
			continue;
		fprintf(out, "%s%s %" JSON_INTEGER_FORMAT, comma, name, json_integer_value(value));
		comma = ", ";
	}
	if (fclose(out) != 0)
		dt_memory_exhausted("a line");
	if (*text) {
		fputc('\n', to);
		line_print(screen, DT_PLAIN, to, "counters: %s", text);
	}
	free(text);
}

static void client_print(const json_t *status, const json_t *list, const struct dt_choose *choose,
			 const struct dt_screen *screen, FILE *to)
{
	const json_t *total = json_object_get(status, "total");
	/* the daemon may have been asked for some only */
	uint64_t known = dt_field_count(total, "connections");
	size_t listed = json_array_size(json_object_get(status, "connections")), all = known > listed ? known : listed;
	char counted[96];

	snprintf(counted, sizeof(counted), "%zu connection%s, %llu moving", all, all == 1 ? "" : "s",
		 (unsigned long long)dt_field_count(total, "moving"));
	summary_print(status, counted, screen, to);
	relays_print(json_object_get(status, "relays"), screen, to);
	connections_print(all, list, choose, screen, to);
	dt_render_servers(status, to);
}

/* --- relay ------------------------------------------------------------------------------------- */

static const struct dt_table_column client_columns[] = {
	{"CLIENT", .min = 6},
	{"ADDRESS", .min = 15, .drop = 3},
	{"LAST SEEN", .right = true, .drop = 4},
	{"DOWN", .right = true, .drop = 1},
	{"UP", .right = true, .drop = 2},
	{"LEASES", .right = true, .drop = 7},
	{"FLOWS", .right = true, .drop = 6},
	{"CONVERTED", .right = true, .drop = 5},
	{"CARRIED DOWN", .right = true, .drop = 9},
	{"CARRIED UP", .right = true, .drop = 8},
	{"LIMITS REACHED", .below = true},
};

static char *limits_of(const json_t *client)
{
	const json_t *limits = json_object_get(client, "limits_reached");
	char *text = NULL;
	json_t *limit;
	size_t i, len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		dt_memory_exhausted("a line");
	json_array_foreach(limits, i, limit)
		fprintf(out, "%s%s", i ? ", " : "", json_string_value(limit) ? json_string_value(limit) : "?");
	if (fclose(out) != 0)
		dt_memory_exhausted("a line");
	return text;
}

static void client_add(struct dt_table *t, const json_t *client)
{
	char *limits = limits_of(client);

	dt_table_add(t, DT_PLAIN, "%s", dt_field_text(client, "name"));
	dt_table_add(t, DT_PLAIN, "%s", dt_field_text_if_any(client, "address"));
	if (json_object_get(client, "seen_s_ago"))
		dt_cell_duration(t, client, "seen_s_ago", " ago");
	else
		dt_table_add(t, DT_DIM, "never");
	dt_cell_rate(t, client, "receive_bps");
	dt_cell_rate(t, client, "send_bps");
	dt_table_add(t, DT_PLAIN, "%" JSON_INTEGER_FORMAT, dt_field_number(client, "leases"));
	dt_table_add(t, DT_PLAIN, "%" JSON_INTEGER_FORMAT, dt_field_number(client, "flows"));
	dt_cell_converted(t, client);
	dt_cell_carried(t, client, "bytes_down");
	dt_cell_carried(t, client, "bytes_up");
	dt_table_add(t, DT_WARNING, "%s", limits);
	free(limits);
}

static void clients_print(const json_t *list, const struct dt_choose *choose, const struct dt_screen *screen, FILE *to)
{
	struct dt_table *t;
	json_t *client;
	size_t i;

	fputc('\n', to);
	if (json_array_size(list) == 0) {
		line_print(screen, DT_WARNING, to, "no clients: add a [client NAME] to the configuration");
		return;
	}
	t = dt_table_new(client_columns, sizeof(client_columns) / sizeof(client_columns[0]));
	json_array_foreach(list, i, client)
		if (i < choose->limit)
			client_add(t, client);
	dt_table_print(t, screen, to);
	dt_table_free(t);
	rest_print(json_array_size(list), choose->limit, "clients", screen, to);
}

static void relay_print(const json_t *status, const json_t *list, const struct dt_choose *choose,
			const struct dt_screen *screen, FILE *to)
{
	uint64_t flows = dt_field_count(status, "open_flows"),
		 converted = dt_field_count(status, "converted_connections");
	size_t clients = json_array_size(list), i;
	char counted[160], more[64] = "";
	json_t *item;

	if (converted)
		snprintf(more, sizeof(more), ", %llu converted connection%s", (unsigned long long)converted,
			 converted == 1 ? "" : "s");
	snprintf(counted, sizeof(counted), "%zu client%s, %llu open flow%s%s", clients, clients == 1 ? "" : "s",
		 (unsigned long long)flows, flows == 1 ? "" : "s", more);
	summary_print(status, counted, screen, to);
	if (dt_field_is_true(status, "draining"))
		line_print(screen, DT_WARNING, to, "draining: no new leases; stops when no flow is open, now %llu%s",
			   (unsigned long long)flows, more);
	json_array_foreach(json_object_get(status, "before_nat"), i, item)
		line_print(screen, DT_WARNING, to, "%s: another program's %s " DT_NEIGHBOUR_EFFECT,
			   dt_field_text(item, "interface"), dt_field_text(item, "what"));
	clients_print(list, choose, screen, to);
}

void dt_view_status(const json_t *status, const json_t *list, const struct dt_choose *choose,
		    const struct dt_screen *screen, FILE *to)
{
	if (strcmp(dt_field_text(status, "mode"), "relay") == 0)
		relay_print(status, list, choose, screen, to);
	else
		client_print(status, list, choose, screen, to);
	counters_print(json_object_get(status, "counters"), screen, to);
}
