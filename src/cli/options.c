/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BIT(name) (1u << DT_CLI_##name)

static int complain(const char *what, const char *word)
{
	fprintf(stderr, "detourd: %s%s; see detourd --help\n", what, word);
	return -EINVAL;
}

static bool is_word(const char *name, const char *word, size_t len)
{
	return name && strlen(name) == len && strncmp(name, word, len) == 0;
}

static enum dt_cli_option option_find(const char *word, size_t len)
{
	enum dt_cli_option o = 0;

	while (o < DT_CLI_OPTIONS && !is_word(dt_option_forms[o].name, word, len) &&
	       !is_word(dt_option_forms[o].brief, word, len))
		o++;
	return o;
}

static int option_take(struct dt_options *out, unsigned *seen, int *i, int argc, char **argv)
{
	char *word = argv[*i], *value = word[1] == '-' ? strchr(word, '=') : NULL;
	enum dt_cli_option o = option_find(word, value ? (size_t)(value - word) : strlen(word));

	if (o == DT_CLI_OPTIONS)
		return complain("unknown option ", word);
	if (*seen & 1u << o)
		return complain("given twice: ", dt_option_forms[o].name);
	*seen |= 1u << o;
	if (!dt_option_forms[o].value)
		return value ? complain("takes no value: ", dt_option_forms[o].name) : 0;
	value = value ? value + 1 : *i + 1 < argc ? argv[++*i] : NULL;
	if (!value || !*value)
		return complain("needs a value: ", dt_option_forms[o].name);
	if (o == DT_CLI_CONFIG)
		out->config = value;
	else
		out->control = value;
	return 0;
}

/* What may follow a command, or stand without one (NULL); 0 also if there is no such command. */
static unsigned takes_of(const char *name, enum dt_command *command, bool *found)
{
	unsigned takes = 0;

	*found = false;
	for (size_t i = 0; i < DT_COMMAND_FORMS; i++) {
		const struct dt_command_form *form = &dt_command_forms[i];

		if (name ? !form->name || strcmp(form->name, name) != 0 : form->name != NULL)
			continue;
		if (!*found)
			*command = form->command;
		*found = true;
		takes |= form->needs | form->takes;
	}
	return takes;
}

static int command_take(struct dt_options *out, unsigned *takes, const char *word)
{
	bool found;

	*takes = takes_of(word, &out->command, &found);
	return found ? 0 : complain("unknown command ", word);
}

int dt_options_parse(struct dt_options *out, int argc, char **argv)
{
	const char *command = NULL;
	unsigned seen = 0, takes;
	bool found;
	int err = 0;

	*out = (struct dt_options){.command = DT_COMMAND_RUN};
	takes = takes_of(NULL, &out->command, &found);
	for (int i = 1; err == 0 && i < argc; i++) {
		if (argv[i][0] == '-' && argv[i][1])
			err = option_take(out, &seen, &i, argc, argv);
		else if (command && out->command == DT_COMMAND_WHY && !out->server)
			out->server = argv[i];
		else if (command)
			err = complain("unexpected argument ", argv[i]);
		else
			err = command_take(out, &takes, command = argv[i]);
	}
	if (err)
		return err;
	if (seen & (BIT(HELP) | BIT(VERSION))) {
		out->command = seen & BIT(HELP) ? DT_COMMAND_HELP : DT_COMMAND_VERSION;
		return 0;
	}
	for (enum dt_cli_option o = 0; o < DT_CLI_OPTIONS; o++)
		if (seen & ~takes & 1u << o) {
			fprintf(stderr, "detourd: %s%s does not take %s; see detourd --help\n",
				command ? command : "the ", command ? "" : "daemon", dt_option_forms[o].name);
			return -EINVAL;
		}
	if (out->command == DT_COMMAND_WHY && !out->server)
		return complain("why needs the address of a server: detourd why ADDRESS[:PORT]", "");
	out->relay = seen & BIT(RELAY);
	out->json = seen & BIT(JSON);
	if (seen & BIT(CHECK) && seen & BIT(FLUSH))
		return complain("either --check or --flush", "");
	if (seen & BIT(FLUSH) && !out->relay)
		return complain("--flush is for relays: detourd --relay --flush", "");
	if (seen & BIT(CHECK))
		out->command = DT_COMMAND_CHECK;
	if (seen & BIT(FLUSH))
		out->command = DT_COMMAND_FLUSH;
	return 0;
}

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
	for (enum dt_cli_option o = 0; o < DT_CLI_OPTIONS; o++)
		if ((form->needs | form->takes) & 1u << o)
			option_print(line, &dt_option_forms[o], form->needs & 1u << o);
	if (form->argument)
		fprintf(line, " %s", form->argument);
	if (fclose(line) == 0)
		fprintf(to, "%-60s %s\n", words, form->help);
	free(words);
}

void dt_options_help(FILE *to)
{
	for (size_t i = 0; i < DT_COMMAND_FORMS; i++)
		form_print(to, &dt_command_forms[i], i == 0 ? "usage:" : "      ");
	fputs("\noptions:\n", to);
	for (enum dt_cli_option o = 0; o < DT_CLI_OPTIONS; o++) {
		const struct dt_option_form *option = &dt_option_forms[o];

		fprintf(to, "  %2s%s %-9s %-5s %s\n", option->brief ? option->brief : "", option->brief ? "," : " ",
			option->name, option->value ? option->value : "", option->help);
	}
	fputs("\nFiles: /etc/detourd/client.conf, /etc/detourd/relay.conf; see detourd(8).\n", to);
}
