/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/doctor/process.h"
#include "cli/redact.h"
#include "pm/conf/client_conf.h"
#include "relay/config.h"

#define ARGUMENTS_MAX 10
#define SELF "/proc/self/exe"

/* One file of the report: what this command prints. */
struct part {
	const char *file;
	const char *const command[ARGUMENTS_MAX];
};

/* A program that is not installed, such as nft, is no reason to stop. */
static const struct part parts[] = {
	{"version.txt", {SELF, "--version"}},
	{"kernel.txt", {"uname", "-srvm"}},
	{"distribution.txt", {"cat", "/etc/os-release"}},
	{"sysctl.txt",
	 {"sysctl", "-a", "-r", "^net\\.(mptcp|ipv4\\.(ip_local|tcp_congestion|tcp_syn|tcp_mtu|conf\\.all\\.rp))"}},
	{"addresses.txt", {"ip", "address"}},
	{"routes.txt", {"ip", "route", "show", "table", "all"}},
	{"rules.txt", {"ip", "rule"}},
	{"mptcp-limits.txt", {"ip", "mptcp", "limits"}},
	{"mptcp-endpoints.txt", {"ip", "mptcp", "endpoint"}},
	{"firewall.txt", {"nft", "list", "ruleset"}},
	{"log.txt",
	 {"journalctl", "--no-pager", "-o", "short-iso", "-n", "1000", "-u", "detourd", "-u", "detourd-relay"}},
};

struct report {
	char dir[64]; /* with the parts */
	char name[64];
	struct dt_redaction redaction;
	unsigned missing;
};

static int part_write(struct report *r, const char *file, const char *const command[])
{
	char path[192];
	int code, err;
	char *text = dt_process_output(command, true, &code);
	FILE *to;

	if (!text) {
		r->missing++;
		return 0;
	}
	snprintf(path, sizeof(path), "%s/%s/%s", r->dir, r->name, file);
	to = fopen(path, "wxe");
	if (!to) {
		err = -errno;
		free(text);
		return err;
	}
	dt_redact(&r->redaction, text, to);
	free(text);
	return fclose(to) == EOF ? -errno : 0;
}

/* What depends on mode and configuration. */
static int own_parts(struct report *r, const struct dt_options *options, const char *config, const char *control)
{
	const char *relay = options->relay ? "--relay" : NULL;
	const char *const doctor[] = {SELF, "doctor", "-c", config, relay, NULL};
	const char *const json[] = {SELF, "doctor", "--json", "-c", config, relay, NULL};
	const char *const status[] = {SELF, "status", "--json", "--control", control, relay, NULL};
	const char *const file[] = {"cat", config, NULL};
	int err = part_write(r, "doctor.txt", doctor);

	if (err == 0)
		err = part_write(r, "doctor.json", json);
	if (err == 0)
		err = part_write(r, "status.json", status);
	return err ? err : part_write(r, "configuration.txt", file);
}

/* Of the configuration, if it can be read; the caller frees it. */
static char *control_path(bool relay, const char *config)
{
	const char *usual = relay ? DT_RELAY_CONTROL_PATH : DT_CLIENT_CONTROL_PATH;
	struct dt_client_config *client = NULL;
	struct dt_relay_config *server = NULL;
	char *path;

	if (relay && access(config, R_OK) == 0 && dt_relay_config_load(&server, config) == 0)
		usual = server->control;
	if (!relay && access(config, R_OK) == 0 && dt_client_config_load(&client, config) == 0)
		usual = client->control;
	path = strdup(usual);
	if (client)
		dt_client_config_free(client);
	if (server)
		dt_relay_config_free(server);
	return path;
}

static int parts_write(struct report *r, const struct dt_options *options, const char *config)
{
	char *control = control_path(options->relay, config);
	int err = control ? own_parts(r, options, config, control) : -ENOMEM;

	for (size_t i = 0; err == 0 && i < sizeof(parts) / sizeof(parts[0]); i++)
		err = part_write(r, parts[i].file, parts[i].command);
	free(control);
	return err;
}

static int report_open(struct report *r)
{
	char path[160];
	time_t now = time(NULL);

	umask(077);
	strcpy(r->dir, "/tmp/detourd-report.XXXXXX");
	strftime(r->name, sizeof(r->name), "detourd-report-%Y%m%d-%H%M%S", localtime(&now));
	if (!mkdtemp(r->dir))
		return -errno;
	snprintf(path, sizeof(path), "%s/%s", r->dir, r->name);
	return mkdir(path, 0700) < 0 ? -errno : 0;
}

static void report_close(struct report *r)
{
	const char *const remove[] = {"rm", "-rf", r->dir, NULL};
	int code;

	free(dt_process_output(remove, false, &code));
	dt_redaction_fini(&r->redaction);
}

int dt_cli_report(const struct dt_options *options, const char *config)
{
	struct report r = {.redaction.keep_addresses = (options->given & 1u << DT_CLI_ADDRESSES) != 0};
	int err = report_open(&r), code = -1;
	char usual[96];
	const char *file = options->argument ? options->argument : usual;
	char *words;

	snprintf(usual, sizeof(usual), "%s.tar.gz", r.name);
	if (err == 0)
		err = parts_write(&r, options, config);
	if (err == 0) {
		const char *const pack[] = {"tar", "-C", r.dir, "-czf", file, r.name, NULL};

		words = dt_process_output(pack, true, &code);
		if (code != 0)
			fprintf(stderr, "detourd: cannot write %s: %s\n", file, words ? words : "no tar");
		free(words);
	} else {
		fprintf(stderr, "detourd: cannot write the report's parts in %s: %s\n", r.dir, strerror(-err));
	}
	report_close(&r);
	if (code != 0)
		return 1;
	printf("%s\nIt has no keys%s. Read it before you give it away: tar -xzf %s\n", file,
	       options->given & 1u << DT_CLI_ADDRESSES ? "" : ", and names in place of IP addresses", file);
	return 0;
}
