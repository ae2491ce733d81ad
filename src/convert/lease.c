/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "convert/lease.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "base/clock.h"
#include "convert/allowance.h"
#include "convert/connect.h"
#include "convert/early.h"
#include "convert/outbox.h"
#include "convert/pair.h"

#define ACCEPTED_MAX 64 /* in a turn */
#define LIMITED_TELL_NS (100 * DT_MS)

/* --- clients ----------------------------------------------------------------------------------- */

static struct dt_copy_client *client_find(const struct dt_copier *copier, uint64_t id)
{
	struct dt_copy_client *c;

	HASH_FIND(hh, copier->clients, &id, sizeof(id), c);
	return c;
}

void dt_copy_client_set(struct dt_copier *copier, const struct dt_channel_message *m)
{
	struct dt_copy_client *c = client_find(copier, m->client_id);

	if (!c) {
		c = calloc(1, sizeof(*c));
		if (!c)
			return; /* its leases are refused */
		c->id = m->client_id;
		HASH_ADD(hh, copier->clients, id, sizeof(c->id), c);
	}
	c->max_connections = m->max_connections;
	c->max_new = m->max_new;
	c->rate = m->rate;
	/* so that the first connection does not wait for the answer */
	dt_allowance(copier, c, DT_DIR_UP);
	dt_allowance(copier, c, DT_DIR_DOWN);
}

void dt_copy_client_grant(struct dt_copier *copier, const struct dt_channel_message *m)
{
	struct dt_copy_client *c = client_find(copier, m->client_id);

	if (c)
		dt_allowance_granted(c, m);
}

/* When its next connection would be the last one of a second's worth at once (GCRA). 0 of max_new never come. */
static uint64_t new_next_ns(const struct dt_copy_client *c, uint64_t now_ns)
{
	return (c->new_ns > now_ns ? c->new_ns : now_ns) + DT_SEC / c->max_new;
}

/* May one more be accepted now? One of max_new a second, and a second's worth at once. Those that never may are refused. */
static bool new_due(const struct dt_copy_client *c, uint64_t now_ns)
{
	return c->max_new == 0 || new_next_ns(c, now_ns) <= now_ns + DT_SEC;
}

void dt_copy_clients_tell(struct dt_copier *copier)
{
	struct dt_channel_message m;

	if (dt_outbox_fd(copier->outbox) < 0)
		return;
	for (struct dt_copy_client *c = copier->clients; c; c = c->hh.next) {
		if (c->is_told)
			continue;
		memset(&m, 0, sizeof(m));
		m.type = DT_CHANNEL_TOTALS;
		m.client_id = c->id;
		m.connections = c->connections;
		m.refused = c->refused;
		m.bytes_up = c->bytes[DT_DIR_UP];
		m.bytes_down = c->bytes[DT_DIR_DOWN];
		dt_outbox_put(copier->outbox, &m, -1);
		c->is_told = true;
	}
}

/* --- accepting --------------------------------------------------------------------------------- */

/* Why this connection is reset at once, but for limits; NULL: it is not. */
static const char *refusal(const struct dt_copy_lease *lease, const struct dt_endpoint *from)
{
	/* nat.bpf lets no other in, while it is there */
	if (!dt_ip_equal(&from->ip, &lease->allowed))
		return "not the address of the lease";
	if (lease->is_over)
		return "the lease is over";
	return lease->copier->orphaned ? "the relay's daemon is away" : NULL;
}

/* The limit beyond which another connection would be; NULL: none. */
static const char *limit(const struct dt_copy_lease *lease)
{
	const struct dt_copier *copier = lease->copier;
	const struct dt_copy_client *c = lease->client;

	if (c->connections >= c->max_connections || copier->npairs >= copier->max_pairs)
		return "max-flows";
	return c->max_new == 0 ? "max-new-flows" : NULL;
}

