/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which events `monitor` shows, and how they read. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/monitor.h"
#include "cli/render.h"
#include "cli/quoted.h"

static bool passes(struct dt_options options, const char *text)
{
	struct dt_monitor_filter filter;
	json_t *event = parsed(text);
	bool shown;

	cr_assert(event && dt_monitor_filter_parse(&filter, &options, stderr) == 0);
	shown = dt_monitor_filter_passes(&filter, event);
	json_decref(event);
	return shown;
}
#define PASSES(text, ...) passes((struct dt_options){__VA_ARGS__}, text)

Test(monitor, events_are_filtered)
{
	static const char join[] = "{'event':'subflow','level':'debug','id':7,'relay':'fra','detail':'pending'}";
	static const char plain[] = "{'event':'subflow','level':'info','id':8,'via':'direct','detail':'closed'}";
	static const char old[] = "{'event':'relay','relay':'fra','detail':'up'}";

	cr_assert(PASSES(join, .relay = false) && PASSES("{}", .relay = false));
	cr_assert(!PASSES(join, .value[DT_CLI_LEVEL] = "info") && PASSES(plain, .value[DT_CLI_LEVEL] = "info"));
	cr_assert(PASSES(old, .value[DT_CLI_LEVEL] = "info") && !PASSES(old, .value[DT_CLI_LEVEL] = "warn"));
	cr_assert(PASSES(join, .value[DT_CLI_KIND] = "subflow") && !PASSES(join, .value[DT_CLI_KIND] = "relay"));
	cr_assert(PASSES(join, .value[DT_CLI_VIA] = "fra") && !PASSES(plain, .value[DT_CLI_VIA] = "fra"));
	cr_assert(PASSES(plain, .value[DT_CLI_VIA] = "direct") && !PASSES("{}", .value[DT_CLI_VIA] = "fra"));
	cr_assert(PASSES(join, .value[DT_CLI_CONNECTION] = "7") && !PASSES(plain, .value[DT_CLI_CONNECTION] = "7"));
	cr_assert(!PASSES(old, .value[DT_CLI_CONNECTION] = "7"));
	cr_assert(PASSES("{'event':'convert'}", .value[DT_CLI_KIND] = "convert"));
}

static void is_refused(enum dt_cli_option option, const char *value)
{
	struct dt_options options = {0};
	struct dt_monitor_filter filter;
	char *said = NULL;
	size_t len;
	FILE *errors = open_memstream(&said, &len);

	options.value[option] = value;
	cr_assert(dt_monitor_filter_parse(&filter, &options, errors) == -EINVAL, "%s", value);
	fclose(errors);
	cr_assert(strchr(said, '\n') == said + len - 1, "one line: %s", said);
	free(said);
}

Test(monitor, wrong_values_are_refused)
{
	is_refused(DT_CLI_LEVEL, "loud");
	is_refused(DT_CLI_KIND, "subflows");
	is_refused(DT_CLI_CONNECTION, "0");
	is_refused(DT_CLI_CONNECTION, "x");
	is_refused(DT_CLI_CONNECTION, "7x");
	is_refused(DT_CLI_CONNECTION, "99999999999999999999");
}

static void reads(const char *text, const char *line)
{
	json_t *event = parsed(text);
	char *out = NULL;
	size_t len;
	FILE *to = open_memstream(&out, &len);

	dt_render_event(event, to);
	fclose(to);
	cr_assert_str_eq(out, line);
	free(out);
	json_decref(event);
}

Test(monitor, an_event_is_a_line)
{
	reads("{'time_ms':5,'time':'2026-11-29T07:30:12.345Z','level':'info','event':'subflow','id':2,"
	      "'remote':'192.0.2.80:5201','relay':'fra','detail':'established'}",
	      "2026-11-29T07:30:12.345Z info  subflow  2 192.0.2.80:5201  fra  established\n");
	reads("{'time':'2026-11-29T07:30:12.345Z','level':'warn','event':'relay','relay':'fra','detail':'down'}",
	      "2026-11-29T07:30:12.345Z warn  relay  fra  down\n");
	reads("{'time_ms':433843,'event':'connection','id':1,'remote':'192.0.2.80:5201','detail':'established'}",
	      "433.843 connection  1 192.0.2.80:5201  established\n");
	reads("{'time_ms':433843,'event':'connection','id':1,'remote':'192.0.2.80:5201','converter':'fra',"
	      "'detail':'established'}",
	      "433.843 connection  1 192.0.2.80:5201  converted by fra  established\n");
	reads("{}", "0.000 ?\n");
}
