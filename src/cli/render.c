/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/render.h"

#include <stdbool.h>
#include <string.h>

#include "relay/neighbours.h"

#define SIZE_STRLEN 24

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "?";
}

static json_int_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* SI units, three digits. */
static const char *size_format(json_int_t bytes, char *buf)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1000;
		unit++;
	}
	snprintf(buf, SIZE_STRLEN, "%.*f %s", unit && value < 100 ? 1 : 0, value, units[unit]);
	return buf;
}

static void rtt_print(json_int_t rtt_us, FILE *to)
{
	if (rtt_us)
		fprintf(to, "  rtt %.1f ms", (double)rtt_us / 1000);
}

static void counters_print(const json_t *counters, FILE *to)
{
	const char *name;
	json_t *value;
	bool any = false;

	json_object_foreach((json_t *)counters, name, value) {
		if (json_integer_value(value) == 0)
			continue;
		if (!any)
			fputs("counters\n", to);
		any = true;
		fprintf(to, "  %-22s %" JSON_INTEGER_FORMAT "\n", name, json_integer_value(value));
	}
}

static void subflow_print(const json_t *subflow, FILE *to)
{
	char sent[SIZE_STRLEN], received[SIZE_STRLEN];

	fprintf(to, "    %-12s %-9s %-11s %s -> %s  sent %s  received %s", text_of(subflow, "via"),
		text_of(subflow, "carrier"), text_of(subflow, "state"), text_of(subflow, "local"),
		text_of(subflow, "remote"), size_format(number_of(subflow, "bytes_acked"), sent),
		size_format(number_of(subflow, "bytes_received"), received));
	rtt_print(number_of(subflow, "srtt_us"), to);
	if (json_object_get(subflow, "interface"))
		fprintf(to, "  by %s", text_of(subflow, "interface"));
	if (json_is_true(json_object_get(subflow, "backup")))
		fputs("  backup", to);
	if (number_of(subflow, "receive_bps"))
		fprintf(to, "  receiving %.1f Mbit/s", (double)number_of(subflow, "receive_bps") / 1e6);
	if (number_of(subflow, "retransmits"))
		fprintf(to, "  retransmits %" JSON_INTEGER_FORMAT, number_of(subflow, "retransmits"));
	if (json_object_get(subflow, "note"))
		fprintf(to, "  (%s)", text_of(subflow, "note"));
	fputc('\n', to);
}

static void connection_print(const json_t *connection, FILE *to)
{
	json_t *subflow;
	size_t i;

	fprintf(to, "  %" JSON_INTEGER_FORMAT "  %s -> %s\n", number_of(connection, "id"), text_of(connection, "local"),
		text_of(connection, "remote"));
	json_array_foreach(json_object_get(connection, "subflows"), i, subflow)
		subflow_print(subflow, to);
	if (*text_of(connection, "why"))
		fprintf(to, "    why: %s\n", text_of(connection, "why"));
}

static void destinations_print(const json_t *destinations, FILE *to)
{
	json_t *item;
	size_t i;

	if (json_array_size(destinations) == 0)
		return;
	fputs("servers without MPTCP\n", to);
	json_array_foreach(destinations, i, item)
		fprintf(to, "  %s  connections %" JSON_INTEGER_FORMAT "  last %" JSON_INTEGER_FORMAT " s ago: %s\n",
			text_of(item, "remote"), number_of(item, "connections"), number_of(item, "age_s"),
			text_of(item, "why"));
}

static void limits_print(const json_t *limits, FILE *to)
{
	json_t *item;
	size_t i;

	if (json_array_size(limits) == 0)
		return;
	fputs("servers that refuse more subflows\n", to);
	json_array_foreach(limits, i, item)
		fprintf(to,
			"  %s  took %" JSON_INTEGER_FORMAT ", refused %" JSON_INTEGER_FORMAT
			" joins; not asked again for %" JSON_INTEGER_FORMAT " s\n",
			text_of(item, "remote"), number_of(item, "took"), number_of(item, "refused"),
			number_of(item, "left_s"));
}

static void endpoints_print(const json_t *endpoints, FILE *to)
{
	json_t *item;
	size_t i;

	json_array_foreach(endpoints, i, item)
		fprintf(to,
			"%s: its endpoint of ip mptcp, %s, has no effect while detourd runs; to use it, name %s in "
			"`interfaces`\n",
			text_of(item, "interface"), text_of(item, "address"), text_of(item, "interface"));
}

