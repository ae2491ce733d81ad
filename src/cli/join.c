/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/join.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/unix.h"
#include "cli/ask.h"
#include "cli/setup.h"
#include "cli/talk.h"
#include "pm/conf/client_conf.h"
#include "proto/client_link.h"
#include "proto/invitation.h"

#define UNIT "detourd.service"
#define LINE_MAX_READ 1024
#define UP_WAIT_MS 10000
#define UP_STEP_MS 100

struct join {
	const struct dt_options *options;
	struct dt_invitation_line line;
	char host[DT_HOST_STRLEN]; /* as in the line */
	const char *config_path;
	struct dt_client_config *config;
	char name[DT_CONFIG_NAME_MAX + 1]; /* of the relay's section */
	struct dt_endpoint relay;	   /* the address that answered */
	bool converts;			   /* so the relay says */
};

/* --- the line ---------------------------------------------------------------------------------- */

static int line_take(struct join *j, const char *argument)
{
	char text[LINE_MAX_READ];
	size_t len;
	int err;

	if (strcmp(argument, "-") == 0) { /* so that it is in no list of processes */
		len = fread(text, 1, sizeof(text) - 1, stdin);
		text[len] = '\0';
		argument = text;
	}
	err = dt_invitation_parse(&j->line, argument);
	sodium_memzero(text, sizeof(text));
	if (err == -EINVAL)
		fputs("detourd: this is no invitation, which begins with detourd: and is one line\n", stderr);
	else if (err)
		fputs("detourd: this invitation was mistyped or cut, its checksum does not fit: copy the whole line "
		      "again\n",
		      stderr);
	else
		dt_host_format(&j->line.relay, j->host);
	return err;
}

/* --- the configuration ------------------------------------------------------------------------- */

/* Makes one where there is none. */
static int config_prepare(struct join *j)
{
	int err = dt_setup_config(j->config_path, "client", "join");

	if (err < 0)
		return err;
	err = dt_client_config_load(&j->config, j->config_path);
	if (err)
		fprintf(stderr, "detourd: %s has errors: correct them first\n", j->config_path);
	return err;
}

static const struct dt_relay_conf *relay_known(const struct join *j)
{
	for (size_t i = 0; i < j->config->nrelays; i++)
		if (memcmp(j->config->relays[i].public_key, j->line.relay_public, DT_KEY_LEN) == 0)
			return &j->config->relays[i];
	return NULL;
}

static bool name_taken(const struct join *j, const char *name)
{
	for (size_t i = 0; i < j->config->nrelays; i++)
		if (strcmp(j->config->relays[i].name, name) == 0)
			return true;
	return false;
}

/* After the relay's host. */
static void name_choose(struct join *j)
{
	char base[DT_CONFIG_NAME_MAX - 2];

	snprintf(base, sizeof(base), "%.*s", (int)sizeof(base) - 1, j->line.relay.name);
	for (char *at = base; *at; at++)
		if (*at == ':')
			*at = '-';
	snprintf(j->name, sizeof(j->name), "%s", base);
	for (unsigned n = 2; n < 100 && name_taken(j, j->name); n++)
		snprintf(j->name, sizeof(j->name), "%s-%u", base, n);
}

/* The relay's own section, in a file of its own. */
static int relay_write(struct join *j)
{
	const struct dt_relay_conf *known = relay_known(j);
	char dir[PATH_MAX], key[DT_KEY_BASE64_LEN], *path = NULL, *text = NULL;
	int err;

	if (known) {
		snprintf(j->name, sizeof(j->name), "%s", known->name);
		fprintf(stderr, "the configuration has this relay already, as [relay %s]\n", j->name);
		return 0;
	}
	name_choose(j);
	err = dt_config_beside(j->config_path, dir, sizeof(dir));
	if (err == 0 &&
	    (asprintf(&path, "%s/%s.conf", dir, j->name) < 0 ||
	     asprintf(&text,
		      "# Made by detourd join; remove this file to leave the relay.\n[relay %s]\nendpoint = %s\n"
		      "public-key = %s\n",
		      j->name, j->host, dt_key_format(j->line.relay_public, key)) < 0))
		err = -ENOMEM;
	if (err == 0)
		err = dt_setup_write(path, text);
	if (err == 0)
		fprintf(stderr, "made %s\n", path);
	free(path);
	free(text);
	return err;
}

/* --- the relay --------------------------------------------------------------------------------- */

static void silence_explain(const struct join *j, const struct dt_endpoint *at, int err)
{
	char text[DT_ENDPOINT_STRLEN];

	dt_endpoint_format(at, text);
	if (err == -ETIMEDOUT)
		fprintf(stderr,
			"detourd: no answer from %s in %d s: the relay does not run, a firewall drops UDP to its port "
			"%u, or "
			"it does not know this invitation any more\n",
			text, DT_LINK_GIVE_UP_MS / 1000, at->port);
	else if (err == -ECONNREFUSED)
		fprintf(stderr,
			"detourd: %s is reached, but nothing listens there: the relay does not run, or uses "
			"another port\n",
			text);
	else
		fprintf(stderr, "detourd: cannot send to %s: %s\n", text, strerror(-err));
}