/* A connection was reset for this: the daemon tells the client, so that others do not come. Not each time. */
static void limited_tell(struct dt_copy_lease *lease, const char *why)
{
	struct dt_copier *copier = lease->copier;
	struct dt_channel_message m = dt_outbox_message(lease, DT_CHANNEL_BEGAN);

	if (lease->client->limited_ns && copier->now_ns - lease->client->limited_ns < LIMITED_TELL_NS)
		return;
	lease->client->limited_ns = copier->now_ns;
	m.outcome = DT_CONVERT_LIMITED;
	snprintf(m.reason, sizeof(m.reason), "%s", why);
	dt_outbox_put(copier->outbox, &m, -1);
}

static void accepted(struct dt_copy_lease *lease, int fd, const struct sockaddr *sa)
{
	struct dt_copier *copier = lease->copier;
	struct dt_endpoint from = {0};
	char text[DT_ENDPOINT_STRLEN];
	uint64_t suppressed;
	const char *why = "of another family", *beyond = NULL;

	if (dt_endpoint_from_sockaddr(&from, sa) == 0)
		why = refusal(lease, &from);
	if (!why)
		beyond = limit(lease);
	if (!why && !beyond) {
		lease->client->new_ns = new_next_ns(lease->client, copier->now_ns);
		dt_pair_open(lease, fd, &from);
		return;
	}
	lease->client->refused++;
	lease->client->is_told = false;
	if (beyond)
		limited_tell(lease, beyond);
	else if (dt_log_allowed(&copier->log, copier->now_ns, &suppressed))
		dt_log_info("converter: reset a connection: %s from=%s suppressed=%llu", why,
			    dt_endpoint_format(&from, text), (unsigned long long)suppressed);
	dt_copy_resets_on_close(fd, true);
	close(fd);
}

