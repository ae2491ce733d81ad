/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration: what --check says of it, and what is allowed but leads to nothing. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor/context.h"
#include "cli/doctor/process.h"

/* More are as many as anybody wants to read. */
#define LINES_MAX 20

static bool is_warning(const char *line)
{
	return strstr(line, ": warning: ") != NULL;
}

/* What --check says is asked of --check itself. False: there are errors. */
static bool check_run(struct dt_doctor *d)
{
	const char *const relay[] = {"/proc/self/exe", "--relay", "--check", "-c", d->config_path, NULL};
	const char *const client[] = {"/proc/self/exe", "--check", "-c", d->config_path, NULL};
	char command[512], *rest = NULL;
	int code, lines = 0;
	char *text = dt_process_output(d->relay ? relay : client, true, &code);

	snprintf(command, sizeof(command), "%s--check -c %s", d->relay ? "--relay " : "", d->config_path);
	for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest)) {
		if (lines++ == LINES_MAX)
			break;
		if (is_warning(line))
			dt_finding_add(&d->found, DT_FIND_CONFIG_WARNINGS, dt_doctor_unit(d), "%s", line);
		else
			dt_finding_add(&d->found, DT_FIND_CONFIG_ERRORS, command, "%s", line);
	}
	free(text);
	return code == 0;
}

/* --- what leads to nothing --------------------------------------------------------------------- */

static bool gives_detours(const struct dt_client_config *config)
{
	if (config->max_detours > 0)
		return true;
	for (size_t i = 0; i < config->nrules; i++)
		if (config->rules[i].detours > 0)
			return true;
	return false;
}

static void client_judge(struct dt_doctor *d)
{
	const struct dt_client_config *config = d->client;

	if (config->nrelays == 0)
		dt_finding_add(&d->found, DT_FIND_CONFIG_NO_RELAY, d->config_path, "%s names no relay", d->config_path);
	if (!gives_detours(config))
		dt_finding_add(&d->found, DT_FIND_CONFIG_NO_DETOURS, d->config_path,
			       "max-detours is 0, and no rule gives detours");
	for (size_t i = 0; i < config->nrelays; i++)
		if (memcmp(config->relays[i].public_key, config->keys.secret, DT_KEY_LEN) == 0)
			dt_finding_add(&d->found, DT_FIND_KEY_IS_PUBLIC, "PRIVATE-KEY-FILE",
				       "the private key file holds the public key of [relay %s]",
				       config->relays[i].name);
}

static void relay_judge(struct dt_doctor *d)
{
	const struct dt_relay_config *config = d->server;

	if (config->nclients == 0)
		dt_finding_add(&d->found, DT_FIND_CONFIG_NO_CLIENT, d->config_path, "%s names no client",
			       d->config_path);
	for (size_t i = 0; i < config->nclients; i++)
		if (memcmp(config->clients[i].public_key, config->keys.secret, DT_KEY_LEN) == 0)
			dt_finding_add(&d->found, DT_FIND_KEY_IS_PUBLIC, "PRIVATE-KEY-FILE",
				       "the private key file holds the public key of [client %s]",
				       config->clients[i].name);
}

/* What is wrong was told already. --check finds more: what keeps the daemon from starting on this machine. */
static bool load_quietly(struct dt_doctor *d)
{
	int keep = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int err;

	fflush(stderr);
	if (null >= 0)
		dup2(null, STDERR_FILENO);
	err = d->relay ? dt_relay_config_load(&d->server, d->config_path)
		       : dt_client_config_load(&d->client, d->config_path);
	fflush(stderr);
	if (keep >= 0) {
		dup2(keep, STDERR_FILENO);
		close(keep);
	}
	if (null >= 0)
		close(null);
	return err == 0;
}

void dt_doctor_config(struct dt_doctor *d)
{
	const struct dt_keypair *keys;
	bool checked, loaded;
	unsigned errors;

	if (!d->config_asked && access(d->config_path, F_OK) < 0) {
		dt_finding_add(&d->found, DT_FIND_CONFIG_ABSENT, d->relay ? "relay.conf" : "client.conf", "no %s",
			       d->config_path);
		return;
	}
	errors = d->found.count[DT_ERROR];
	checked = check_run(d);
	loaded = load_quietly(d);
	if (checked && loaded)
		dt_finding_fine(&d->found, "configuration", "%s", d->config_path);
	else if (errors == d->found.count[DT_ERROR])
		dt_finding_add(&d->found, DT_FIND_CONFIG_ERRORS, "--check", "%s cannot be checked", d->config_path);
	if (!loaded)
		return;
	if (d->relay)
		relay_judge(d);
	else
		client_judge(d);
	keys = d->relay ? &d->server->keys : &d->client->keys;
	if (!dt_secret_is_made(keys->secret))
		dt_finding_add(&d->found, DT_FIND_KEY_IS_PUBLIC, "PRIVATE-KEY-FILE",
			       "the private key file holds a key that detourd genkey does not make: a public one?");
}
