/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leases a second: one client asks a running relay for NUMBER leases, as many at a time as the protocol allows. With
 * "one", one after the other, and how long each took: the 50th and 99th hundredth, and those that got no answer.
 * usage: leases SECRET-KEY-FILE RELAY-PUBLIC-KEY RELAY-ADDRESS:PORT NUMBER [one]
 */
#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"
#include "proto/client_link.h"

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

static int one_by_one(struct dt_link *l, int fd, unsigned number)
{
	uint64_t *took_ns = calloc(number, sizeof(*took_ns));
	unsigned lost = 0, granted = 0;
	struct dt_link_event event;

	if (!took_ns)
		return 1;
	for (unsigned i = 0; i < number; i++) {
		struct dt_message m = request_of(i);
		uint64_t begin_ns = dt_now_ns();
		bool answered = false;

		dt_link_request(l, &m, took_ns + i, begin_ns);
		while (!answered) {
			pump(l, fd);
			while (dt_link_event(l, &event)) {
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
	struct dt_client_session session;
	struct dt_keypair keys;
	struct dt_pair_keys pair;
	struct dt_endpoint relay;
	struct sockaddr_storage sa;
	struct dt_link_event event;
	struct dt_link *l;
	uint8_t secret[DT_KEY_LEN], public[DT_KEY_LEN];
	unsigned number, answered = 0, granted = 0;
	uint64_t begin_ns;
	char text[128], *owners;
	socklen_t len;
	int fd;

	if (argc < 5 || argc > 6 || sodium_init() < 0 || dt_file_read(argv[1], text, sizeof(text)) < 0 ||
	    dt_key_parse(secret, text) < 0 || dt_key_parse(public, argv[2]) < 0 ||
	    dt_endpoint_parse(&relay, argv[3]) < 0) {
		fprintf(stderr, "usage: leases SECRET-KEY-FILE RELAY-PUBLIC-KEY RELAY-ADDRESS:PORT NUMBER [one]\n");
		return 2;
	}
	number = (unsigned)atoi(argv[4]);
	owners = calloc(number, 1);
	dt_keypair_from_secret(&keys, secret);
	dt_client_session_init(&session);
	len = dt_endpoint_to_sockaddr(&relay, &sa);
	fd = socket(sa.ss_family, SOCK_DGRAM, 0);
	if (!owners || fd < 0 || connect(fd, (struct sockaddr *)&sa, len) < 0 ||
	    dt_pair_keys_client(&pair, &keys, public) < 0 || dt_link_new(&l, &pair, &session, dt_now_ns()) < 0) {
		perror("leases");
		return 1;
	}
	while (dt_link_state(l) != DT_LINK_UP)
		pump(l, fd);
	if (argc == 6)
		return one_by_one(l, fd, number);
	begin_ns = dt_now_ns();
	for (unsigned i = 0; i < number; i++) {
		struct dt_message m = request_of(i);

		dt_link_request(l, &m, owners + i, begin_ns);
	}
	while (answered < number) {
		pump(l, fd);
		while (dt_link_event(l, &event)) {
			answered += event.type == DT_LINK_REPLY || event.type == DT_LINK_TIMEOUT;
			granted += event.type == DT_LINK_REPLY && event.message.reason == DT_REASON_OK;
		}
	}
	printf("%u asked, %u granted, %.0f ms\n", number, granted, (double)(dt_now_ns() - begin_ns) / DT_MS);
	dt_link_free(l);
	free(owners);
	return granted == number ? 0 : 1;
}
