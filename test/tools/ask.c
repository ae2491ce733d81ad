/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client of protocol v2 for tests, without a path manager: asks a relay for what it reads from standard input, a line
 * each, and prints a line for each answer: REASON PORT LIFETIME DRAINING. A reason of -1: no answer.
 * usage: ask SECRET-KEY-FILE RELAY-PUBLIC-KEY RELAY-ADDRESS:PORT
 * lines: lease SERVER | renew PORT SERVER | release PORT SERVER | tunnel | ping
 */
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "proto/client_link.h"

static struct dt_keypair keys;

static void pump(struct dt_link *l, int fd)
{
	uint8_t buf[DT_WIRE_MAX];
	uint64_t now_ns = dt_now_ns();
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	ssize_t got;
	size_t len;

	dt_link_tick(l, now_ns);
	while ((len = dt_link_output(l, now_ns, buf, sizeof(buf))) > 0)
		if (send(fd, buf, len, 0) < 0)
			perror("send");
	if (poll(&pfd, 1, 10) <= 0)
		return;
	while ((got = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		dt_link_input(l, dt_now_ns(), buf, (size_t)got);
}

static bool line_parse(char *line, struct dt_message *m)
{
	static const struct {
		const char *word;
		uint8_t op;
		bool port, server;
	} ops[] = {
		{"lease", DT_OP_LEASE, false, true},	{"renew", DT_OP_RENEW, true, true},
		{"release", DT_OP_RELEASE, true, true}, {"tunnel", DT_OP_TUNNEL, false, false},
		{"ping", DT_OP_PING, false, false},
	};
	char *at = line, *word = strsep(&at, " \n");

	memset(m, 0, sizeof(*m));
	m->lifetime_s = DT_LEASE_LIFETIME_DEFAULT_S;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strcmp(word, ops[i].word) != 0)
			continue;
		m->op = ops[i].op;
		if (ops[i].port)
			m->dpt = (uint16_t)atoi(strsep(&at, " \n"));
		if (m->op == DT_OP_TUNNEL)
			memcpy(m->tunnel.key, keys.public, DT_KEY_LEN);
		return !ops[i].server || dt_endpoint_parse(&m->server, strsep(&at, " \n")) == 0;
	}
	return false;
}

static void answer_await(struct dt_link *l, int fd)
{
	struct dt_link_event event;

	for (;;) {
		pump(l, fd);
		while (dt_link_event(l, &event)) {
			if (event.type == DT_LINK_TIMEOUT)
				printf("-1 0 0 0\n");
			else if (event.type == DT_LINK_REPLY)
				printf("%u %u %u %d\n", event.message.reason, event.message.dpt,
				       event.message.lifetime_s, dt_link_draining(l));
			else
				continue;
			fflush(stdout);
			return;
		}
	}
}

int main(int argc, char **argv)
{
	struct dt_client_session session;
	uint8_t secret[DT_KEY_LEN], public[DT_KEY_LEN];
	char text[256];
	struct sockaddr_storage sa;
	struct dt_pair_keys pair;
	struct dt_endpoint relay;
	struct dt_message m;
	struct dt_link *l;
	socklen_t len;
	int fd, up = 0;

	if (argc != 4 || sodium_init() < 0 || dt_file_read(argv[1], text, sizeof(text)) < 0 ||
	    dt_key_parse(secret, text) < 0 || dt_key_parse(public, argv[2]) < 0 ||
	    dt_endpoint_parse(&relay, argv[3]) < 0) {
		fprintf(stderr, "usage: ask SECRET-KEY-FILE RELAY-PUBLIC-KEY RELAY-ADDRESS:PORT\n");
		return 2;
	}
	dt_keypair_from_secret(&keys, secret);
	dt_client_session_init(&session);
	len = dt_endpoint_to_sockaddr(&relay, &sa);
	fd = socket(sa.ss_family, SOCK_DGRAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, len) < 0 || dt_pair_keys_client(&pair, &keys, public) < 0 ||
	    dt_link_new(&l, &pair, &session, dt_now_ns()) < 0) {
		perror("ask");
		return 1;
	}
	for (uint64_t end_ns = dt_now_ns() + 5 * DT_SEC; dt_link_state(l) != DT_LINK_UP && dt_now_ns() < end_ns;)
		pump(l, fd);
	while (fgets(text, sizeof(text), stdin)) {
		if (!line_parse(text, &m)) {
			fprintf(stderr, "ask: what is \"%s\"?\n", text);
			return 2;
		}
		if (m.op == DT_OP_PING) { /* the link's own business */
			dt_link_probe(l, dt_now_ns());
			for (int i = 0; i < 20; i++)
				pump(l, fd);
			printf("%d 0 0 %d\n", dt_link_state(l) == DT_LINK_UP ? 0 : -1, dt_link_draining(l));
			fflush(stdout);
			continue;
		}
		if (dt_link_request(l, &m, &up, dt_now_ns()) == 0)
			answer_await(l, fd);
	}
	dt_link_free(l);
	close(fd);
	return 0;
}