static void client_print(const json_t *status, FILE *to)
{
	const json_t *relays = json_object_get(status, "relays"), *connections = json_object_get(status, "connections");
	size_t i;
	json_t *item;

	fputs("relays\n", to);
	json_array_foreach(relays, i, item) {
		fprintf(to, "  %-14s %-11s %s", text_of(item, "name"), text_of(item, "state"),
			text_of(item, "endpoint"));
		rtt_print(number_of(item, "rtt_us"), to);
		if (*text_of(item, "reason"))
			fprintf(to, "  (%s)", text_of(item, "reason"));
		fputc('\n', to);
	}
	if (json_array_size(relays) == 0)
		fputs("  none: add a [relay NAME] to the configuration\n", to);
	fputs("connections\n", to);
	json_array_foreach(connections, i, item)
		connection_print(item, to);
	if (json_array_size(connections) == 0)
		fputs("  none that this host opened with MPTCP\n", to);
	destinations_print(json_object_get(status, "destinations"), to);
	limits_print(json_object_get(status, "server_limits"), to);
	endpoints_print(json_object_get(status, "unused_endpoints"), to);
}

static void relay_print(const json_t *status, FILE *to)
{
	char up[SIZE_STRLEN], down[SIZE_STRLEN];
	const json_t *clients = json_object_get(status, "clients"), *before = json_object_get(status, "before_nat");
	json_t *item;
	size_t i;

	if (json_is_true(json_object_get(status, "draining")))
		fprintf(to, "draining: no new leases; stops when no flow is open, now %" JSON_INTEGER_FORMAT "\n",
			number_of(status, "open_flows"));
	json_array_foreach(before, i, item)
		fprintf(to, "%s: another program's %s " DT_NEIGHBOUR_EFFECT "\n", text_of(item, "interface"),
			text_of(item, "what"));
	fputs("clients\n", to);
	json_array_foreach(clients, i, item)
		fprintf(to, "  %-14s leases %" JSON_INTEGER_FORMAT "  flows %" JSON_INTEGER_FORMAT "  up %s  down %s\n",
			text_of(item, "name"), number_of(item, "leases"), number_of(item, "flows"),
			size_format(number_of(item, "bytes_up"), up), size_format(number_of(item, "bytes_down"), down));
	if (json_array_size(clients) == 0)
		fputs("  none: add a [client NAME] to the configuration\n", to);
}

void dt_render_status(const json_t *status, FILE *to)
{
	if (strcmp(text_of(status, "mode"), "relay") == 0)
		relay_print(status, to);
	else
		client_print(status, to);
	counters_print(json_object_get(status, "counters"), to);
}

/* Connections that never asked for MPTCP, and how to make them ask. */
static void plain_print(const json_t *why, json_int_t plain, FILE *to)
{
	fprintf(to, "TCP without MPTCP\n  %" JSON_INTEGER_FORMAT " now with %s: nobody asked for MPTCP; ", plain,
		text_of(why, "server"));
	if (*text_of(why, "mptcp_problem"))
		fprintf(to, "[mptcp] has no effect: %s; see mptcpize(8)\n", text_of(why, "mptcp_problem"));
	else if (json_is_true(json_object_get(why, "mptcp_enabled")))
		fputs("they are older than [mptcp], or not among those that it chooses\n", to);
	else
		fputs("see [mptcp] in detourd-client.conf(5), or mptcpize(8)\n", to);
}

static void lost_print(const json_t *why, json_int_t fell_back, FILE *to)
{
	fprintf(to, "TCP after all\n  %" JSON_INTEGER_FORMAT " open with %s asked for MPTCP and did not get it, ",
		fell_back, text_of(why, "server"));
	fputs("or have moved no data yet; if no server without MPTCP is\n", to);
	fputs("  named above, something strips it from later segments\n", to);
}

void dt_render_why(const json_t *why, FILE *to)
{
	const json_t *connections = json_object_get(why, "connections"),
		     *destinations = json_object_get(why, "destinations"),
		     *limits = json_object_get(why, "server_limits");
	json_int_t plain = number_of(why, "plain_tcp"), fell_back = number_of(why, "fell_back_open");
	json_t *item;
	size_t i;

	if (json_array_size(connections) > 0)
		fputs("connections\n", to);
	json_array_foreach(connections, i, item)
		connection_print(item, to);
	destinations_print(destinations, to);
	limits_print(limits, to);
	if (plain)
		plain_print(why, plain, to);
	if (fell_back)
		lost_print(why, fell_back, to);
	if (!plain && !fell_back &&
	    json_array_size(connections) + json_array_size(destinations) + json_array_size(limits) == 0)
		fprintf(to, "no TCP connection is open with %s, and nothing is remembered of it\n",
			text_of(why, "server"));
}

void dt_render_event(const json_t *event, FILE *to)
{
	const json_t *id = json_object_get(event, "id"), *relay = json_object_get(event, "relay");
	json_int_t time_ms = number_of(event, "time_ms");

	fprintf(to, "%" JSON_INTEGER_FORMAT ".%03d %s", time_ms / 1000, (int)(time_ms % 1000), text_of(event, "event"));
	if (id)
		fprintf(to, "  %" JSON_INTEGER_FORMAT " %s", json_integer_value(id), text_of(event, "remote"));
	if (relay)
		fprintf(to, "  %s", text_of(event, "relay"));
	if (json_object_get(event, "detail"))
		fprintf(to, "  %s", text_of(event, "detail"));
	fputc('\n', to);
}