/* By this host's own key. */
static int relay_try(struct join *j, uint32_t *rtt_us)
{
	struct dt_pair_keys keys;
	struct dt_talk answer;
	int err = dt_pair_keys_client(&keys, &j->config->keys, j->line.relay_public);

	if (err == 0)
		err = dt_talk(&j->relay, &keys, NULL, &answer);
	sodium_memzero(&keys, sizeof(keys));
	if (err)
		silence_explain(j, &j->relay, err);
	else if (answer.reason != DT_REASON_OK) {
		fprintf(stderr, "detourd: %s: %s\n", j->host, dt_reason_text(answer.reason));
		err = -EACCES;
	}
	*rtt_us = err ? 0 : answer.rtt_us;
	j->converts = err == 0 && answer.converts;
	return err;
}

/* Asks the line's host to take this host's key; by the first of its addresses that answers. */
static int relay_ask(struct join *j)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *list, *at;
	struct dt_message ask = {.op = DT_OP_JOIN};
	struct dt_keypair invitation;
	struct dt_pair_keys keys;
	struct dt_talk answer;
	uint32_t rtt_us;
	int err = getaddrinfo(j->line.relay.name, NULL, &hints, &list);

	if (err) {
		fprintf(stderr, "detourd: cannot look up %s: %s\n", j->line.relay.name, gai_strerror(err));
		return -EHOSTUNREACH;
	}
	memcpy(ask.key, j->config->keys.public, DT_KEY_LEN);
	dt_invitation_keys(&invitation, &j->line);
	err = dt_pair_keys_client(&keys, &invitation, j->line.relay_public);
	for (at = err ? NULL : list; at; at = at->ai_next) {
		err = dt_endpoint_from_sockaddr(&j->relay, at->ai_addr);
		j->relay.port = j->line.relay.port;
		if (err == 0)
			err = dt_talk(&j->relay, &keys, &ask, &answer);
		if (err == 0)
			break;
		silence_explain(j, &j->relay, err);
	}
	freeaddrinfo(list);
	sodium_memzero(&keys, sizeof(keys));
	sodium_memzero(&invitation, sizeof(invitation));
	if (err || answer.reason == DT_REASON_OK)
		return err;
	if (answer.reason == DT_REASON_KEY && relay_try(j, &rtt_us) == 0) {
		fputs("this host is a client of the relay already; the invitation was not used\n", stderr);
		return 0;
	}
	fprintf(stderr, "detourd: %s: %s\n", j->host, dt_reason_text(answer.reason));
	return -EACCES;
}

/* --- the daemon -------------------------------------------------------------------------------- */

/* Has the running client take the new section. -ENOENT, -ECONNREFUSED: none runs. */
static int daemon_reload(const char *control)
{
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);
	int fd = dt_unix_connect(control, SOCK_STREAM), err = 0;

	if (fd < 0)
		return fd;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.pid <= 0 || kill(peer.pid, SIGHUP) < 0)
		err = errno ? -errno : -ESRCH;
	close(fd);
	return err;
}

/* The state of a relay at the running client, malloc'ed; NULL: not known. */
static char *relay_state(const char *control, const char *name)
{
	char *state = NULL;
	json_t *status, *relay;
	size_t i;

	if (dt_ask(control, "status", &status) < 0)
		return NULL;
	json_array_foreach(json_object_get(status, "relays"), i, relay) {
		const char *word = json_string_value(json_object_get(relay, "state"));

		if (word && strcmp(json_string_value(json_object_get(relay, "name")), name) == 0)
			state = strdup(word);
	}
	json_decref(status);
	return state;
}

static bool daemon_has_relay_up(const char *control, const char *name)
{
	bool up = false;

	for (unsigned ms = 0; !up && ms < UP_WAIT_MS; ms += UP_STEP_MS) {
		char *state = relay_state(control, name);

		up = state && strcmp(state, "up") == 0;
		free(state);
		if (!up)
			usleep(UP_STEP_MS * 1000);
	}
	return up;
}

/* False after a complaint. */
static bool daemon_use(const struct join *j)
{
	const char *control = j->options->control ? j->options->control : j->config->control;
	int err = daemon_reload(control);

	if (err == -ENOENT || err == -ECONNREFUSED) {
		if (!j->options->config && dt_setup_start(UNIT))
			return daemon_has_relay_up(control, j->name);
		fputs("detourd itself does not run yet: systemctl enable --now detourd\n", stderr);
		return true;
	}
	if (err) {
		fprintf(stderr, "detourd: cannot have the running client reload: %s\n", strerror(-err));
		return false;
	}
	if (daemon_has_relay_up(control, j->name))
		return true;
	fprintf(stderr,
		"detourd: the running client does not have the relay up in %d s; detourd status and its log may say "
		"why\n",
		UP_WAIT_MS / 1000);
	return false;
}

int dt_cli_join(const struct dt_options *options)
{
	struct join j = {.options = options, .config_path = options->config ? options->config : DT_CLIENT_CONFIG_PATH};
	uint32_t rtt_us;
	bool up;

	if (line_take(&j, options->argument) < 0)
		return 2;
	up = config_prepare(&j) == 0 && relay_ask(&j) == 0 && relay_write(&j) == 0 && relay_try(&j, &rtt_us) == 0 &&
	     daemon_use(&j);
	if (up)
		printf("relay %s: up, %.*f ms\n", j.name, rtt_us < 10000, (double)rtt_us / 1000);
	if (up && j.converts && j.config->convert == DT_CONVERT_NO)
		printf("it converts for this client; to use that for servers without MPTCP, set convert = auto in the "
		       "[client] of %s\n",
		       j.config_path);
	sodium_memzero(&j.line, sizeof(j.line));
	dt_client_config_free(j.config);
	return up ? 0 : 1;
}
