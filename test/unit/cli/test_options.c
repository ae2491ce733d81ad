/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"

#define WORDS 8

/* Parses line, split at spaces; *said (to be freed) is what was printed. The strings of out live until the next call. */
static int parse(struct dt_options *out, const char *line, char **said)
{
	static char copy[256];
	char *argv[WORDS + 2] = {(char *)"detourd"};
	size_t len;
	FILE *errors = open_memstream(said, &len);
	int argc = 1, err;

	cr_assert(errors);
	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
		cr_assert(argc <= WORDS);
		argv[argc++] = word;
	}
	err = dt_options_parse(out, argc, argv, errors);
	fclose(errors);
	return err;
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

Test(options, taken)
{
	static const struct {
		const char *line;
		struct dt_options expect;
	} rows[] = {
		{"", {.command = DT_COMMAND_RUN}},
		{"-c x", {.command = DT_COMMAND_RUN, .config = "x"}},
		{"-cx", {.command = DT_COMMAND_RUN, .config = "x"}},
		{"--config x", {.command = DT_COMMAND_RUN, .config = "x"}},
		{"--config=x", {.command = DT_COMMAND_RUN, .config = "x"}},
		{"--config=--relay", {.command = DT_COMMAND_RUN, .config = "--relay"}},
		{"--conf=x", {.command = DT_COMMAND_RUN, .config = "x"}},
		{"--relay", {.command = DT_COMMAND_RUN, .relay = true}},
		{"--rel --ch", {.command = DT_COMMAND_CHECK, .relay = true}},
		{"--check", {.command = DT_COMMAND_CHECK}},
		{"--check --strict", {.command = DT_COMMAND_CHECK}},
		{"--flush --relay", {.command = DT_COMMAND_FLUSH, .relay = true}},
		{"status", {.command = DT_COMMAND_STATUS}},
		{"status --json --relay", {.command = DT_COMMAND_STATUS, .json = true, .relay = true}},
		{"--json status", {.command = DT_COMMAND_STATUS, .json = true}},
		{"--js status --cont y", {.command = DT_COMMAND_STATUS, .json = true, .control = "y"}},
		{"status --control=a=b", {.command = DT_COMMAND_STATUS, .control = "a=b"}},
		{"why 192.0.2.1", {.command = DT_COMMAND_WHY, .argument = "192.0.2.1"}},
		{"why 192.0.2.1 --json", {.command = DT_COMMAND_WHY, .argument = "192.0.2.1", .json = true}},
		{"why -- --json", {.command = DT_COMMAND_WHY, .argument = "--json"}},
		{"-- why x", {.command = DT_COMMAND_WHY, .argument = "x"}},
		{"--", {.command = DT_COMMAND_RUN}},
		{"--help", {.command = DT_COMMAND_HELP}},
		{"-h", {.command = DT_COMMAND_HELP}},
		{"help", {.command = DT_COMMAND_HELP}},
		{"help status", {.command = DT_COMMAND_HELP, .argument = "status"}},
		{"status --help", {.command = DT_COMMAND_HELP, .argument = "status"}},
		{"why --help", {.command = DT_COMMAND_HELP, .argument = "why"}},
		{"--version", {.command = DT_COMMAND_VERSION}},
		{"-V", {.command = DT_COMMAND_VERSION}},
		{"-hV", {.command = DT_COMMAND_HELP}},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct dt_options *expect = &rows[i].expect;
		struct dt_options got;
		char *said;

		cr_expect_eq(parse(&got, rows[i].line, &said), 0, "%s: %s", rows[i].line, said);
		cr_expect_eq(got.command, expect->command, "%s: command %d", rows[i].line, got.command);
		cr_expect_eq(got.relay, expect->relay, "%s: relay", rows[i].line);
		cr_expect_eq(got.json, expect->json, "%s: json", rows[i].line);
		cr_expect(same(got.config, expect->config), "%s: config %s", rows[i].line, got.config);
		cr_expect(same(got.control, expect->control), "%s: control %s", rows[i].line, got.control);
		cr_expect(same(got.argument, expect->argument), "%s: argument %s", rows[i].line, got.argument);
		cr_expect_str_empty(said, "%s: %s", rows[i].line, said);
		free(said);
	}
}

