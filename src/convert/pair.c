/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "convert/pair.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "base/clock.h"
#include "convert/connect.h"
#include "convert/copy.h"
#include "convert/early.h"
#include "convert/outbox.h"

#define CONNECT_NS (60 * DT_SEC)
#define IDLE_NS (7440 * DT_SEC) /* as a flow of the NAT: RFC 5382, REQ-5 */

/* --- what the daemon hears --------------------------------------------------------------------- */

static void began_tell(const struct dt_copy_lease *lease, enum dt_convert_outcome outcome, uint32_t rtt_us)
{
	struct dt_channel_message m = dt_outbox_message(lease, DT_CHANNEL_BEGAN);

	m.outcome = outcome;
	m.rtt_us = rtt_us;
	dt_outbox_put(lease->copier->outbox, &m, -1);
}

static void flow_tell(const struct dt_copy_pair *p, const char *reason)
{
	struct dt_channel_message m = dt_outbox_message(p->lease, DT_CHANNEL_FLOW);
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	if (p->server.fd >= 0 && getsockname(p->server.fd, (struct sockaddr *)&sa, &len) == 0)
		dt_endpoint_from_sockaddr(&m.source, (struct sockaddr *)&sa);
	m.client = p->from;
	m.bytes_up = p->client.received;
	m.bytes_down = p->server.received;
	m.begun_ns = p->begun_ns;
	m.ended_ns = p->lease->copier->now_ns;
	snprintf(m.reason, sizeof(m.reason), "%s", reason);
	dt_outbox_put(p->lease->copier->outbox, &m, -1);
}

static enum dt_convert_outcome outcome_of(int err)
{
	if (err == -EPERM)
		return DT_CONVERT_DENIED;
	return err == 0 ? DT_CONVERT_REACHED : err == -ECONNREFUSED ? DT_CONVERT_REFUSED : DT_CONVERT_UNREACHABLE;
}

static const char *outcome_word(enum dt_convert_outcome outcome)
{
	switch (outcome) {
	case DT_CONVERT_REFUSED:
		return "refused";
	case DT_CONVERT_DENIED:
		return "denied";
	case DT_CONVERT_UNKNOWN:
	case DT_CONVERT_REACHED:
	case DT_CONVERT_UNREACHABLE:
	case DT_CONVERT_LIMITED:
		break;
	}
	return "unreachable";
}

/* --- the end ----------------------------------------------------------------------------------- */

static void unqueue(struct dt_copy_pair **list, struct dt_copy_pair *p)
{
	while (*list && *list != p)
		list = &(*list)->queue_next;
	if (*list)
		*list = p->queue_next;
}

static void side_close(struct dt_copy_pair *p, struct dt_copy_side *s, bool resets)
{
	dt_copy_held_drop(p, s);
	if (s->fd < 0)
		return;
	if (!resets)
		dt_copy_resets_on_close(s->fd, false);
	close(s->fd);
	s->fd = -1;
}

static void pair_end(struct dt_copy_pair *p, const char *reason, bool resets)
{
	struct dt_copy_lease *lease = p->lease;
	struct dt_copier *copier = lease->copier;

	flow_tell(p, reason);
	if (p->queued) {
		unqueue(&copier->ready, p);
		unqueue(&copier->throttled, p);
	}
	side_close(p, &p->client, resets);
	side_close(p, &p->server, resets);
	DL_DELETE(lease->pairs, p);
	lease->client->connections--;
	lease->client->is_told = false;
	copier->npairs--;
	p->lease = NULL; /* events of this turn may still name it */
	p->queue_next = copier->ended;
	copier->ended = p;
}

void dt_pair_reset(struct dt_copy_pair *p, const char *reason)
{
	pair_end(p, reason, true);
}

void dt_pairs_reap(struct dt_copier *copier)
{
	struct dt_copy_pair *p;

	while ((p = copier->ended)) {
		copier->ended = p->queue_next;
		free(p);
	}
}

/* --- copying ----------------------------------------------------------------------------------- */

static void queue(struct dt_copy_pair **list, struct dt_copy_pair *p)
{
	if (p->queued)
		return;
	p->queued = true;
	p->queue_next = *list;
	*list = p;
}

static void pair_run(struct dt_copy_pair *p)
{
	struct dt_copier *copier = p->lease->copier;

	switch (dt_copy_run(p, copier->now_ns)) {
	case DT_COPY_WAITS:
		break;
	case DT_COPY_MORE:
		queue(&copier->ready, p);
		break;
	case DT_COPY_THROTTLED:
		queue(&copier->throttled, p);
		break;
	case DT_COPY_DRAINS:
		copier->drains = true;
		if (dt_copy_drained(p, copier->now_ns))
			pair_end(p, "reset", true);
		break;
	case DT_COPY_OVER:
		pair_end(p, "closed", false);
		break;
	case DT_COPY_DEAD:
		pair_end(p, "reset", true);
		break;
	}
}

