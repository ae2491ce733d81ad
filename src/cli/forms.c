/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/forms.h"

#include <stddef.h>

#define CONFIG (1u << DT_CLI_CONFIG)
#define RELAY (1u << DT_CLI_RELAY)
#define CHECK (1u << DT_CLI_CHECK)
#define STRICT (1u << DT_CLI_STRICT)
#define FLUSH (1u << DT_CLI_FLUSH)
#define JSON (1u << DT_CLI_JSON)
#define CONTROL (1u << DT_CLI_CONTROL)
#define VIEW (1u << DT_CLI_SORT | 1u << DT_CLI_LIMIT | 1u << DT_CLI_WATCH)
#define EVENTS (1u << DT_CLI_LEVEL | 1u << DT_CLI_KIND | 1u << DT_CLI_CONNECTION | 1u << DT_CLI_VIA)
#define FILTERS (1u << DT_CLI_PROGRAM | 1u << DT_CLI_USER | 1u << DT_CLI_VIA | 1u << DT_CLI_SERVER)
#define INVITED (1u << DT_CLI_FOR | 1u << DT_CLI_MAX_RATE | 1u << DT_CLI_CONVERT | 1u << DT_CLI_ENDPOINT)

const struct dt_option_form dt_option_forms[DT_CLI_OPTIONS] = {
	[DT_CLI_RELAY] = {"--relay", NULL, NULL, "the relay, not the client"},
	[DT_CLI_CHECK] = {"--check", NULL, NULL, "checks the configuration, starts nothing"},
	[DT_CLI_STRICT] = {"--strict", NULL, NULL, "takes a warning for an error"},
	[DT_CLI_FLUSH] = {"--flush", NULL, NULL, "removes what a stopped relay left in the kernel"},
	[DT_CLI_JSON] = {"--json", NULL, NULL, "prints JSON"},
	[DT_CLI_CONFIG] = {"--config", "-c", "FILE", "the configuration file"},
	[DT_CLI_CONTROL] = {"--control", NULL, "PATH", "the control socket of the daemon to ask"},
	[DT_CLI_SORT] = {"--sort", NULL, "KEY", "by rate, down, up, age, gain, program, server or name"},
	[DT_CLI_LIMIT] = {"--limit", NULL, "N", "how many connections or clients to show; 0: all (default 20)"},
	[DT_CLI_WATCH] = {"--watch", NULL, "[SECONDS]", "again and again, every 2 s or so many"},
	[DT_CLI_PROGRAM] = {"--program", NULL, "NAME", "only connections of this program"},
	[DT_CLI_USER] = {"--user", NULL, "USER", "only connections of this user, by name or number"},
	[DT_CLI_VIA] = {"--via", NULL, "RELAY", "only what goes over this relay, or \"direct\""},
	[DT_CLI_SERVER] = {"--server", NULL, "ADDRESS", "only connections to ADDRESS, ADDRESS:PORT or ADDRESS/BITS"},
	[DT_CLI_LEVEL] = {"--level", NULL, "LEVEL", "only events of this level or above: debug, info or warn"},
	[DT_CLI_KIND] = {"--kind", NULL, "KIND",
			 "only events of this kind, such as decision; at a relay client, lease, flow or limit"},
	[DT_CLI_CONNECTION] = {"--connection", NULL, "ID", "only events of this connection"},
	[DT_CLI_DESTINATION] = {"--destination", NULL, "ADDRESS", "only what was measured to ADDRESS or ADDRESS/BITS"},
	[DT_CLI_SINCE] = {"--since", NULL, "TIME", "of the last 90m, 24h, 7d (the default) or so"},
	[DT_CLI_PLOT] = {"--plot", NULL, "FILE", "draws it into an SVG file, too"},
	[DT_CLI_ADDRESSES] = {"--addresses", NULL, NULL, "leaves IP addresses in the report"},
	[DT_CLI_FOR] = {"--for", NULL, "TIME", "how long an invitation is good: 90s, 30m, 24h (the default), 7d"},
	[DT_CLI_MAX_RATE] = {"--max-rate", NULL, "RATE", "limits a client, each direction: 100mbit"},
	[DT_CLI_CONVERT] = {"--convert", NULL, NULL, "lets a client have its connections converted"},
	[DT_CLI_ENDPOINT] = {"--endpoint", NULL, "HOST:PORT", "where clients reach this relay"},
	[DT_CLI_HELP] = {"--help", "-h", NULL, "prints this text, or with a command what belongs to it"},
	[DT_CLI_VERSION] = {"--version", "-V", NULL, "prints version, commit and libraries"},
};

