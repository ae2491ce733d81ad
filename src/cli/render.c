/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/render.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "cli/fields.h"
#include "cli/users.h"

static void rtt_print(json_int_t rtt_us, FILE *to)
{
	if (rtt_us)
		fprintf(to, "  rtt %.1f ms", (double)rtt_us / 1000);
}

static void subflow_print(const json_t *subflow, FILE *to)
{
	char sent[DT_UNITS_STRLEN], received[DT_UNITS_STRLEN];

	fprintf(to, "    %-12s %-9s %-11s %s -> %s  sent %s  received %s", dt_field_text(subflow, "via"),
		dt_field_text(subflow, "carrier"), dt_field_text(subflow, "state"), dt_field_text(subflow, "local"),
		dt_field_text(subflow, "remote"), dt_size_format(dt_field_real(subflow, "bytes_acked"), sent),
		dt_size_format(dt_field_real(subflow, "bytes_received"), received));
	rtt_print(dt_field_number(subflow, "srtt_us"), to);
	if (json_object_get(subflow, "interface"))
		fprintf(to, "  by %s", dt_field_text(subflow, "interface"));
	if (json_is_true(json_object_get(subflow, "backup")))
		fputs("  backup", to);
	if (dt_field_number(subflow, "receive_bps"))
		fprintf(to, "  receiving %.1f Mbit/s", (double)dt_field_number(subflow, "receive_bps") / 1e6);
	if (dt_field_number(subflow, "retransmits"))
		fprintf(to, "  retransmits %" JSON_INTEGER_FORMAT, dt_field_number(subflow, "retransmits"));
	if (json_object_get(subflow, "note"))
		fprintf(to, "  (%s)", dt_field_text(subflow, "note"));
	fputc('\n', to);
}

/* Who opened it, as far as that is known. */
static void opener_print(const json_t *connection, FILE *to)
{
	const char *program = dt_field_text_if_any(connection, "program"),
		   *rule = dt_field_text_if_any(connection, "rule");
	char user[DT_USER_STRLEN];

	if (*program)
		fprintf(to, "  program %s", program);
	if (json_object_get(connection, "uid"))
		fprintf(to, "  user %s", dt_user_name((uint32_t)dt_field_number(connection, "uid"), user));
	if (*rule)
		fprintf(to, "  rule %s", rule);
}

static void connection_print(const json_t *connection, FILE *to)
{
	json_t *subflow;
	size_t i;

	fprintf(to, "  %" JSON_INTEGER_FORMAT "  %s -> %s", dt_field_number(connection, "id"),
		dt_field_text(connection, "local"), dt_field_text(connection, "remote"));
	opener_print(connection, to);
	fputc('\n', to);
	json_array_foreach(json_object_get(connection, "subflows"), i, subflow)
		subflow_print(subflow, to);
	if (*dt_field_text(connection, "why"))
		fprintf(to, "    why: %s\n", dt_field_text(connection, "why"));
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
			dt_field_text(item, "remote"), dt_field_number(item, "connections"),
			dt_field_number(item, "age_s"), dt_field_text(item, "why"));
}

static void conversions_print(const json_t *conversions, FILE *to)
{
	json_t *item;
	size_t i;

	if (json_array_size(conversions) == 0)
		return;
	fputs("converted\n", to);
	json_array_foreach(conversions, i, item) {
		bool is_led = *dt_field_text(item, "converter");

		fprintf(to, "  %s  new connections are %s%s  so far %" JSON_INTEGER_FORMAT "\n",
			dt_field_text(item, "remote"),
			is_led ? "converted by " : "direct: ", dt_field_text(item, is_led ? "converter" : "why"),
			dt_field_number(item, "connections"));
	}
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
			dt_field_text(item, "remote"), dt_field_number(item, "took"), dt_field_number(item, "refused"),
			dt_field_number(item, "left_s"));
}

static void endpoints_print(const json_t *endpoints, FILE *to)
{
	json_t *item;
	size_t i;

	json_array_foreach(endpoints, i, item)
		fprintf(to,
			"%s: its endpoint of ip mptcp, %s, has no effect while detourd runs; to use it, name %s in "
			"`interfaces`\n",
			dt_field_text(item, "interface"), dt_field_text(item, "address"),
			dt_field_text(item, "interface"));
}

void dt_render_servers(const json_t *status, FILE *to)
{
	destinations_print(json_object_get(status, "destinations"), to);
	conversions_print(json_object_get(status, "conversions"), to);
	limits_print(json_object_get(status, "server_limits"), to);
	endpoints_print(json_object_get(status, "unused_endpoints"), to);
}

