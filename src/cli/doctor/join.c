/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/doctor/join.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/raw.h"
#include "net/segment.h"
#include "net/source.h"
#include "net/syn.h"
#include "proto/client_link.h"

#define LEASE_MS 3000
#define TRIES 3
#define TRY_MS 1000

/* --- the lease --------------------------------------------------------------------------------- */

/* Connected to this endpoint; *local: its own end. Or a negative errno. */
static int udp_open(const struct dt_endpoint *to, struct dt_endpoint *local)
{
	int fd = socket(dt_ip_is_v4(&to->ip) ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_storage sa;
	socklen_t len = dt_endpoint_to_sockaddr(to, &sa);
	int err = fd;

	if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, len) < 0)
		err = -errno;
	len = sizeof(sa);
	if (fd >= 0 && err >= 0 && getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		err = -errno;
	if (err >= 0)
		return dt_endpoint_from_sockaddr(local, (struct sockaddr *)&sa) == 0 ? fd : -EAFNOSUPPORT;
	if (fd >= 0)
		close(fd);
	return err;
}

/* One turn of the conversation. True: *out is the answer to the request. */
static bool link_turn(struct dt_client_link *link, int fd, uint64_t end_ns, struct dt_message *out)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	struct dt_client_link_event event;
	uint8_t datagram[DT_WIRE_MAX + 1];
	uint64_t now_ns = dt_now_ns(), until_ns;
	ssize_t got;
	size_t len;

	dt_client_link_tick(link, now_ns);
	while ((len = dt_client_link_output(link, now_ns, datagram, DT_WIRE_MAX)) > 0)
		send(fd, datagram, len, MSG_NOSIGNAL);
	until_ns = dt_client_link_deadline(link);
	until_ns = until_ns < end_ns ? until_ns : end_ns;
	poll(&ready, 1, until_ns > now_ns ? (int)((until_ns - now_ns) / DT_MS) + 1 : 0);
	while ((got = recv(fd, datagram, sizeof(datagram), 0)) >= 0)
		dt_client_link_input(link, dt_now_ns(), datagram, (size_t)got);
	while (dt_client_link_event(link, &event))
		if (event.type == DT_LINK_REPLY) {
			*out = event.message;
			return true;
		}
	return false;
}

static void lease_ask(struct dt_join_result *out, int fd, const struct dt_endpoint *relay,
		      const struct dt_pair_keys *keys, const struct dt_endpoint *server)
{
	struct dt_message request = {.op = DT_OP_LEASE, .server = *server}, reply;
	uint64_t now_ns = dt_now_ns(), end_ns = now_ns + LEASE_MS * DT_MS;
	struct dt_client_session session;
	struct dt_client_link *link;
	bool answered = false;

	dt_client_session_init(&session);
	if (dt_client_link_new(&link, keys, &session, now_ns) < 0)
		return;
	if (dt_client_link_request(link, &request, &session, now_ns) == 0)
		while (!answered && dt_now_ns() < end_ns)
			answered = link_turn(link, fd, end_ns, &reply);
	dt_client_link_free(link);
	if (!answered)
		return;
	out->join = DT_JOIN_NO_LEASE;
	out->reason = reply.reason;
	out->at.port = reply.reason == DT_REASON_OK ? reply.dpt : 0;
	out->at.ip = dt_ip_is_v4(&relay->ip) ? reply.nat4 : reply.nat6;
	if (dt_ip_is_unset(&out->at.ip))
		out->at.ip = relay->ip;
}

/* --- the join ---------------------------------------------------------------------------------- */

/* Is this, as a raw socket gives it, a segment between these ports? */
static bool is_answer(const uint8_t *in, size_t len, const struct dt_syn *syn)
{
	struct dt_segment segment;

	return dt_segment_parse(&segment, in, len, dt_ip_is_v4(&syn->to.ip)) == 0 && segment.from == syn->to.port &&
	       segment.to == syn->from.port && (segment.rst || segment.ack);
}

static bool answer_wait(int fd, const struct dt_syn *syn)
{
	uint64_t end_ns = dt_now_ns() + TRY_MS * DT_MS, now_ns;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	uint8_t in[256];
	ssize_t got;

	while ((now_ns = dt_now_ns()) < end_ns) {
		if (poll(&ready, 1, (int)((end_ns - now_ns) / DT_MS) + 1) <= 0)
			continue;
		while ((got = recv(fd, in, sizeof(in), MSG_DONTWAIT)) >= 0)
			if (is_answer(in, (size_t)got, syn))
				return true;
	}
	return false;
}

/* A join of no connection. */
static void join_send(struct dt_join_result *out, struct dt_endpoint *from)
{
	int fd = dt_raw_open(&out->at.ip, IPPROTO_TCP);
	struct dt_syn syn;

	from->port = 0;
	out->join = DT_JOIN_UNTRIED;
	if (fd < 0)
		return;
	if (dt_source_port(from) == 0) {
		dt_syn_join(&syn, from, &out->at, randombytes_random());
		out->join = DT_JOIN_SILENT;
		for (int i = 0; out->join == DT_JOIN_SILENT && i < TRIES; i++) {
			dt_syn_send(fd, &syn, 0);
			if (answer_wait(fd, &syn))
				out->join = DT_JOIN_ANSWERED;
		}
	}
	close(fd);
}

void dt_join_try(struct dt_join_result *out, const struct dt_endpoint *relay, const struct dt_pair_keys *keys,
		 const struct dt_endpoint *server)
{
	struct dt_endpoint local;
	int fd = udp_open(relay, &local);

	memset(out, 0, sizeof(*out));
	if (fd < 0)
		return;
	lease_ask(out, fd, relay, keys, server);
	close(fd);
	if (out->at.port)
		join_send(out, &local);
}
