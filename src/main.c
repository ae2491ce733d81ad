/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "cli/doctor.h"
#include "cli/history.h"
#include "cli/invite.h"
#include "cli/join.h"
#include "cli/keys.h"
#include "cli/metrics.h"
#include "cli/monitor.h"
#include "cli/options.h"
#include "cli/probe.h"
#include "cli/report.h"
#include "cli/status.h"
#include "cli/top.h"
#include "cli/version.h"
#include "cli/why.h"
#include "convert/process.h"
#include "pm/conf/client_conf.h"
#include "pm/daemon.h"
#include "relay/config.h"
#include "relay/daemon.h"

static int check(const struct dt_mode *mode, const char *path, bool strict)
{
	void *config;

	if (mode->config_judge(&config, path, strict) < 0)
		return 1;
	mode->config_free(config);
	return 0;
}

int main(int argc, char **argv)
{
	const struct dt_mode *mode;
	struct dt_options options;
	const char *path;

	if (argc == 2 && strcmp(argv[1], DT_CONVERT_ARGUMENT) == 0)
		return dt_convert_run();
	if (dt_options_parse(&options, argc, argv, stderr) < 0)
		return 2;
	if (sodium_init() < 0) {
		fputs("detourd: libsodium cannot start: no source of random numbers\n", stderr);
		return 1;
	}
	mode = options.relay ? &dt_relay_mode : &dt_client_mode;
	path = options.config ? options.config : options.relay ? DT_RELAY_CONFIG_PATH : DT_CLIENT_CONFIG_PATH;
	switch (options.command) {
	case DT_COMMAND_RUN:
		return dt_service_run(mode, path);
	case DT_COMMAND_CHECK:
		return check(mode, path, options.given & 1u << DT_CLI_STRICT);
	case DT_COMMAND_FLUSH:
		return dt_relay_flush(path) < 0 ? 1 : 0;
	case DT_COMMAND_GENKEY:
		return dt_cli_genkey();
	case DT_COMMAND_PUBKEY:
		return dt_cli_pubkey();
	case DT_COMMAND_STATUS:
		return dt_cli_status(&options);
	case DT_COMMAND_TOP:
		return dt_cli_top(&options);
	case DT_COMMAND_WHY:
		return dt_cli_why(&options);
	case DT_COMMAND_PROBE:
		return dt_cli_probe(&options);
	case DT_COMMAND_MONITOR:
		return dt_cli_monitor(&options);
	case DT_COMMAND_METRICS:
		return dt_cli_metrics(&options);
	case DT_COMMAND_HISTORY:
		return dt_cli_history(&options);
	case DT_COMMAND_DOCTOR:
		return dt_cli_doctor(&options);
	case DT_COMMAND_REPORT:
		return dt_cli_report(&options, path);
	case DT_COMMAND_INVITE:
		return dt_cli_invite(&options);
	case DT_COMMAND_CLIENTS:
		return dt_cli_clients(&options);
	case DT_COMMAND_REVOKE:
		return dt_cli_revoke(&options);
	case DT_COMMAND_JOIN:
		return dt_cli_join(&options);
	case DT_COMMAND_HELP:
		dt_options_help(stdout, options.argument);
		return 0;
	case DT_COMMAND_VERSION:
		return dt_cli_version();
	}
	return 2;
}
