/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/link/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "pm/link/claims.h"
#include "pm/link/relay_log.h"
#include "pm/store/pm.h"

/* A link that is down takes a new socket this often: its address or route may be gone. */
#define REOPEN_NS (10 * DT_SEC)

struct link {
	struct dt_relay_link known; /* the first member: see link_of() */
	dt_relay_link_news_fn news;
	void (*closed)(struct dt_pm_relay *relay);
	int fd; /* -1: not open */
	uv_poll_t *poll;
	uv_timer_t timer;
	uint64_t reopen_ns; /* while it is down: when to take a new socket */
	bool closing;
};

static struct link *link_of(const struct dt_relay_link *known)
{
	return (struct link *)known;
}

/* --- the socket -------------------------------------------------------------------------------- */

static void socket_close(struct link *l)
{
	if (l->poll) {
		uv_poll_stop(l->poll);
		uv_close((uv_handle_t *)l->poll, dt_handle_free);
		l->poll = NULL;
	}
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->known.local.port = 0;
}

static void events_take(struct link *l)
{
	uint64_t now_ns = dt_now_ns();
	struct dt_client_link_event event;

	while (dt_client_link_event(l->known.proto, &event))
		l->news(&l->known, &event, now_ns);
}

static void datagram_take(struct link *l, const uint8_t *in, size_t len)
{
	uint64_t *counters = l->known.relay->pm->counters;

	switch (dt_client_link_input(l->known.proto, dt_now_ns(), in, len)) {
	case DT_LINK_ACCEPTED:
		break;
	case DT_LINK_MALFORMED:
		counters[DT_PM_DROPPED_MALFORMED]++;
		break;
	case DT_LINK_AUTH:
		counters[DT_PM_DROPPED_AUTH]++;
		break;
	case DT_LINK_UNMATCHED:
		counters[DT_PM_DROPPED_UNMATCHED]++;
		break;
	}
}

static void readable(uv_poll_t *poll, int status, int events)
{
	struct link *l = poll->data;
	uint8_t in[DT_WIRE_MAX + 1];
	ssize_t got;

	(void)events;
	dt_poll_resume(poll, status, readable);
	while ((got = recv(l->fd, in, sizeof(in), MSG_DONTWAIT)) >= 0 || errno == EINTR || errno == ECONNREFUSED)
		if (got >= 0)
			datagram_take(l, in, (size_t)got);
	events_take(l);
	dt_relay_link_flush(&l->known);
}

/* Binds to bound (unset: any address), connects to remote, and reads the local end. -errno. */
static int socket_connect(int fd, const struct dt_ip *bound, const struct dt_endpoint *remote,
			  struct dt_endpoint *local)
{
	struct dt_endpoint from = {*bound, 0};
	struct sockaddr_storage sa;
	socklen_t len = dt_endpoint_to_sockaddr(&from, &sa);

	if (!dt_ip_is_unset(bound) && bind(fd, (struct sockaddr *)&sa, len) < 0)
		return -errno;
	len = dt_endpoint_to_sockaddr(remote, &sa);
	if (connect(fd, (struct sockaddr *)&sa, len) < 0)
		return -errno;
	len = sizeof(sa);
	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return -errno;
	dt_endpoint_from_sockaddr(local, (struct sockaddr *)&sa);
	return 0;
}

static void reply_check(struct dt_message *reply, void *data)
{
	struct link *l = data;
	struct dt_pm_relay *relay = l->known.relay;
	char text[DT_IP_STRLEN];
	struct dt_ip worst;
	unsigned refused = dt_claims_check(&relay->pm->network, &l->known.remote.ip, reply, &worst);

	relay->pm->counters[DT_PM_CLAIMS_REFUSED] += refused;
	if (refused && !dt_ip_equal(&relay->disbelieved, &worst))
		dt_relay_log(relay, DT_LOG_INFO,
			     "the relay names an address that is not used, because it is not as public as the "
			     "relay's endpoint relay=%s address=%s",
			     relay->conf->name, dt_ip_format(&worst, text));
	if (refused)
		relay->disbelieved = worst;
}

static int poll_begin(struct link *l)
{
	int err;

	l->poll = calloc(1, sizeof(*l->poll));
	if (!l->poll)
		return -ENOMEM;
	err = uv_poll_init(l->known.relay->pm->loop, l->poll, l->fd);
	if (err < 0) {
		free(l->poll);
		l->poll = NULL;
		return err;
	}
	l->poll->data = l;
	return uv_poll_start(l->poll, UV_READABLE, readable);
}

