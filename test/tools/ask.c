/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client of protocol v2 for tests, without a path manager. It asks a relay what the lines of standard input say, and
 * prints a line for each answer: REASON PORT LIFETIME DRAINING. A reason of -1 means no answer.
 * usage: ask SECRET-KEY-FILE RELAY-PUBLIC-KEY RELAY-ADDRESS:PORT
 * lines: lease SERVER | renew PORT SERVER | release PORT SERVER | convert SERVER | unconvert SERVER | tunnel | ping
 * After "convert" the outcome of the last connection follows, if there was one; after "ping" "converts", if the relay does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tools/client.h"

static bool line_parse(const struct client *c, char *line, struct dt_message *m)
{
	static const struct {
		const char *word;
		uint8_t op;
		bool port, server;
	} ops[] = {
		{"lease", DT_OP_LEASE, false, true},	     {"renew", DT_OP_RENEW, true, true},
		{"release", DT_OP_RELEASE, true, true},	     {"tunnel", DT_OP_TUNNEL, false, false},
		{"ping", DT_OP_PING, false, false},	     {"convert", DT_OP_CONVERT, false, true},
		{"unconvert", DT_OP_UNCONVERT, false, true},
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
			memcpy(m->tunnel.key, c->keys.public, DT_KEY_LEN);
		return !ops[i].server || dt_endpoint_parse(&m->server, strsep(&at, " \n")) == 0;
	}
	return false;
}

static void answer_await(struct client *c)
{
	struct dt_client_link_event event;

	for (;;) {
		client_pump(c);
		while (dt_client_link_event(c->link, &event)) {
			if (event.type == DT_LINK_TIMEOUT)
				printf("-1 0 0 0\n");
			else if (event.type == DT_LINK_REPLY)
				printf("%u %u %u %d%s%.0u\n", event.message.reason, event.message.dpt,
				       event.message.lifetime_s, dt_client_link_draining(c->link),
				       event.message.outcome ? " " : "", event.message.outcome);
			else
				continue;
			fflush(stdout);
			return;
		}
	}
}

int main(int argc, char **argv)
{
	struct client c;
	struct dt_message m;
	char text[256];
	int err, up = 0;

	if (argc != 4 || client_parse(&c, argv + 1) < 0) {
		fprintf(stderr, "usage: ask " CLIENT_USAGE "\n");
		return 2;
	}
	err = client_link(&c);
	if (err < 0) {
		fprintf(stderr, "ask: %s\n", strerror(-err));
		return 1;
	}
	for (uint64_t end_ns = dt_now_ns() + 5 * DT_SEC;
	     dt_client_link_state(c.link) != DT_LINK_UP && dt_now_ns() < end_ns;)
		client_pump(&c);
	while (fgets(text, sizeof(text), stdin)) {
		if (!line_parse(&c, text, &m)) {
			fprintf(stderr, "ask: what is \"%s\"?\n", text);
			return 2;
		}
		if (m.op == DT_OP_PING) { /* the link answers it */
			dt_client_link_probe(c.link, dt_now_ns());
			for (int i = 0; i < 20; i++)
				client_pump(&c);
			printf("%d 0 0 %d%s\n", dt_client_link_state(c.link) == DT_LINK_UP ? 0 : -1,
			       dt_client_link_draining(c.link), dt_client_link_converts(c.link) ? " converts" : "");
			fflush(stdout);
			continue;
		}
		if (dt_client_link_request(c.link, &m, &up, dt_now_ns()) == 0)
			answer_await(&c);
	}
	client_close(&c);
	return 0;
}
