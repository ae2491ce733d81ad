/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"

#define BIT(o) (1u << (o))
#define FORM_WIDTH 60	/* of a form in --help; a longer one has a line to itself */
#define OPTION_LONG 256 /* getopt's code of the first long option */

#define each_option(o) for (enum dt_cli_option o = 0; o < DT_CLI_OPTIONS; o++)
#define each_form(form, name)                                                                                        \
	for (const struct dt_command_form *form = dt_command_forms; form < dt_command_forms + dt_command_form_count; \
	     form++)                                                                                                 \
		if (form_is(form, name))

/* name: NULL is the daemon. */
static bool form_is(const struct dt_command_form *form, const char *name)
{
	return name ? form->name && strcmp(form->name, name) == 0 : !form->name;
}

/* All options that may follow a command. */
static unsigned options_of(const char *name)
{
	unsigned options = BIT(DT_CLI_HELP) | BIT(DT_CLI_VERSION);

	each_form(form, name)
		options |= form->needs | form->takes;
	return options;
}

static bool command_known(const char *name)
{
	each_form(form, name)
		return true;
	return false;
}

/* --- what is wrong ----------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static int complain(FILE *errors, const char *command, const char *format, ...)
{
	va_list args;

	fputs("detourd: ", errors);
	va_start(args, format);
	vfprintf(errors, format, args);
	va_end(args);
	if (command)
		fprintf(errors, "; see detourd help %s\n", command);
	else
		fputs("; see detourd --help\n", errors);
	return -EINVAL;
}

static int complain_unknown(FILE *errors, const char *what, const struct dt_nearest *word)
{
	if (word->best)
		return complain(errors, NULL, "unknown %s %s, did you mean %s?", what, word->word, word->best);
	return complain(errors, NULL, "unknown %s %s", what, word->word);
}

static int unknown_command(FILE *errors, const char *word)
{
	struct dt_nearest nearest = {.word = word};

	for (size_t i = 0; i < dt_command_form_count; i++)
		if (dt_command_forms[i].name)
			dt_nearest_offer(&nearest, dt_command_forms[i].name);
	each_option(o)
		if (strcmp(dt_option_forms[o].name + 2, word) == 0)
			nearest.best = dt_option_forms[o].name;
	return complain_unknown(errors, "command", &nearest);
}

/* word: as it was written, "--name" or "--name=value"; getopt knows no such name, or several that begin like it. */
static int unknown_long(FILE *errors, const char *word)
{
	char *name = strndup(word, strcspn(word, "="));
	struct dt_nearest nearest = {.word = name};
	const char *first = NULL, *second = NULL;
	int err;

	if (!name)
		return complain(errors, NULL, "unknown option %s", word);
	each_option(o) {
		const char *known = dt_option_forms[o].name;

		dt_nearest_offer(&nearest, known);
		if (strncmp(known, name, strlen(name)) == 0 && !second)
			*(first ? &second : &first) = known;
	}
	if (second)
		err = complain(errors, NULL, "%s may be %s or %s", name, first, second);
	else if (!nearest.best && command_known(name + 2))
		err = complain(errors, NULL, "unknown option %s, did you mean detourd %s?", name, name + 2);
	else
		err = complain_unknown(errors, "option", &nearest);
	free(name);
	return err;
}

/* Why no form of the command fits what was given. */
static int misfit(FILE *errors, const char *command, unsigned given)
{
	const char *who = command ? command : "the daemon";

	each_option(o)
		if (given & ~options_of(command) & BIT(o))
			return complain(errors, command, "%s does not take %s", who, dt_option_forms[o].name);
	/* the first option that the forms of all others lack, or that lacks another */
	each_option(o) {
		unsigned with = 0, needs = ~0u;

		if (!(given & BIT(o)))
			continue;
		each_form(form, command)
			if ((form->needs | form->takes) & BIT(o)) {
				with |= form->needs | form->takes;
				needs &= form->needs;
			}
		each_option(other) {
			const char *name = dt_option_forms[other].name;

			if (given & ~with & BIT(other))
				return complain(errors, command, "%s does not go with %s", dt_option_forms[o].name,
						name);
			if (needs & ~given & BIT(other))
				return complain(errors, command, "%s needs %s", dt_option_forms[o].name, name);
		}
	}
	return complain(errors, command, "%s does not take these options together", who);
}

