/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/options.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

enum option { RELAY, JSON, CONFIG, CONTROL, CHECK, FLUSH, HELP, VERSION, OPTIONS };

static const struct {
	const char *name;
	const char *brief;
	bool value;
} options[OPTIONS] = {
	[RELAY] = {"--relay", NULL, false},  [JSON] = {"--json", NULL, false},
	[CONFIG] = {"--config", "-c", true}, [CONTROL] = {"--control", NULL, true},
	[CHECK] = {"--check", NULL, false},  [FLUSH] = {"--flush", NULL, false},
	[HELP] = {"--help", "-h", false},    [VERSION] = {"--version", "-V", false},
};

/* What each command understands, as bits of enum option. */
static const struct {
	const char *name;
	enum dt_command command;
	unsigned takes;
} commands[] = {
	{"genkey", DT_COMMAND_GENKEY, 0},
	{"pubkey", DT_COMMAND_PUBKEY, 0},
	{"status", DT_COMMAND_STATUS, 1u << RELAY | 1u << JSON | 1u << CONTROL},
	{"why", DT_COMMAND_WHY, 1u << JSON | 1u << CONTROL},
	{"monitor", DT_COMMAND_MONITOR, 1u << RELAY | 1u << JSON | 1u << CONTROL},
	{"doctor", DT_COMMAND_DOCTOR, 1u << RELAY | 1u << JSON | 1u << CONFIG},
};

static int complain(const char *what, const char *word)
{
	fprintf(stderr, "detourd: %s%s; see detourd --help\n", what, word);
	return -EINVAL;
}

static enum option option_find(const char *word, size_t len)
{
	enum option o = 0;

	while (o < OPTIONS && !(strlen(options[o].name) == len && strncmp(options[o].name, word, len) == 0) &&
	       !(options[o].brief && strlen(options[o].brief) == len && strncmp(options[o].brief, word, len) == 0))
		o++;
	return o;
}

static int option_take(struct dt_options *out, unsigned *seen, int *i, int argc, char **argv)
{
	char *word = argv[*i], *value = word[1] == '-' ? strchr(word, '=') : NULL;
	enum option o = option_find(word, value ? (size_t)(value - word) : strlen(word));

	if (o == OPTIONS)
		return complain("unknown option ", word);
	if (*seen & 1u << o)
		return complain("given twice: ", options[o].name);
	*seen |= 1u << o;
	if (!options[o].value)
		return value ? complain("takes no value: ", options[o].name) : 0;
	value = value ? value + 1 : *i + 1 < argc ? argv[++*i] : NULL;
	if (!value || !*value)
		return complain("needs a value: ", options[o].name);
	if (o == CONFIG)
		out->config = value;
	else
		out->control = value;
	return 0;
}

static int command_take(struct dt_options *out, unsigned *takes, const char *word)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, word) == 0) {
			out->command = commands[i].command;
			*takes = commands[i].takes;
			return 0;
		}
	return complain("unknown command ", word);
}

int dt_options_parse(struct dt_options *out, int argc, char **argv)
{
	unsigned seen = 0, takes = 1u << RELAY | 1u << CONFIG | 1u << CHECK | 1u << FLUSH;
	const char *command = NULL;
	int err = 0;

	*out = (struct dt_options){.command = DT_COMMAND_RUN};
	for (int i = 1; err == 0 && i < argc; i++) {
		if (argv[i][0] == '-' && argv[i][1])
			err = option_take(out, &seen, &i, argc, argv);
		else if (command && out->command == DT_COMMAND_WHY && !out->server)
			out->server = argv[i];
		else if (command)
			err = complain("one command too many: ", argv[i]);
		else
			err = command_take(out, &takes, command = argv[i]);
	}
	if (err)
		return err;
	if (seen & (1u << HELP | 1u << VERSION)) {
		out->command = seen & 1u << HELP ? DT_COMMAND_HELP : DT_COMMAND_VERSION;
		return 0;
	}
	for (enum option o = 0; o < OPTIONS; o++)
		if (seen & ~takes & 1u << o) {
			fprintf(stderr, "detourd: %s%s does not take %s; see detourd --help\n",
				command ? command : "the ", command ? "" : "daemon", options[o].name);
			return -EINVAL;
		}
	if (out->command == DT_COMMAND_WHY && !out->server)
		return complain("why needs the address of a server: detourd why ADDRESS[:PORT]", "");
	out->relay = seen & 1u << RELAY;
	out->json = seen & 1u << JSON;
	if (seen & 1u << CHECK && seen & 1u << FLUSH)
		return complain("either --check or --flush", "");
	if (seen & 1u << FLUSH && !out->relay)
		return complain("--flush is for relays: detourd --relay --flush", "");
	if (seen & 1u << CHECK)
		out->command = DT_COMMAND_CHECK;
	if (seen & 1u << FLUSH)
		out->command = DT_COMMAND_FLUSH;
	return 0;
}

void dt_options_help(FILE *to)
{
	fputs("usage: detourd [-c FILE]                      client: detours for this host's MPTCP connections\n"
	      "       detourd --relay [-c FILE]              relay: lends its route to clients\n"
	      "       detourd [--relay] --check [-c FILE]    judges a configuration file, starts nothing\n"
	      "       detourd --relay --flush [-c FILE]      removes a stopped relay's filters, programs and maps\n"
	      "       detourd genkey                         prints a new private key\n"
	      "       detourd pubkey                         reads a private key, prints the public one\n"
	      "       detourd status [--json] [--relay] [--control PATH]\n"
	      "       detourd why [--json] [--control PATH] ADDRESS[:PORT]\n"
	      "       detourd monitor [--json] [--relay] [--control PATH]\n"
	      "       detourd doctor [--json] [--relay] [-c FILE]\n"
	      "\n"
	      "Files: /etc/detourd/client.conf, /etc/detourd/relay.conf; see detourd(8).\n",
	      to);
}