const struct dt_command_form dt_command_forms[] = {
	{NULL, DT_COMMAND_RUN, 0, CONFIG, NULL, "client: detours for this host's MPTCP connections"},
	{NULL, DT_COMMAND_RUN, RELAY, CONFIG, NULL, "relay: lends its route to clients"},
	{NULL, DT_COMMAND_CHECK, CHECK, RELAY | STRICT | CONFIG, NULL, "checks a configuration file, starts nothing"},
	{NULL, DT_COMMAND_FLUSH, RELAY | FLUSH, CONFIG, NULL, "removes a stopped relay's filters, programs and maps"},
	{"genkey", DT_COMMAND_GENKEY, 0, 0, NULL, "prints a new private key"},
	{"pubkey", DT_COMMAND_PUBKEY, 0, 0, NULL, "reads a private key, prints the public one"},
	{"status", DT_COMMAND_STATUS, 0, RELAY | JSON | CONTROL | VIEW | FILTERS, NULL, "what the running daemon does"},
	{"top", DT_COMMAND_TOP, 0, RELAY | CONTROL | 1u << DT_CLI_SORT | FILTERS, NULL,
	 "the same, live on the whole terminal"},
	{"why", DT_COMMAND_WHY, 0, JSON | CONTROL, "HOST[:PORT]", "why a server has no detours, or no MPTCP"},
	{"probe", DT_COMMAND_PROBE, 0, JSON | CONTROL, "HOST[:PORT]",
	 "whether a server speaks MPTCP, and it gets there"},
	{"monitor", DT_COMMAND_MONITOR, 0, RELAY | JSON | CONTROL | EVENTS, NULL, "prints events as they happen"},
	{"metrics", DT_COMMAND_METRICS, 0, RELAY | CONTROL, NULL, "prints metrics in Prometheus' text format"},
	{"history", DT_COMMAND_HISTORY, 0,
	 JSON | CONTROL | 1u << DT_CLI_VIA | 1u << DT_CLI_DESTINATION | 1u << DT_CLI_SINCE | 1u << DT_CLI_PLOT, NULL,
	 "what detours were worth over time"},
	{"invite", DT_COMMAND_INVITE, 0, INVITED | CONTROL, "NAME", "relay: prints a line that lets one client join"},
	{"join", DT_COMMAND_JOIN, 0, CONFIG | CONTROL, "LINE", "client: joins a relay by the line that invite printed"},
	{"clients", DT_COMMAND_CLIENTS, 0, JSON | CONTROL, NULL, "relay: who may use it, and who was invited"},
	{"revoke", DT_COMMAND_REVOKE, 0, CONTROL, "NAME",
	 "relay: ends a client that joined, or an invitation, at once"},
	{"doctor", DT_COMMAND_DOCTOR, 0, RELAY | JSON | CONFIG, NULL, "what this machine lacks, and how to fix it"},
	{"report", DT_COMMAND_REPORT, 0, RELAY | CONFIG | 1u << DT_CLI_ADDRESSES, "[FILE]",
	 "writes a tarball for a bug report, without keys and addresses"},
	{"help", DT_COMMAND_HELP, 0, 0, "[COMMAND]", "prints this text, or what belongs to one command"},
};

const size_t dt_command_form_count = sizeof(dt_command_forms) / sizeof(dt_command_forms[0]);
