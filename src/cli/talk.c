/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/talk.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "proto/client_link.h"

#define STEP_MS 50
/* One ICMP error may be of a relay that is being restarted, or forged. */
#define REFUSED_MAX 3

struct talk {
	struct dt_client_session session;
	struct dt_client_link *link;
	const struct dt_message *ask;
	int fd;
	unsigned refused; /* ICMP errors since the last answer */
	int err;	  /* of the last datagram that could not be sent */
};

static int socket_connect(const struct dt_endpoint *relay)
{
	struct sockaddr_storage sa;
	socklen_t len = dt_endpoint_to_sockaddr(relay, &sa);
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, len) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static void failed(struct talk *t, int err)
{
	if (err == -ECONNREFUSED)
		t->refused++;
	else if (err != -EAGAIN && err != -EINTR)
		t->err = err;
}

static void speak(struct talk *t)
{
	uint8_t buf[DT_WIRE_MAX];
	size_t len;

	dt_client_link_tick(t->link, dt_now_ns());
	while ((len = dt_client_link_output(t->link, dt_now_ns(), buf, sizeof(buf))) > 0)
		if (send(t->fd, buf, len, MSG_NOSIGNAL) < 0)
			failed(t, -errno);
		else
			t->err = 0;
}

static void listen_a_while(struct talk *t)
{
	struct pollfd pfd = {.fd = t->fd, .events = POLLIN};
	uint8_t buf[DT_WIRE_MAX + 1];
	ssize_t got;

	poll(&pfd, 1, STEP_MS);
	while ((got = recv(t->fd, buf, sizeof(buf), 0)) >= 0)
		if (dt_client_link_input(t->link, dt_now_ns(), buf, (size_t)got) == DT_LINK_ACCEPTED)
			t->refused = 0;
	failed(t, -errno);
}

/* True: what was asked is answered. */
static bool is_done(struct talk *t, struct dt_talk *out)
{
	struct dt_client_link_event event;

	out->rtt_us = dt_client_link_rtt_us(t->link);
	out->converts = dt_client_link_converts(t->link);
	out->reason = dt_client_link_reason(t->link);
	if (out->reason != DT_REASON_OK)
		return true;
	if (!t->ask)
		return dt_client_link_state(t->link) == DT_LINK_UP;
	while (dt_client_link_event(t->link, &event))
		if (event.type == DT_LINK_REPLY) {
			out->reason = event.message.reason;
			return true;
		}
	return false;
}

static int converse(struct talk *t, struct dt_talk *out)
{
	uint64_t end_ns = dt_now_ns() + DT_LINK_GIVE_UP_MS * DT_MS;

	while (dt_now_ns() < end_ns && t->refused < REFUSED_MAX) {
		speak(t);
		listen_a_while(t);
		if (is_done(t, out))
			return 0;
		/* no route: it will not be better in some seconds */
		if (t->err)
			return t->err;
	}
	return t->refused ? -ECONNREFUSED : -ETIMEDOUT;
}

int dt_talk(const struct dt_endpoint *relay, const struct dt_pair_keys *keys, const struct dt_message *ask,
	    struct dt_talk *out)
{
	struct talk t = {.ask = ask, .fd = socket_connect(relay)};
	int err = t.fd < 0 ? t.fd : 0;

	if (err)
		return err;
	dt_client_session_init(&t.session);
	err = dt_client_link_new(&t.link, keys, &t.session, dt_now_ns());
	if (err == 0 && ask)
		err = dt_client_link_request(t.link, ask, &t, dt_now_ns());
	if (err == 0)
		err = converse(&t, out);
	dt_client_link_free(t.link);
	close(t.fd);
	return err;
}
