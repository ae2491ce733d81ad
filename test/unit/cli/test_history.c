/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `history` for people and as a picture; nothing that a daemon says breaks either. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "cli/course.h"
#include "cli/history.h"
#include "cli/plot.h"
#include "cli/text.h"
#include "cli/quoted.h"

#define NOW 1790000000ULL
#define KEY "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static json_t *answer(void)
{
	char text[2000];

	snprintf(text, sizeof(text),
		 "{'records':[{'begin_s':%llu,'span_s':3600,'destination':'203.0.113.0/24','direction':'down',"
		 "'percent':20,'error_percent':10,'measured':1},"
		 "{'begin_s':%llu,'span_s':3600,'destination':'203.0.113.0/24','direction':'down','percent':80,"
		 "'error_percent':10,'measured':3},"
		 "{'begin_s':%llu,'span_s':3600,'destination':'203.0.113.0/24','relay':'fra','relay_key':'" KEY "',"
		 "'direction':'down','percent':61,'error_percent':8,'measured':3},"
		 "{'begin_s':%llu,'span_s':86400,'destination':'2001:db8:1::/48','relay_key':'" KEY "',"
		 "'direction':'up','percent':-12,'error_percent':3,'measured':1}]}",
		 NOW - 6 * 86400, NOW - 7200, NOW - 7200, NOW - 3 * 86400);
	return parsed(text);
}

static struct dt_history_ask asked(struct dt_options options)
{
	struct dt_history_ask ask;

	cr_assert(dt_history_ask_parse(&ask, &options, stderr) == 0);
	return ask;
}
#define ASK(...) asked((struct dt_options){__VA_ARGS__})

static void refuses(enum dt_cli_option option, const char *value)
{
	struct dt_options options = {.command = 0};
	struct dt_history_ask ask;
	char *said = NULL;
	size_t len;
	FILE *errors = open_memstream(&said, &len);

	options.value[option] = value;
	cr_assert(dt_history_ask_parse(&ask, &options, errors) == -EINVAL, "%s", value);
	fclose(errors);
	cr_assert(strstr(said, value));
	free(said);
}

Test(cli_history, asks)
{
	cr_assert(ASK(.command = 0).since_s == 7 * 86400);
	cr_assert(ASK(.value = {[DT_CLI_SINCE] = "90m"}).since_s == 5400);
	refuses(DT_CLI_SINCE, "week");
	refuses(DT_CLI_SINCE, "0d");
	refuses(DT_CLI_DESTINATION, "server.example");
	cr_assert(dt_duration_parse("1234567s") == 0 && dt_duration_parse("5") == 0 && dt_duration_parse("-5s") == 0);
}

static void chooses(struct dt_history_ask ask, size_t count)
{
	json_t *all = answer(), *records = dt_history_choose(&ask, all);

	cr_assert(json_array_size(records) == count, "%zu", json_array_size(records));
	json_decref(records);
	json_decref(all);
}

Test(cli_history, chooses)
{
	chooses(ASK(.command = 0), 4);
	chooses(ASK(.value = {[DT_CLI_VIA] = "fra"}), 1);
	chooses(ASK(.value = {[DT_CLI_DESTINATION] = "203.0.113.7"}), 3);
	chooses(ASK(.value = {[DT_CLI_DESTINATION] = "203.0.0.0/16"}), 3);
	chooses(ASK(.value = {[DT_CLI_DESTINATION] = "2001:db8:1:2::3"}), 1);
	chooses(ASK(.value = {[DT_CLI_DESTINATION] = "198.51.100.1"}), 0);
	chooses(ASK(.value = {[DT_CLI_VIA] = "fra", [DT_CLI_DESTINATION] = "2001:db8::/32"}), 0);
}

/* To be freed. */
static char *shown(const json_t *all, size_t columns)
{
	struct dt_screen screen = {.columns = columns};
	struct dt_history_ask ask = ASK(.command = 0);
	json_t *records = dt_history_choose(&ask, all);
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	dt_history_print(&ask, records, &screen, NOW, to);
	fclose(to);
	json_decref(records);
	return text;
}

static void has(const char *text, const char *part)
{
	cr_assert(strstr(text, part), "\"%s\" is not in:\n%s", part, text);
}

Test(cli_history, prints_a_line_for_each_relay_and_destination)
{
	json_t *all = answer(), *none = parsed("{'records':[]}");
	char *text = shown(all, 100);

	has(text, "203.0.113.0/24   all detours   down  +65 % ± 8   4 times");
	has(text, "203.0.113.0/24   fra           down  +61 % ± 8   3 times");
	has(text, "2001:db8:1::/48  key AQAAAAAA  up    -12 % ± 3   1 times");
	has(text, "60 min ago  ");
	free(text);
	text = shown(none, 80);
	cr_assert_str_eq(text, "nothing was measured in the last 7 d\n");
	free(text);
	json_decref(none);
	json_decref(all);
}

Test(cli_history, the_mean_counts_measurements)
{
	json_t *all = answer();
	struct dt_courses courses;
	double error, weight, mean;

	dt_courses_make(&courses, json_object_get(all, "records"));
	cr_assert(courses.count == 3);
	mean = dt_course_mean(&courses.all[0], &error, &weight);
	cr_assert(mean == 65 && weight == 4 && fabs(error - sqrt(1000) / 4) < 1e-9);
	dt_courses_free(&courses);
	json_decref(all);
}

static char *plotted(const json_t *records)
{
	struct dt_courses courses;
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	dt_courses_make(&courses, records);
	dt_plot(&courses, NOW - 7 * 86400, NOW, to);
	dt_courses_free(&courses);
	fclose(to);
	return text;
}

Test(cli_history, draws)
{
	json_t *all = answer();
	char *text = plotted(json_object_get(all, "records"));

	has(text, "<svg xmlns");
	has(text, "fra to 203.0.113.0/24, down");
	has(text, "</svg>\n");
	cr_assert(!strstr(text, "nan") && !strstr(text, "inf"), "%s", text);
	free(text);
	json_decref(all);
}

Test(cli_history, what_is_no_answer_of_ours_does_no_harm)
{
	static const char *const answers[] = {
		"{'records':5}",
		"{'records':[1,null,[],{}]}",
		"{'records':[{'begin_s':-1,'span_s':9223372036854775807,'relay':'<script>&\\u001b[2J','destination':5,"
		"'direction':[],'percent':1e300,'error_percent':-1e300,'measured':9223372036854775807}]}",
		"{'records':[{'begin_s':9223372036854775807,'span_s':9223372036854775807,'relay':'x','percent':-1e300},"
		"{'begin_s':0,'relay':'x','percent':1e300,'error_percent':1e300}]}",
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		json_t *all = parsed(answers[i]);

		for (size_t columns = 20; columns < 120; columns += 20) {
			char *text = shown(all, columns), *rest, *line;

			for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
				cr_assert(dt_text_width(line) <= columns || columns < 40, "%zu: %s", columns, line);
				cr_assert(!strchr(line, '\033'), "%s", line);
			}
			free(text);
		}
		{
			char *text = plotted(json_object_get(all, "records"));

			cr_assert(!strstr(text, "<script") && !strchr(text, '\033'), "%s", text);
			cr_assert(!strstr(text, "nan") && !strstr(text, "inf"), "%s", text);
			free(text);
		}
		json_decref(all);
	}
}