static int socket_open(struct link *l)
{
	int err;

	l->fd = socket(dt_ip_is_v4(&l->known.remote.ip) ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       0);
	if (l->fd < 0)
		return -errno;
	err = socket_connect(l->fd, &l->known.bound, &l->known.remote, &l->known.local);
	if (err == 0)
		err = poll_begin(l);
	if (err)
		socket_close(l);
	return err;
}

/* A failure is tried again after REOPEN_NS: a route may appear. */
static void socket_try(struct link *l)
{
	int err = socket_open(l);

	if (err)
		dt_log_debug("cannot open a socket to the relay: %s relay=%s", strerror(-err),
			     l->known.relay->conf->name);
}

void dt_relay_link_reopen(struct dt_relay_link *link, uint64_t now_ns)
{
	struct link *l = link_of(link);

	socket_close(l);
	l->reopen_ns = now_ns + REOPEN_NS;
	socket_try(l);
}

uint32_t dt_relay_link_path_mtu(const struct dt_relay_link *link)
{
	bool v4 = dt_ip_is_v4(&link->remote.ip);
	int mtu = 0, fd = link_of(link)->fd;
	socklen_t len = sizeof(mtu);

	if (fd < 0 || getsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU : IPV6_MTU, &mtu, &len) < 0 || mtu < 0)
		return 0;
	return (uint32_t)mtu;
}

/* --- the clock --------------------------------------------------------------------------------- */

static void link_due(uv_timer_t *timer)
{
	struct link *l = timer->data;
	uint64_t now_ns = dt_now_ns();

	dt_client_link_tick(l->known.proto, now_ns);
	events_take(l);
	if (dt_client_link_state(l->known.proto) != DT_LINK_UP && now_ns >= l->reopen_ns) {
		l->news(&l->known, NULL, now_ns);
		dt_relay_link_reopen(&l->known, now_ns);
	}
	dt_relay_link_flush(&l->known);
}

void dt_relay_link_flush(struct dt_relay_link *link)
{
	struct link *l = link_of(link);
	uint64_t now_ns = dt_now_ns(), deadline_ns;
	uint8_t out[DT_WIRE_MAX];
	size_t len;

	if (l->closing)
		return;
	while ((len = dt_client_link_output(link->proto, now_ns, out, sizeof(out))) > 0)
		/* errors are ignored: requests are repeated. A socket destroyed by ss -K has lost its peer address. */
		if (l->fd >= 0 && send(l->fd, out, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EDESTADDRREQ)
			dt_relay_link_reopen(link, now_ns);
	deadline_ns = dt_client_link_deadline(link->proto);
	/* rounded up: a timer that fires early would find nothing due, and spin */
	dt_timer_arm(&l->timer, link_due, deadline_ns <= now_ns ? 0 : (deadline_ns - now_ns) / DT_MS + 1, 0);
}

void dt_relay_link_keep_socket(struct dt_relay_link *link, uint64_t now_ns)
{
	link_of(link)->reopen_ns = now_ns + REOPEN_NS;
}

/* --- open and close ---------------------------------------------------------------------------- */

int dt_relay_link_open(struct dt_pm_relay *relay, const struct dt_ip *bound, const struct dt_endpoint *remote,
		       dt_relay_link_news_fn news)
{
	struct link *l = calloc(1, sizeof(*l));
	uint64_t now_ns = dt_now_ns();
	int err;

	if (!l)
		return -ENOMEM;
	l->known.relay = relay;
	l->known.remote = *remote;
	if (bound)
		l->known.bound = *bound;
	l->known.used_ns = now_ns;
	l->news = news;
	l->fd = -1;
	l->reopen_ns = now_ns + REOPEN_NS;
	err = dt_client_link_new(&l->known.proto, &relay->keys, &relay->session, now_ns);
	if (err) {
		free(l);
		return err;
	}
	dt_client_link_check_by(l->known.proto, reply_check, l);
	uv_timer_init(relay->pm->loop, &l->timer);
	l->timer.data = l;
	DL_APPEND(relay->links, &l->known);
	socket_try(l);
	dt_relay_link_flush(&l->known);
	return 0;
}

static void timer_closed(uv_handle_t *handle)
{
	struct link *l = handle->data;

	l->closed(l->known.relay);
	free(l);
}

void dt_relay_link_close(struct dt_relay_link *link, void (*closed)(struct dt_pm_relay *relay))
{
	struct link *l = link_of(link);

	l->closing = true;
	l->closed = closed;
	socket_close(l);
	dt_client_link_free(link->proto);
	link->proto = NULL;
	DL_DELETE(link->relay->links, link);
	uv_close((uv_handle_t *)&l->timer, timer_closed);
}