Test(options, refused)
{
	static const struct {
		const char *line, *said;
	} rows[] = {
		{"stauts", "unknown command stauts, did you mean status?; see detourd --help"},
		{"STATUS", "unknown command STATUS, did you mean status?; see detourd --help"},
		{"banana", "unknown command banana; see detourd --help"},
		{"version", "unknown command version, did you mean --version?; see detourd --help"},
		{"-", "unknown command -; see detourd --help"},
		{"help stauts", "unknown command stauts, did you mean status?; see detourd --help"},
		{"--confg=x", "unknown option --confg, did you mean --config?; see detourd --help"},
		{"status --jsno", "unknown option --jsno, did you mean --json?; see detourd --help"},
		{"--status", "unknown option --status, did you mean detourd status?; see detourd --help"},
		{"--banana", "unknown option --banana; see detourd --help"},
		{"--co x", "--co may be --config or --control; see detourd --help"},
		{"-x", "unknown option -x; see detourd --help"},
		{"-hx", "unknown option -x; see detourd --help"},
		{"-c", "--config needs a value; see detourd --help"},
		{"--config=", "--config needs a value; see detourd --help"},
		{"status --control", "--control needs a value; see detourd --help"},
		{"status --json=yes", "--json takes no value; see detourd --help"},
		{"status --json --json", "given twice: --json; see detourd --help"},
		{"-c x --config=y", "given twice: --config; see detourd --help"},
		{"status --flush", "status does not take --flush; see detourd help status"},
		{"genkey -c x", "genkey does not take --config; see detourd help genkey"},
		{"--json", "the daemon does not take --json; see detourd --help"},
		{"--strict", "--strict needs --check; see detourd --help"},
		{"--flush", "--flush needs --relay; see detourd --help"},
		{"--relay --check --flush", "--check does not go with --flush; see detourd --help"},
		{"why", "why needs HOST[:PORT]; see detourd help why"},
		{"why a b", "unexpected argument b; see detourd help why"},
		{"status -- --json", "unexpected argument --json; see detourd help status"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dt_options got;
		char *said, expect[160];

		snprintf(expect, sizeof(expect), "detourd: %s\n", rows[i].said);
		cr_expect_eq(parse(&got, rows[i].line, &said), -EINVAL, "%s", rows[i].line);
		cr_expect_str_eq(said, expect, "%s: %s", rows[i].line, said);
		free(said);
	}
}

/* Whatever the environment says, options may follow the command. */
Test(options, posix)
{
	struct dt_options got;
	char *said;

	setenv("POSIXLY_CORRECT", "1", 1);
	cr_expect_eq(parse(&got, "status --json", &said), 0, "%s", said);
	cr_expect(got.json);
	free(said);
}

static char *help_of(const char *command)
{
	char *text;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	cr_assert(to);
	dt_options_help(to, command);
	fclose(to);
	return text;
}

/* Each command's own help has it, all options that it takes, and no others; the whole has everything. */
Test(options, help)
{
	char *whole = help_of(NULL);

	for (enum dt_cli_option o = 0; o < DT_CLI_OPTIONS; o++)
		cr_expect(strstr(whole, dt_option_forms[o].name), "%s", dt_option_forms[o].name);
	for (size_t i = 0; i < dt_command_form_count; i++) {
		const struct dt_command_form *form = &dt_command_forms[i];
		char *text;

		cr_expect(strstr(whole, form->help), "%s", form->help);
		if (!form->name)
			continue;
		text = help_of(form->name);
		cr_expect(strstr(text, form->help), "%s: %s", form->name, form->help);
		for (enum dt_cli_option o = 0; o < DT_CLI_OPTIONS; o++)
			cr_expect_eq(strstr(text, dt_option_forms[o].help) != NULL,
				     o == DT_CLI_HELP || o == DT_CLI_VERSION || (form->needs | form->takes) & 1u << o,
				     "%s, %s: %s", form->name, dt_option_forms[o].name, text);
		free(text);
	}
	free(whole);
}

/* Of --watch, whose value may be left out; "-": not given, "": without one. */
static void watch_is(const char *line, const char *value)
{
	struct dt_options options;
	char *said;

	cr_assert(parse(&options, line, &said) == 0, "%s: %s", line, said);
	cr_assert(options.command == DT_COMMAND_STATUS, "%s", line);
	if (!(options.given & 1u << DT_CLI_WATCH))
		cr_assert_str_eq(value, "-");
	else
		cr_assert_str_eq(options.value[DT_CLI_WATCH] ? options.value[DT_CLI_WATCH] : "", value);
	free(said);
}

Test(options, a_value_that_may_be_left_out)
{
	watch_is("status", "-");
	watch_is("status --watch", "");
	watch_is("--watch status", "");
	watch_is("status --watch --json", "");
	watch_is("status --watch 5 --json", "5");
	watch_is("--watch 0.5 status", "0.5");
	watch_is("status --watch=5", "5");
	watch_is("status --wat=x", "x");
}
