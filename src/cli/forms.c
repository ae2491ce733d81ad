/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/forms.h"

#include <stddef.h>

#define CONFIG (1u << DT_CLI_CONFIG)
#define RELAY (1u << DT_CLI_RELAY)
#define CHECK (1u << DT_CLI_CHECK)
#define FLUSH (1u << DT_CLI_FLUSH)
#define JSON (1u << DT_CLI_JSON)
#define CONTROL (1u << DT_CLI_CONTROL)

const struct dt_option_form dt_option_forms[DT_CLI_OPTIONS] = {
	[DT_CLI_RELAY] = {"--relay", NULL, NULL, "the relay, not the client"},
	[DT_CLI_CHECK] = {"--check", NULL, NULL, "checks the configuration, starts nothing"},
	[DT_CLI_FLUSH] = {"--flush", NULL, NULL, "removes what a stopped relay left in the kernel"},
	[DT_CLI_JSON] = {"--json", NULL, NULL, "prints JSON"},
	[DT_CLI_CONFIG] = {"--config", "-c", "FILE", "the configuration file"},
	[DT_CLI_CONTROL] = {"--control", NULL, "PATH", "the control socket of the daemon to ask"},
	[DT_CLI_HELP] = {"--help", "-h", NULL, "prints this text, or with a command what belongs to it"},
	[DT_CLI_VERSION] = {"--version", "-V", NULL, "prints version, commit and libraries"},
};

const struct dt_command_form dt_command_forms[DT_COMMAND_FORMS] = {
	{NULL, DT_COMMAND_RUN, 0, CONFIG, NULL, "client: detours for this host's MPTCP connections"},
	{NULL, DT_COMMAND_RUN, RELAY, CONFIG, NULL, "relay: lends its route to clients"},
	{NULL, DT_COMMAND_CHECK, CHECK, RELAY | CONFIG, NULL, "checks a configuration file, starts nothing"},
	{NULL, DT_COMMAND_FLUSH, RELAY | FLUSH, CONFIG, NULL, "removes a stopped relay's filters, programs and maps"},
	{"genkey", DT_COMMAND_GENKEY, 0, 0, NULL, "prints a new private key"},
	{"pubkey", DT_COMMAND_PUBKEY, 0, 0, NULL, "reads a private key, prints the public one"},
	{"status", DT_COMMAND_STATUS, 0, RELAY | JSON | CONTROL, NULL, "what the running daemon does"},
	{"why", DT_COMMAND_WHY, 0, JSON | CONTROL, "ADDRESS[:PORT]", "why a server has no detours, or no MPTCP"},
	{"monitor", DT_COMMAND_MONITOR, 0, RELAY | JSON | CONTROL, NULL, "prints events as they happen"},
	{"doctor", DT_COMMAND_DOCTOR, 0, RELAY | JSON | CONFIG, NULL, "what this machine lacks, and how to fix it"},
	{"help", DT_COMMAND_HELP, 0, 0, "[COMMAND]", "prints this text, or what belongs to one command"},
};
