/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leases a second: one client asks a running relay for NUMBER leases, as many at a time as the protocol allows. With
 * "one", one after the other, and how long each took: the 50th and 99th hundredth, and those that got no answer.
 * usage: leases SECRET-KEY-FILE RELAY-PUBLIC-KEY RELAY-ADDRESS:PORT NUMBER [one]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tools/client.h"

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static struct dt_message request_of(unsigned i)
{
	struct dt_message m;

	memset(&m, 0, sizeof(m));
	m.op = DT_OP_LEASE;
	m.lifetime_s = 300;
	m.server.ip = dt_ip_from_v4(htonl(0xcb007100 + i / 60000));
	m.server.port = (uint16_t)(i % 60000 + 1);
	return m;
}

static int one_by_one(struct client *c, unsigned number)
{
	uint64_t *took_ns = calloc(number, sizeof(*took_ns));
	unsigned lost = 0, granted = 0;
	struct dt_client_link_event event;

	if (!took_ns)
		return 1;
	for (unsigned i = 0; i < number; i++) {
		struct dt_message m = request_of(i);
		uint64_t begin_ns = dt_now_ns();
		bool answered = false;

		dt_client_link_request(c->link, &m, took_ns + i, begin_ns);
		while (!answered) {
			client_pump(c);
			while (dt_client_link_event(c->link, &event)) {
				if (event.owner != took_ns + i)
					continue;
				answered = true;
				lost += event.type == DT_LINK_TIMEOUT;
				granted += event.type == DT_LINK_REPLY && event.message.reason == DT_REASON_OK;
			}
		}
		took_ns[i] = dt_now_ns() - begin_ns;
	}
	qsort(took_ns, number, sizeof(*took_ns), compare);
	printf("%u asked, %u granted, %u lost, p50 %.0f us, p99 %.0f us\n", number, granted, lost,
	       (double)took_ns[number / 2] / DT_US, (double)took_ns[number * 99 / 100] / DT_US);
	free(took_ns);
	return granted == number ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct client c;
	struct dt_client_link_event event;
	unsigned number, answered = 0, granted = 0;
	uint64_t begin_ns;
	char *owners;
	int err;

	if (argc < 5 || argc > 6 || client_parse(&c, argv + 1) < 0) {
		fprintf(stderr, "usage: leases " CLIENT_USAGE " NUMBER [one]\n");
		return 2;
	}
	number = (unsigned)atoi(argv[4]);
	owners = calloc(number, 1);
	err = owners ? client_link(&c) : -ENOMEM;
	if (err < 0) {
		fprintf(stderr, "leases: %s\n", strerror(-err));
		return 1;
	}
	while (dt_client_link_state(c.link) != DT_LINK_UP)
		client_pump(&c);
	if (argc == 6)
		return one_by_one(&c, number);
	begin_ns = dt_now_ns();
	for (unsigned i = 0; i < number; i++) {
		struct dt_message m = request_of(i);

		dt_client_link_request(c.link, &m, owners + i, begin_ns);
	}
	while (answered < number) {
		client_pump(&c);
		while (dt_client_link_event(c.link, &event)) {
			answered += event.type == DT_LINK_REPLY || event.type == DT_LINK_TIMEOUT;
			granted += event.type == DT_LINK_REPLY && event.message.reason == DT_REASON_OK;
		}
	}
	printf("%u asked, %u granted, %.0f ms\n", number, granted, (double)(dt_now_ns() - begin_ns) / DT_MS);
	client_close(&c);
	free(owners);
	return granted == number ? 0 : 1;
}