/* --- parsing ----------------------------------------------------------------------------------- */

/* getopt's view of the table; words of shorts: where getopt's short options go. */
static void table_write(struct option longs[DT_CLI_OPTIONS + 1], char shorts[2 * DT_CLI_OPTIONS + 3])
{
	shorts += sprintf(shorts, "-:"); /* arguments as they come; ':' for a value that is missing */
	each_option(o) {
		const struct dt_option_form *form = &dt_option_forms[o];

		longs[o] = (struct option){.name = form->name + 2,
					   .has_arg = !form->value	    ? no_argument
						      : *form->value == '[' ? optional_argument
									    : required_argument,
					   .val = OPTION_LONG + (int)o};
		if (form->brief)
			shorts += sprintf(shorts, "%c%s", form->brief[1], form->value ? ":" : "");
	}
	longs[DT_CLI_OPTIONS] = (struct option){0};
}

/* By getopt's code; DT_CLI_OPTIONS: none. */
static enum dt_cli_option option_of(int code)
{
	if (code >= OPTION_LONG)
		return (enum dt_cli_option)(code - OPTION_LONG);
	each_option(o)
		if (dt_option_forms[o].brief && dt_option_forms[o].brief[1] == code)
			return o;
	return DT_CLI_OPTIONS;
}

static int option_take(struct dt_options *out, enum dt_cli_option o, const char *value, FILE *errors)
{
	const char *name = dt_option_forms[o].name;

	if (out->given & BIT(o))
		return complain(errors, NULL, "given twice: %s", name);
	if (value && !*value)
		return complain(errors, NULL, "%s needs a value", name);
	out->given |= BIT(o);
	out->value[o] = value;
	return 0;
}

/* A word that is no option: the command, or its argument. */
static int word_take(struct dt_options *out, const char **command, const char *word, FILE *errors)
{
	if (!*command) {
		*command = word;
		return command_known(word) ? 0 : unknown_command(errors, word);
	}
	each_form(form, *command)
		if (form->argument && !out->argument) {
			out->argument = word;
			return 0;
		}
	return complain(errors, *command, "unexpected argument %s", word);
}

/* A value that may be left out stands behind "=" for getopt; a number may also be the next word. NULL: there is none. */
static const char *number_after(enum dt_cli_option o, int argc, char **argv)
{
	const char *form = dt_option_forms[o].value;

	if (!form || *form != '[' || optind >= argc || argv[optind][0] < '0' || argv[optind][0] > '9')
		return NULL;
	return argv[optind++];
}