/* Connections that never asked for MPTCP, and how to make them ask. */
static void plain_print(const json_t *why, json_int_t plain, FILE *to)
{
	fprintf(to, "TCP without MPTCP\n  %" JSON_INTEGER_FORMAT " now with %s: nobody asked for MPTCP; ", plain,
		dt_field_text(why, "server"));
	if (*dt_field_text(why, "mptcp_problem"))
		fprintf(to, "[mptcp] has no effect: %s; see mptcpize(8)\n", dt_field_text(why, "mptcp_problem"));
	else if (json_is_true(json_object_get(why, "mptcp_enabled")))
		fputs("they are older than [mptcp], or not among those that it chooses\n", to);
	else
		fputs("see [mptcp] in detourd-client.conf(5), or mptcpize(8)\n", to);
}

static void lost_print(const json_t *why, json_int_t fell_back, FILE *to)
{
	fprintf(to, "TCP after all\n  %" JSON_INTEGER_FORMAT " open with %s asked for MPTCP and did not get it, ",
		fell_back, dt_field_text(why, "server"));
	fputs("or have moved no data yet; if no server without MPTCP is\n", to);
	fputs("  named above, something strips it from later segments\n", to);
}

/* Of a server that was named. */
static void addresses_print(const json_t *why, FILE *to)
{
	const json_t *addresses = json_object_get(why, "addresses");
	json_t *address;
	size_t i;

	json_array_foreach(addresses, i, address)
		fprintf(to, "%s%s%s", i ? ", " : dt_field_text(why, "server"), i ? "" : " is ",
			json_string_value(address));
	if (json_array_size(addresses))
		fputc('\n', to);
}

void dt_render_why(const json_t *why, FILE *to)
{
	const json_t *connections = json_object_get(why, "connections"),
		     *destinations = json_object_get(why, "destinations"),
		     *limits = json_object_get(why, "server_limits");
	json_int_t plain = dt_field_number(why, "plain_tcp"), fell_back = dt_field_number(why, "fell_back_open");
	json_t *item;
	size_t i;

	addresses_print(why, to);
	if (json_array_size(connections) > 0)
		fputs("connections\n", to);
	json_array_foreach(connections, i, item)
		connection_print(item, to);
	destinations_print(destinations, to);
	conversions_print(json_object_get(why, "conversions"), to);
	limits_print(limits, to);
	if (plain)
		plain_print(why, plain, to);
	if (fell_back)
		lost_print(why, fell_back, to);
	if (!plain && !fell_back &&
	    json_array_size(connections) + json_array_size(destinations) + json_array_size(limits) == 0)
		fprintf(to, "no TCP connection is open with %s, and nothing is remembered of it\n",
			dt_field_text(why, "server"));
}

void dt_render_event(const json_t *event, FILE *to)
{
	const json_t *id = json_object_get(event, "id");
	const char *way = dt_event_way(event);
	json_int_t time_ms = dt_field_number(event, "time_ms");

	if (json_object_get(event, "time"))
		fprintf(to, "%s %-5s", dt_field_text(event, "time"), dt_field_text(event, "level"));
	else /* of an older daemon: since the machine started */
		fprintf(to, "%" JSON_INTEGER_FORMAT ".%03d", time_ms / 1000, abs((int)(time_ms % 1000)));
	fprintf(to, " %s", dt_field_text(event, "event"));
	if (id)
		fprintf(to, "  %" JSON_INTEGER_FORMAT " %s", json_integer_value(id), dt_field_text(event, "remote"));
	if (*way)
		fprintf(to, "  %s", way);
	if (json_object_get(event, "address"))
		fprintf(to, " from %s", dt_field_text(event, "address"));
	if (!id && json_object_get(event, "remote"))
		fprintf(to, " to %s", dt_field_text(event, "remote"));
	if (json_object_get(event, "converter") && strcmp(dt_field_text(event, "event"), "connection") == 0)
		fprintf(to, "  converted by %s", dt_field_text(event, "converter"));
	if (json_object_get(event, "detail"))
		fprintf(to, "  %s", dt_field_text(event, "detail"));
	if (dt_field_count(event, "suppressed"))
		fprintf(to, "  (%llu events before it were left out)",
			(unsigned long long)dt_field_count(event, "suppressed"));
	fputc('\n', to);
}
