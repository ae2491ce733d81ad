/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/status.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/choose.h"
#include "cli/fields.h"
#include "cli/query.h"
#include "cli/text.h"
#include "cli/view.h"

#define WATCH_DEFAULT_S 2
#define WATCH_MIN_S 0.1
#define WATCH_MAX_S 86400
/* What else is on a screen: summary, titles, a few relays, counters. */
#define ROWS_BESIDE 12

/* Seconds between two answers; 0: once. Negative: not a number. */
static double interval_s(const struct dt_options *options)
{
	const char *value = options->value[DT_CLI_WATCH];
	double seconds;
	char *end;

	if (!(options->given & 1u << DT_CLI_WATCH))
		return 0;
	if (!value)
		return WATCH_DEFAULT_S;
	seconds = strtod(value, &end);
	if (*end || !(seconds >= WATCH_MIN_S && seconds <= WATCH_MAX_S)) {
		fprintf(stderr, "detourd: --watch takes seconds, 0.1 to 86400: %s\n", value);
		return -1;
	}
	return seconds;
}

static void json_show(const struct dt_options *options, json_t *status, const char *what, json_t *list,
		      const struct dt_choose *choose, bool once, FILE *to)
{
	size_t count = json_array_size(list);

	if (choose->limit_given && count > choose->limit)
		for (size_t i = count; i-- > choose->limit;)
			json_array_remove(list, i);
	/* without a wish, as the daemon says it */
	if (choose->sort_given || choose->limit_given || dt_choose_filters(choose))
		json_object_set(status, what, list);
	json_dumpf(status, to, (once ? JSON_INDENT(2) : JSON_COMPACT) | JSON_ENSURE_ASCII);
	fputc('\n', to);
}

/* For people, without what takes the daemon longest; a daemon that is older knows no such question. */
static json_t *status_ask(const struct dt_options *options, const struct dt_choose *choose, FILE *errors)
{
	char *said = NULL, request[48] = "status brief";
	json_t *status;
	size_t len;
	FILE *to;

	if (options->json)
		return dt_query(options, "status", errors);
	to = open_memstream(&said, &len);
	if (!to)
		dt_memory_exhausted("an answer");
	/* the daemon has the highest rates at hand, and nothing else is to be chosen by */
	if (dt_choose_is_by_rate(choose) && choose->limit < SIZE_MAX)
		snprintf(request, sizeof(request), "status brief %zu", choose->limit);
	status = dt_query(options, request, to);
	if (fclose(to) != 0)
		dt_memory_exhausted("an answer");
	if (!status && strstr(said, "unknown request"))
		status = dt_query(options, "status", errors);
	else if (!status)
		fputs(said, errors);
	free(said);
	return status;
}

/* 0, or the exit code after one line on errors. */
static int answer_show(const struct dt_options *options, const struct dt_choose *choose, const struct dt_screen *screen,
		       bool once, FILE *to, FILE *errors)
{
	json_t *status = status_ask(options, choose, errors), *list;
	bool relay;

	if (!status)
		return 1;
	relay = strcmp(dt_field_text(status, "mode"), "relay") == 0;
	if (relay && dt_choose_filters(choose)) {
		fputs("detourd: a relay knows no connections, so there is nothing to filter\n", errors);
		json_decref(status);
		return 1;
	}
	list = dt_choose(choose, json_object_get(status, relay ? "clients" : "connections"), relay);
	if (options->json) {
		json_show(options, status, relay ? "clients" : "connections", list, choose, once, to);
	} else {
		dt_text_clean_json(status);
		dt_view_status(status, list, choose, screen, to);
	}
	json_decref(list);
	json_decref(status);
	return 0;
}

static void pause_s(double seconds)
{
	struct timespec left = {.tv_sec = (time_t)seconds, .tv_nsec = (long)(fmod(seconds, 1) * 1e9)};

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

/* So many connections fit, with the line that each may need below it. */
static void limit_to_screen(struct dt_choose *choose, const struct dt_screen *screen)
{
	size_t rows = screen->rows > ROWS_BESIDE + 4 ? screen->rows - ROWS_BESIDE : 4;

	if (screen->rows && !choose->limit_given)
		choose->limit = rows / 2;
}

/*
 * One of many answers. It is put together first, so that a screen does not flicker. Fails only where nothing could be
 * shown yet: a daemon that goes later may come back.
 */
static int turn_show(const struct dt_options *options, struct dt_choose *choose, bool first)
{
	struct dt_screen screen = dt_screen_look();
	bool redraws = screen.rows && !options->json;
	char *text = NULL, now[32];
	time_t at = time(NULL);
	size_t len;
	int code;
	FILE *to = open_memstream(&text, &len);

	if (!to)
		dt_memory_exhausted("a screen");
	limit_to_screen(choose, &screen);
	strftime(now, sizeof(now), "%H:%M:%S", localtime(&at));
	if (!options->json)
		fprintf(to, "%s\n", now);
	code = answer_show(options, choose, &screen, false, to, redraws && !first ? to : stderr);
	if (fclose(to) != 0)
		dt_memory_exhausted("a screen");
	if (!first || code == 0) {
		fputs(redraws ? "\033[H\033[J" : first || options->json ? "" : "\n", stdout);
		fputs(text, stdout);
	}
	free(text);
	return first ? code : 0;
}

int dt_cli_status(const struct dt_options *options)
{
	double every_s = interval_s(options);
	struct dt_choose choose;
	struct dt_screen screen;
	int code = every_s < 0 || dt_choose_parse(&choose, options, stderr) < 0 ? 2 : 0;

	if (code)
		return code;
	if (every_s == 0) {
		screen = dt_screen_look();
		code = answer_show(options, &choose, &screen, true, stdout, stderr);
		return code ? code : dt_query_output_done();
	}
	for (bool first = true; code == 0; first = false) {
		code = turn_show(options, &choose, first);
		if (code == 0)
			code = dt_query_output_done();
		if (code == 0)
			pause_s(every_s);
	}
	return code;
}