static int words_take(struct dt_options *out, const char **command, int argc, char **argv, FILE *errors)
{
	struct option longs[DT_CLI_OPTIONS + 1];
	char shorts[2 * DT_CLI_OPTIONS + 3];
	int code, err = 0;

	table_write(longs, shorts);
	optind = 0; /* from the start, whatever was parsed before */
	opterr = 0;
	while (err == 0 && (code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		/* of what is unknown, getopt tells the letter, or 0 if it was a word */
		enum dt_cli_option o = option_of(code == '?' || code == ':' ? optopt : code);

		if (code == 1)
			err = word_take(out, command, optarg, errors);
		else if (code == ':')
			err = complain(errors, NULL, "%s needs a value", dt_option_forms[o].name);
		else if (code != '?')
			err = option_take(out, o, optarg ? optarg : number_after(o, argc, argv), errors);
		else if (optopt == 0)
			err = unknown_long(errors, argv[optind - 1]);
		else if (o < DT_CLI_OPTIONS)
			err = complain(errors, NULL, "%s takes no value", dt_option_forms[o].name);
		else
			err = complain(errors, NULL, "unknown option -%c", optopt);
	}
	for (; err == 0 && optind < argc; optind++) /* after "--" */
		err = word_take(out, command, argv[optind], errors);
	return err;
}

/* Which of the command's forms it is. */
static int form_choose(struct dt_options *out, const char *command, FILE *errors)
{
	each_form(form, command)
		if ((form->needs & ~out->given) == 0 && (out->given & ~form->needs & ~form->takes) == 0) {
			out->command = form->command;
			if (form->argument && *form->argument != '[' && !out->argument)
				return complain(errors, command, "%s needs %s", command, form->argument);
			return 0;
		}
	return misfit(errors, command, out->given);
}

int dt_options_parse(struct dt_options *out, int argc, char **argv, FILE *errors)
{
	const char *command = NULL;
	int err;

	*out = (struct dt_options){.command = DT_COMMAND_RUN};
	err = words_take(out, &command, argc, argv, errors);
	if (err)
		return err;
	out->relay = out->given & BIT(DT_CLI_RELAY);
	out->json = out->given & BIT(DT_CLI_JSON);
	out->config = out->value[DT_CLI_CONFIG];
	out->control = out->value[DT_CLI_CONTROL];
	if (out->given & BIT(DT_CLI_HELP)) {
		out->command = DT_COMMAND_HELP;
		out->argument = command;
		return 0;
	}
	if (out->given & BIT(DT_CLI_VERSION)) {
		out->command = DT_COMMAND_VERSION;
		return 0;
	}
	err = form_choose(out, command, errors);
	if (err == 0 && out->command == DT_COMMAND_HELP && out->argument && !command_known(out->argument))
		return unknown_command(errors, out->argument);
	return err;
}

/* --- help -------------------------------------------------------------------------------------- */

static void option_print(FILE *to, const struct dt_option_form *option, bool needed)
{
	const char *name = option->brief && option->value ? option->brief : option->name;

	fprintf(to, needed ? " %s%s%s" : " [%s%s%s]", name, option->value ? " " : "",
		option->value ? option->value : "");
}

static void form_print(FILE *to, const struct dt_command_form *form, const char *lead)
{
	char *words = NULL;
	size_t len = 0;
	FILE *line = open_memstream(&words, &len);

	if (!line)
		return;
	fprintf(line, "%s detourd", lead);
	if (form->name)
		fprintf(line, " %s", form->name);
	each_option(o)
		if ((form->needs | form->takes) & BIT(o))
			option_print(line, &dt_option_forms[o], form->needs & BIT(o));
	if (form->argument)
		fprintf(line, " %s", form->argument);
	if (fclose(line) == 0)
		fprintf(to, "%-*s%s%*s %s\n", FORM_WIDTH, words, len > FORM_WIDTH ? "\n" : "",
			len > FORM_WIDTH ? FORM_WIDTH : 0, "", form->help);
	free(words);
}

/* The longest of what a column holds. */
static int width_of(bool values)
{
	size_t width = 0;

	each_option(o) {
		const char *text = values ? dt_option_forms[o].value : dt_option_forms[o].name;

		if (text && strlen(text) > width)
			width = strlen(text);
	}
	return (int)width;
}

void dt_options_help(FILE *to, const char *command)
{
	int names = width_of(false), values = width_of(true);
	const char *lead = "usage:";

	for (size_t i = 0; i < dt_command_form_count; i++)
		if (!command || form_is(&dt_command_forms[i], command)) {
			form_print(to, &dt_command_forms[i], lead);
			lead = "      ";
		}
	fputs("\noptions:\n", to);
	each_option(o) {
		const struct dt_option_form *option = &dt_option_forms[o];

		if (!command || options_of(command) & BIT(o))
			fprintf(to, "  %2s%s %-*s %-*s %s\n", option->brief ? option->brief : "",
				option->brief ? "," : " ", names, option->name, values,
				option->value ? option->value : "", option->help);
	}
	if (command)
		fputs("\nThe manual: man 8 detourd\n", to);
	else
		fputs("\nOptions may be shortened. detourd help COMMAND tells of one command, man 8 detourd of all.\n"
		      "Files: /etc/detourd/client.conf, /etc/detourd/relay.conf; see detourd(8).\n",
		      to);
}