static void list_run(struct dt_copy_pair **list)
{
	struct dt_copy_pair *p, *due = NULL;

	/* in the order in which they were queued */
	while ((p = *list)) {
		*list = p->queue_next;
		p->queue_next = due;
		due = p;
	}
	while ((p = due)) {
		due = p->queue_next;
		p->queued = false;
		pair_run(p);
	}
}

void dt_pairs_run(struct dt_copier *copier, bool throttled_too)
{
	list_run(&copier->ready);
	if (throttled_too)
		list_run(&copier->throttled);
}

/* The connection to the server is there, or failed. False: p has ended. */
static bool connect_end(struct dt_copy_pair *p)
{
	struct tcp_info info;
	enum dt_convert_outcome outcome;
	socklen_t len = sizeof(int);
	int err = 0;

	getsockopt(p->server.fd, SOL_SOCKET, SO_ERROR, &err, &len);
	outcome = outcome_of(-err);
	len = sizeof(info);
	memset(&info, 0, sizeof(info));
	if (err == 0)
		getsockopt(p->server.fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	began_tell(p->lease, outcome, info.tcpi_rtt);
	if (outcome != DT_CONVERT_REACHED) {
		pair_end(p, outcome_word(outcome), true);
		return false;
	}
	p->connected = true;
	return true;
}

static void side_ready(struct dt_source *source, uint32_t events, struct dt_copier *copier)
{
	struct dt_copy_side *s = (struct dt_copy_side *)source;
	struct dt_copy_pair *p = s->pair;
	bool broken = events & (EPOLLERR | EPOLLHUP);

	if (!p->lease) /* it ended in this turn */
		return;
	if (events & (EPOLLIN | EPOLLRDHUP) || broken)
		s->readable = true;
	if (events & EPOLLOUT || broken)
		s->writable = true;
	if (p->connected) {
		queue(&copier->ready, p);
		return;
	}
	if (s == &p->client) {
		if (broken)
			pair_end(p, "reset", true);
		return;
	}
	if (events & EPOLLOUT || broken)
		if (connect_end(p))
			queue(&copier->ready, p);
}

static int side_watch(struct dt_copy_pair *p, struct dt_copy_side *s, int fd)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = s};

	s->source.ready = side_ready;
	s->pair = p;
	return epoll_ctl(p->lease->copier->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

void dt_pair_open(struct dt_copy_lease *lease, int client_fd, const struct dt_endpoint *from)
{
	struct dt_copier *copier = lease->copier;
	struct dt_copy_pair *p;
	enum dt_convert_outcome outcome;
	int err = 0;

	dt_copy_socket_prepare(client_fd);
	p = calloc(1, sizeof(*p));
	if (!p) {
		close(client_fd);
		return;
	}
	p->lease = lease;
	p->from = *from;
	p->begun_ns = p->moved_ns = copier->now_ns;
	p->client.fd = client_fd;
	p->server.fd = -1;
	DL_APPEND(lease->pairs, p);
	lease->client->connections++;
	lease->client->is_told = false;
	copier->npairs++;
	p->server.fd = dt_early_take(lease, from);
	if (p->server.fd < 0)
		err = dt_copy_connect(lease, dt_early_port(lease), &p->server.fd);
	dt_copy_buffers_limit(client_fd, lease->client->connections);
	if (p->server.fd >= 0)
		dt_copy_buffers_limit(p->server.fd, lease->client->connections);
	if (err == 0)
		err = side_watch(p, &p->client, client_fd);
	if (err == 0)
		err = side_watch(p, &p->server, p->server.fd);
	if (err == 0)
		return;
	outcome = outcome_of(err);
	began_tell(lease, outcome, 0);
	pair_end(p, outcome_word(outcome), true);
}

static void pair_tick(struct dt_copy_pair *p, uint64_t now_ns)
{
	if (!p->connected) {
		if (now_ns - p->begun_ns < CONNECT_NS)
			return;
		began_tell(p->lease, DT_CONVERT_UNREACHABLE, 0);
		pair_end(p, "unreachable", true);
	} else if (p->drained) {
		p->lease->copier->drains = true;
		if (dt_copy_drained(p, now_ns))
			pair_end(p, "reset", true);
	} else if (now_ns - p->moved_ns > IDLE_NS) {
		pair_end(p, "idle", true);
	}
}

void dt_pairs_tick(struct dt_copier *copier)
{
	struct dt_copy_lease *lease, *next_lease;
	struct dt_copy_pair *p, *next;

	copier->drains = false;
	HASH_ITER(hh, copier->leases, lease, next_lease)
		DL_FOREACH_SAFE(lease->pairs, p, next)
			pair_tick(p, copier->now_ns);
}
