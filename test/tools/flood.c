/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Floods a relay's UDP port with PPS datagrams a second, for tests of relays under attack:
 *     garbage   random bytes of the right length and version, from a stranger
 *     wrong     with the key id of a client, as copied from the wire, and a box that does not open
 *     replay    one datagram of a client, again and again: authentic, but its token is another address's
 *     greedy    new and valid requests of a client, each for another lease
 * usage: flood KIND SECRET-KEY-FILE RELAY-PUBLIC-KEY RELAY-ADDRESS:PORT PPS SECONDS
 * Prints datagrams sent, answers received, bytes sent, bytes received, longest answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tools/client.h"

static struct client client;
static uint8_t token[DT_TOKEN_LEN];
static unsigned long sent, answers, bytes_sent, bytes_received, longest;

static size_t request_make(uint8_t *out, uint16_t port)
{
	uint8_t plain[DT_WIRE_REQUEST_PLAIN];
	struct dt_seal_header header;
	struct dt_message m;
	int len;

	memset(&m, 0, sizeof(m));
	m.op = DT_OP_LEASE;
	m.lifetime_s = DT_LEASE_LIFETIME_MIN_S;
	m.server.ip = dt_ip_from_v4(htonl(0xcb007102));
	m.server.port = port;
	memcpy(m.token, token, sizeof(token));
	memcpy(header.session, client.session.id, sizeof(header.session));
	header.counter = ++client.session.counter;
	len = dt_message_encode(&m, plain, sizeof(plain));
	return (size_t)dt_seal(&client.pair, &header, plain, (size_t)len, out, DT_WIRE_MAX);
}

static void answers_take(void)
{
	uint8_t in[2048], plain[DT_WIRE_REQUEST_PLAIN];
	struct dt_seal_header header;
	struct dt_message m;
	ssize_t got;
	int len;

	while ((got = recv(client.fd, in, sizeof(in), MSG_DONTWAIT)) > 0) {
		answers++;
		bytes_received += (unsigned long)got;
		if ((unsigned long)got > longest)
			longest = (unsigned long)got;
		len = dt_open(&client.pair, in, (size_t)got, &header, plain, sizeof(plain));
		if (len > 0 && dt_message_decode(&m, plain, (size_t)len) == 0)
			memcpy(token, m.token, sizeof(token));
	}
}

int main(int argc, char **argv)
{
	uint8_t out[DT_WIRE_MAX], fixed[DT_WIRE_MAX];
	uint64_t begin_ns, end_ns;
	double pps, seconds;
	size_t len, fixed_len;
	const char *kind;
	int err;

	if (argc != 7 || client_parse(&client, argv + 2) < 0) {
		fprintf(stderr, "usage: flood KIND " CLIENT_USAGE " PPS SECONDS\n");
		return 2;
	}
	kind = argv[1];
	pps = atof(argv[5]);
	seconds = atof(argv[6]);
	err = client_connect(&client);
	if (err < 0) {
		fprintf(stderr, "flood: %s\n", strerror(-err));
		return 1;
	}
	fixed_len = request_make(fixed, 9);
	if (strcmp(kind, "garbage") == 0)
		randombytes_buf(fixed + 12, fixed_len - 12), randombytes_buf(fixed + 4, DT_KEY_ID_LEN);
	else if (strcmp(kind, "wrong") == 0)
		fixed[fixed_len - 1] ^= 1;
	begin_ns = dt_now_ns();
	end_ns = begin_ns + (uint64_t)(seconds * (double)DT_SEC);
	while (dt_now_ns() < end_ns) {
		const uint8_t *datagram = fixed;

		len = fixed_len;
		if (strcmp(kind, "greedy") == 0) {
			len = request_make(out, (uint16_t)(sent % 65000 + 1));
			datagram = out;
		}
		if (send(client.fd, datagram, len, 0) < 0 && errno != ECONNREFUSED && errno != ENOBUFS) {
			perror("send");
			return 1;
		}
		sent++;
		bytes_sent += len;
		answers_take();
		while ((double)sent > pps * ((double)(dt_now_ns() - begin_ns) / (double)DT_SEC) &&
		       dt_now_ns() < end_ns) {
			struct timespec pause = {0, 50000};

			nanosleep(&pause, NULL);
		}
	}
	usleep(200000);
	answers_take();
	printf("%lu %lu %lu %lu %lu\n", sent, answers, bytes_sent, bytes_received, longest);
	return 0;
}
