/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/invite.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/config.h"
#include "base/units.h"
#include "base/unix.h"
#include "cli/ask.h"
#include "cli/cells.h"
#include "cli/fields.h"
#include "cli/query.h"
#include "cli/setup.h"
#include "cli/table.h"
#include "relay/config.h"

#define UNIT "detourd-relay.service"
#define FOR_DEFAULT_S (24 * 3600)

static const char *control_of(const struct dt_options *options)
{
	return options->control ? options->control : DT_RELAY_CONTROL_PATH;
}

static void time_format(char *out, size_t cap, json_int_t s)
{
	time_t at = (time_t)s;

	strftime(out, cap, "%Y-%m-%d %H:%M", localtime(&at));
}

/* --- invite ------------------------------------------------------------------------------------ */

/* The request; NULL after a complaint. */
static char *request_make(const struct dt_options *options)
{
	const char *time_given = options->value[DT_CLI_FOR], *rate = options->value[DT_CLI_MAX_RATE];
	const char *endpoint = options->value[DT_CLI_ENDPOINT];
	json_int_t for_s = time_given ? (json_int_t)dt_duration_parse(time_given) : FOR_DEFAULT_S;
	uint64_t max_rate_bps = 0;
	char *text, *request = NULL;
	json_t *asked;

	if (for_s == 0) {
		fprintf(stderr, "detourd: --for %s is not a time such as 90s, 30m, 24h or 7d\n", time_given);
		return NULL;
	}
	if (rate && dt_rate_parse(rate, &max_rate_bps) < 0) {
		fprintf(stderr, "detourd: --max-rate %s is not a rate from 64kbit to 1000gbit, such as 100mbit\n",
			rate);
		return NULL;
	}
	asked = json_pack("{s:s, s:I, s:I, s:b, s:s*}", "name", options->argument, "for_s", for_s, "max_rate_bps",
			  (json_int_t)max_rate_bps, "convert", (options->given >> DT_CLI_CONVERT & 1) != 0, "endpoint",
			  endpoint);
	text = asked ? json_dumps(asked, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	json_decref(asked);
	if (!text || asprintf(&request, "invite %s", text) < 0) {
		fputs("detourd: the name or the endpoint is not valid text\n", stderr);
		request = NULL;
	}
	free(text);
	return request;
}

/* Where no relay runs, starts one if that needs no decision of its owner. */
static void relay_prepare(const struct dt_options *options)
{
	int fd = dt_unix_connect(control_of(options), SOCK_STREAM);

	if (fd >= 0)
		close(fd);
	if ((fd != -ENOENT && fd != -ECONNREFUSED) || options->control || access("/run/systemd/system", F_OK) < 0)
		return;
	if (dt_setup_config(DT_RELAY_CONFIG_PATH, "relay", "invite") >= 0)
		dt_setup_start(UNIT);
}

int dt_cli_invite(const struct dt_options *options)
{
	char *request = request_make(options), until[64];
	json_t *answer;

	if (!request)
		return 2;
	relay_prepare(options);
	answer = dt_ask_or_complain(control_of(options), request);
	free(request);
	if (!answer)
		return 1;
	puts(json_string_value(json_object_get(answer, "line")));
	time_format(until, sizeof(until), dt_field_number(answer, "until"));
	fprintf(stderr, "give it to %s as you would a password: it is good once, until %s, for: detourd join LINE\n",
		options->argument, until);
	json_decref(answer);
	return dt_query_output_done();
}

/* --- clients ----------------------------------------------------------------------------------- */

static const struct dt_table_column columns[] = {
	{"CLIENT", .min = 6},
	{"BY", .min = 0},
	{"CONVERT", .min = 0},
	{"LAST SEEN", .right = true, .drop = 2},
	{"ADDRESS", .min = 15, .drop = 1},
	{"LEASES", .right = true, .drop = 4},
	{"FLOWS", .right = true, .drop = 3},
	{"CARRIED DOWN", .right = true, .drop = 6},
	{"CARRIED UP", .right = true, .drop = 5},
};

static void client_add(struct dt_table *t, const json_t *client)
{
	char buf[DT_UNITS_STRLEN];

	dt_table_add(t, DT_PLAIN, "%s", dt_field_text(client, "name"));
	dt_table_add(t, DT_PLAIN, "%s", dt_field_is_true(client, "joined") ? "invitation" : "config");
	dt_table_add(t, DT_PLAIN, "%s", dt_field_is_true(client, "convert") ? "yes" : "no");
	if (json_object_get(client, "seen_s_ago"))
		dt_table_add(t, DT_PLAIN, "%s ago", dt_duration_format(dt_field_count(client, "seen_s_ago"), buf));
	else /* since the relay's start */
		dt_table_add(t, DT_DIM, "never");
	dt_table_add(t, DT_PLAIN, "%s", dt_field_text_if_any(client, "address"));
	dt_table_add(t, DT_PLAIN, "%" JSON_INTEGER_FORMAT, dt_field_number(client, "leases"));
	dt_table_add(t, DT_PLAIN, "%" JSON_INTEGER_FORMAT, dt_field_number(client, "flows"));
	dt_cell_carried(t, client, "bytes_down");
	dt_cell_carried(t, client, "bytes_up");
}

static void invitation_print(const json_t *invitation)
{
	char until[64];

	/* what ended is of interest to its holder only */
	if (strcmp(dt_field_text(invitation, "state"), "open") != 0)
		return;
	time_format(until, sizeof(until), dt_field_number(invitation, "until"));
	printf("%s is invited until %s%s\n", dt_field_text(invitation, "name"), until,
	       dt_field_is_true(invitation, "convert") ? ", with --convert" : "");
}

static void all_print(const json_t *clients, const json_t *invitations)
{
	struct dt_table *t = dt_table_new(columns, sizeof(columns) / sizeof(columns[0]));
	struct dt_screen screen = dt_screen_look();
	json_t *item;
	size_t i;

	json_array_foreach(clients, i, item)
		client_add(t, item);
	if (json_array_size(clients))
		dt_table_print(t, &screen, stdout);
	dt_table_free(t);
	json_array_foreach(invitations, i, item)
		invitation_print(item);
}

int dt_cli_clients(const struct dt_options *options)
{
	json_t *status = dt_ask_or_complain(control_of(options), "status"), *clients, *invitations, *both;

	if (!status)
		return 1;
	clients = json_object_get(status, "clients");
	invitations = json_object_get(status, "invitations");
	if (options->json) {
		both = json_pack("{s:i, s:O, s:O}", "version", 1, "clients", clients, "invitations", invitations);
		json_dumpf(both, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(both);
	} else {
		all_print(clients, invitations);
	}
	json_decref(status);
	return dt_query_output_done();
}

/* --- revoke ------------------------------------------------------------------------------------ */

int dt_cli_revoke(const struct dt_options *options)
{
	json_t *answer;
	char *request;

	if (asprintf(&request, "revoke %s", options->argument) < 0)
		return 1;
	answer = dt_ask_or_complain(control_of(options), request);
	free(request);
	if (!answer)
		return 1;
	printf("%s %s\n", json_is_true(json_object_get(answer, "joined")) ? "revoked" : "withdrew the invitation of",
	       options->argument);
	json_decref(answer);
	return dt_query_output_done();
}