/* Accepts so many, if max-new-flows has room for them: the others wait in the socket's queue. False: there are no more. */
static bool accept_some(struct dt_copy_lease *lease, int max)
{
	struct sockaddr_storage sa;
	socklen_t len;
	int fd;

	for (int i = 0; i < max && new_due(lease->client, lease->copier->now_ns); i++) {
		len = sizeof(sa);
		fd = accept4(lease->fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return false;
		accepted(lease, fd, (struct sockaddr *)&sa);
	}
	return true;
}

/* While it waits for max-new-flows, its queue is no event. */
static void listener_watch(struct dt_copy_lease *lease, bool on)
{
	struct epoll_event event = {.events = on ? EPOLLIN : 0, .data.ptr = lease};

	epoll_ctl(lease->copier->epoll_fd, EPOLL_CTL_MOD, lease->fd, &event);
	lease->waits = !on;
}

static void listener_ready(struct dt_source *source, uint32_t events, struct dt_copier *copier)
{
	struct dt_copy_lease *lease = (struct dt_copy_lease *)source;

	if (lease->waits || !accept_some(lease, ACCEPTED_MAX) || new_due(lease->client, copier->now_ns))
		return;
	listener_watch(lease, false);
	DL_APPEND(copier->waiting, lease);
}

void dt_copy_leases_accept(struct dt_copier *copier)
{
	struct dt_copy_lease *lease, *next, *served = NULL;
	bool more;

	DL_FOREACH_SAFE(copier->waiting, lease, next) {
		if (!new_due(lease->client, copier->now_ns))
			continue;
		more = accept_some(lease, 1);
		DL_DELETE(copier->waiting, lease);
		if (more && !new_due(lease->client, copier->now_ns))
			DL_APPEND(served, lease);
		else
			listener_watch(lease, true);
	}
	/* the others of the client come first next time */
	DL_CONCAT(copier->waiting, served);
}

/* --- leases ------------------------------------------------------------------------------------ */

static struct dt_copy_lease *lease_find(const struct dt_copier *copier, const struct dt_endpoint *relay)
{
	struct dt_copy_lease *lease, key;

	memset(&key.relay, 0, sizeof(key.relay));
	key.relay.ip = relay->ip;
	key.relay.port = relay->port;
	HASH_FIND(hh, copier->leases, &key.relay, sizeof(key.relay), lease);
	return lease;
}

/* The socket is closed by who owns it, or here. */
static struct dt_copy_lease *lease_make(struct dt_copier *copier, const struct dt_channel_message *m, int fd)
{
	struct dt_copy_lease *lease = calloc(1, sizeof(*lease));
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = lease};

	if (!lease || epoll_ctl(copier->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		free(lease);
		close(fd);
		return NULL;
	}
	lease->source.ready = listener_ready;
	lease->copier = copier;
	lease->fd = fd;
	lease->relay.ip = m->relay.ip;
	lease->relay.port = m->relay.port;
	HASH_ADD(hh, copier->leases, relay, sizeof(lease->relay), lease);
	return lease;
}

void dt_copy_lease_listen(struct dt_copier *copier, const struct dt_channel_message *m, int fd)
{
	struct dt_copy_client *client = client_find(copier, m->client_id);
	struct dt_copy_lease *lease = lease_find(copier, &m->relay);

	if (lease && fd >= 0) /* the daemon says it again */
		close(fd);
	if (!lease && client && fd >= 0)
		lease = lease_make(copier, m, fd);
	else if (!lease && fd >= 0)
		close(fd);
	if (!lease || !client || (lease->client && lease->client != client))
		return;
	lease->client = client;
	lease->allowed = m->client.ip;
	lease->server = m->server;
	lease->special = m->special;
	lease->is_over = false;
}

void dt_copy_lease_syn(struct dt_copier *copier, const struct dt_channel_message *m)
{
	struct dt_copy_lease *lease = lease_find(copier, &m->relay);

	if (lease && !refusal(lease, &m->client) && !limit(lease) && new_due(lease->client, copier->now_ns))
		dt_early_begin(lease, &m->client, m->source.port);
}

void dt_copy_leases_tick(struct dt_copier *copier)
{
	for (struct dt_copy_lease *lease = copier->leases; lease; lease = lease->hh.next)
		dt_early_tick(lease);
}

void dt_copy_lease_end(struct dt_copier *copier, const struct dt_endpoint *relay)
{
	struct dt_copy_lease *lease = lease_find(copier, relay);

	if (lease)
		lease->is_over = true;
}

void dt_copy_lease_revoke(struct dt_copier *copier, const struct dt_endpoint *relay)
{
	struct dt_copy_lease *lease = lease_find(copier, relay);

	if (!lease)
		return;
	lease->is_over = true;
	dt_early_drop(lease);
	while (lease->pairs)
		dt_pair_reset(lease->pairs, "revoked");
}

void dt_copy_leases_end(struct dt_copier *copier)
{
	for (struct dt_copy_lease *lease = copier->leases; lease; lease = lease->hh.next)
		lease->is_over = true;
}

void dt_copy_leases_reap(struct dt_copier *copier)
{
	struct dt_copy_lease *lease, *next;
	struct dt_channel_message m;

	HASH_ITER(hh, copier->leases, lease, next) {
		if (!lease->is_over || lease->pairs)
			continue;
		dt_early_drop(lease);
		m = dt_outbox_message(lease, DT_CHANNEL_CLOSED);
		dt_outbox_put(copier->outbox, &m, -1);
		HASH_DELETE(hh, copier->leases, lease);
		if (lease->waits)
			DL_DELETE(copier->waiting, lease);
		close(lease->fd);
		free(lease);
	}
}

void dt_copy_leases_tell(struct dt_copier *copier)
{
	struct dt_channel_message m = {.type = DT_CHANNEL_HELLO};

	dt_outbox_put(copier->outbox, &m, -1);
	for (struct dt_copy_lease *lease = copier->leases; lease; lease = lease->hh.next) {
		m = dt_outbox_message(lease, DT_CHANNEL_HAS);
		dt_outbox_put(copier->outbox, &m, lease->fd);
	}
	for (struct dt_copy_client *c = copier->clients; c; c = c->hh.next) {
		c->is_told = false;
		dt_allowance_forget(c);
	}
	dt_copy_clients_tell(copier);
	memset(&m, 0, sizeof(m));
	m.type = DT_CHANNEL_READY;
	dt_outbox_put(copier->outbox, &m, -1);
}
