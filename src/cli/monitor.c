/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/monitor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/fields.h"
#include "cli/query.h"
#include "cli/render.h"
#include "cli/text.h"

/* Lowest first. An event of an older daemon has none, and counts as "info". */
static const char *const levels[] = {"debug", "info", "warn"};
#define LEVELS ((int)(sizeof(levels) / sizeof(levels[0])))
#define LEVEL_INFO 1

/* A client's, then a relay's. */
static const char *const kinds[] = {"connection", "subflow", "relay", "decision", "fallback", "address",
				    "convert",	  "client",  "lease", "flow",	  "limit"};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static int complain(FILE *errors, const char *what, const char *value)
{
	fprintf(errors, "detourd: %s: %s\n", what, value);
	return -EINVAL;
}

/* -1: there is no such word. */
static int level_find(const char *word)
{
	for (int i = 0; i < LEVELS; i++)
		if (strcmp(levels[i], word) == 0)
			return i;
	return -1;
}

static bool is_kind(const char *word)
{
	for (size_t i = 0; i < KINDS; i++)
		if (strcmp(kinds[i], word) == 0)
			return true;
	return false;
}

int dt_monitor_filter_parse(struct dt_monitor_filter *out, const struct dt_options *options, FILE *errors)
{
	const char *const *value = options->value;
	const char *id = value[DT_CLI_CONNECTION];
	char *end;

	*out = (struct dt_monitor_filter){.kind = value[DT_CLI_KIND], .via = value[DT_CLI_VIA]};
	if (value[DT_CLI_LEVEL])
		out->level = level_find(value[DT_CLI_LEVEL]);
	if (out->level < 0)
		return complain(errors, "--level takes debug, info or warn", value[DT_CLI_LEVEL]);
	if (out->kind && !is_kind(out->kind))
		return complain(errors,
				"--kind takes connection, subflow, relay, decision, fallback, address or convert, at a "
				"relay client, "
				"lease, flow or limit",
				out->kind);
	if (!id)
		return 0;
	errno = 0;
	out->connection = strtoll(id, &end, 10);
	if (*id < '1' || *id > '9' || *end || errno)
		return complain(errors, "--connection takes a connection's number, as in status", id);
	return 0;
}

bool dt_monitor_filter_passes(const struct dt_monitor_filter *f, const json_t *event)
{
	int level = level_find(dt_field_text(event, "level"));
	const char *via = dt_event_way(event);

	if ((level < 0 ? LEVEL_INFO : level) < f->level)
		return false;
	if (f->kind && strcmp(dt_field_text(event, "event"), f->kind) != 0)
		return false;
	if (f->via && strcmp(via, f->via) != 0)
		return false;
	return !f->connection || dt_field_number(event, "id") == f->connection;
}

static void event_show(const struct dt_options *options, json_t *event)
{
	if (options->json) {
		json_dumpf(event, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
		putchar('\n');
		return;
	}
	dt_text_clean_json(event);
	dt_render_event(event, stdout);
}

int dt_cli_monitor(const struct dt_options *options)
{
	struct dt_monitor_filter filter;
	const char *ended = "the daemon has stopped";
	char *line = NULL;
	size_t room = 0;
	FILE *stream;
	int code = 0;

	if (dt_monitor_filter_parse(&filter, options, stderr) < 0)
		return 2;
	stream = dt_query_stream(options, "monitor", stderr);
	if (!stream)
		return 1;
	while (code == 0 && getline(&line, &room, stream) > 0) {
		json_t *event = json_loads(line, 0, NULL);

		if (!json_is_object(event)) {
			json_decref(event);
			ended = "invalid reply of the daemon; is it of another version?";
			break;
		}
		if (dt_monitor_filter_passes(&filter, event)) {
			event_show(options, event);
			code = dt_query_output_done();
		}
		json_decref(event);
	}
	free(line);
	fclose(stream);
	if (code == 0)
		fprintf(stderr, "detourd: %s\n", ended);
	return 1;
}
