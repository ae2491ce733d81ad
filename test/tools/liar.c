/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hostile relay that speaks protocol v2, for tests of the client. It grants everything for no time at all, names NEAR
 * (an address of the client's network or host) to join at and to talk to, gives TUNNEL as tunnel address, and is about to
 * close and then not, in turn. Stops by SIGTERM; then it prints how many datagrams came.
 * usage: liar SECRET-KEY-FILE CLIENT-PUBLIC-KEY ADDRESS:PORT NEAR TUNNEL
 */
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"
#include "proto/relay_session.h"

#define TUNNEL_PORT 51820

static struct dt_keypair keys;
static uint8_t client[DT_KEY_LEN];
static struct dt_endpoint at;
static struct dt_ip near, tunnel;
static volatile sig_atomic_t ended;

static void end(int number)
{
	ended = 1;
}

static int arguments_parse(char **args)
{
	uint8_t secret[DT_KEY_LEN];
	char text[256];

	if (sodium_init() < 0 || dt_file_read(args[0], text, sizeof(text)) < 0 || dt_key_parse(secret, text) < 0 ||
	    dt_key_parse(client, args[1]) < 0 || dt_endpoint_parse(&at, args[2]) < 0 ||
	    dt_ip_parse(&near, args[3]) < 0 || dt_ip_parse(&tunnel, args[4]) < 0)
		return -EINVAL;
	dt_keypair_from_secret(&keys, secret);
	return 0;
}

static void lie(const struct dt_message *asked, struct dt_message *m)
{
	static unsigned told;

	memset(m, 0, sizeof(*m));
	m->server = asked->server;
	m->dpt = 22;
	m->rtt_us = UINT32_MAX;
	m->draining = ++told % 8 == 0;
	*(dt_ip_is_v4(&near) ? &m->nat4 : &m->nat6) = near;
	*(dt_ip_is_v4(&near) ? &m->control4 : &m->control6) = (struct dt_endpoint){near, 53};
	if (asked->op != DT_OP_TUNNEL)
		return;
	memcpy(m->tunnel.key, keys.public, DT_KEY_LEN);
	m->tunnel.port = TUNNEL_PORT;
	m->tunnel.ip4 = tunnel;
	m->tunnel.ip6 = asked->tunnel.ip6;
}

/* The length of the answer; 0: none. */
static size_t answer(struct dt_relay_proto *proto, const struct dt_endpoint *from, const uint8_t *in, size_t len,
		     uint8_t *reply)
{
	struct dt_relay_request request;
	struct dt_message m;
	size_t reply_len = 0;

	switch (dt_relay_proto_input(proto, dt_now_ns(), from, in, len, &request, reply, &reply_len)) {
	case DT_RELAY_ANSWER:
		return reply_len;
	case DT_RELAY_ACCEPT:
		lie(&request.message, &m);
		return dt_relay_proto_reply(proto, dt_now_ns(), &request, &m, reply);
	case DT_RELAY_MALFORMED:
	case DT_RELAY_AUTH:
	case DT_RELAY_REPLAY:
	case DT_RELAY_GREEDY:
		break;
	}
	return 0;
}

static unsigned long serve(struct dt_relay_proto *proto, int fd)
{
	uint8_t in[DT_WIRE_MAX + 1], reply[DT_WIRE_MAX];
	unsigned long heard = 0;

	while (!ended) {
		struct sockaddr_storage sa;
		socklen_t sa_len = sizeof(sa);
		struct dt_endpoint from;
		ssize_t got = recvfrom(fd, in, sizeof(in), 0, (struct sockaddr *)&sa, &sa_len);
		size_t len;

		if (got < 0 || dt_endpoint_from_sockaddr(&from, (struct sockaddr *)&sa) < 0)
			continue;
		heard++;
		len = answer(proto, &from, in, (size_t)got, reply);
		if (len && sendto(fd, reply, len, 0, (struct sockaddr *)&sa, sa_len) < 0)
			perror("sendto");
	}
	return heard;
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = end}; /* without SA_RESTART: it interrupts recvfrom() */
	struct dt_relay_proto *proto;
	struct dt_relay_peer *peer;
	struct sockaddr_storage sa;
	socklen_t len;
	int fd;

	if (argc != 6 || arguments_parse(argv + 1) < 0) {
		fprintf(stderr, "usage: liar SECRET-KEY-FILE CLIENT-PUBLIC-KEY ADDRESS:PORT NEAR TUNNEL\n");
		return 2;
	}
	len = dt_endpoint_to_sockaddr(&at, &sa);
	fd = socket(sa.ss_family, SOCK_DGRAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, len) < 0 || dt_relay_proto_new(&proto, &keys, dt_now_ns()) < 0 ||
	    dt_relay_proto_peer_add(proto, client, NULL, &peer) < 0) {
		perror("liar");
		return 1;
	}
	sigaction(SIGTERM, &action, NULL);
	printf("%lu\n", serve(proto, fd));
	dt_relay_proto_free(proto);
	return 0;
}
