/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MPTCP connections and their subflows, as the kernel and the servers at the other end have them. */
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "world.h"

#define EVENTS_MAX (1 << 17)
/* What the kernel's worker does, it does a little later. */
#define WORKER_NS (1 * DT_MS)

static struct dt_mptcp_event *events;
static size_t events_from, events_to;
static bool overflown;

/* --- events ------------------------------------------------------------------------------------ */

void event_send(const struct dt_mptcp_event *event)
{
	static const char *const names[] = {
		[DT_MPTCP_CREATED] = "CREATED",	      [DT_MPTCP_ESTABLISHED] = "ESTABLISHED",
		[DT_MPTCP_CLOSED] = "CLOSED",	      [DT_MPTCP_ANNOUNCED] = "ANNOUNCED",
		[DT_MPTCP_REMOVED] = "REMOVED",	      [DT_MPTCP_SUB_ESTABLISHED] = "SUB_ESTABLISHED",
		[DT_MPTCP_SUB_CLOSED] = "SUB_CLOSED", [DT_MPTCP_SUB_PRIORITY] = "SUB_PRIORITY"};
	const struct connection *c = connection_at(event->token);
	char local[DT_ENDPOINT_STRLEN], remote[DT_ENDPOINT_STRLEN];

	tell("< %s connection=%u %s -> %s error=%d%s", names[event->type], c ? c->number : 0,
	     dt_endpoint_format(&event->local, local), dt_endpoint_format(&event->remote, remote), event->error,
	     world.lose_quietly || world.lose_events ? " (lost)" : "");
	if (world.lose_quietly)
		return;
	if (!events && !(events = malloc(EVENTS_MAX * sizeof(*events))))
		abort();
	if (world.lose_events) {
		world.lose_events--;
		overflown = true;
		fake_fd_fail(FAKE_EVENTS);
	} else {
		events[events_to++ % EVENTS_MAX] = *event;
		if (events_to - events_from > EVENTS_MAX)
			abort();
	}
	fake_fd_set_readable(FAKE_EVENTS, true);
}

bool event_take(struct dt_mptcp_event *out)
{
	if (events_from == events_to) {
		if (!overflown)
			fake_fd_set_readable(FAKE_EVENTS, false);
		return false;
	}
	*out = events[events_from++ % EVENTS_MAX];
	return true;
}

bool events_overflown(void)
{
	bool was = overflown;

	overflown = false;
	return was;
}

struct dt_mptcp_event event_of(const struct sock *s, enum dt_mptcp_event_type type)
{
	return (struct dt_mptcp_event){.type = type,
				       .token = s->connection->token,
				       .local = s->local,
				       .remote = s->remote,
				       .local_id = s->id,
				       .remote_id = s->remote_id,
				       .device = s->connection->device,
				       .server_side = s->connection->accepted,
				       .backup = s->backup};
}

static void later(void *data)
{
	event_send(data);
	free(data);
}

static void event_send_later(const struct dt_mptcp_event *event)
{
	struct dt_mptcp_event *copy = malloc(sizeof(*copy));

	if (!copy)
		abort();
	*copy = *event;
	world_after(WORKER_NS, later, copy);
}

/* --- servers ----------------------------------------------------------------------------------- */

struct server *server_add(const char *at)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s || dt_endpoint_parse(&s->at, at) < 0)
		abort();
	s->rtt_ms = 20;
	s->limit = SERVER_ANY_LIMIT;
	s->next = world.servers;
	world.servers = s;
	return s;
}

struct server *server_at(const struct dt_endpoint *at)
{
	struct server *s = world.servers;

	while (s && !dt_endpoint_equal(&s->at, at))
		s = s->next;
	return s;
}

unsigned server_halves(const struct connection *c)
{
	unsigned count = 0;

	for (int id = 1; id < 256; id++)
		count += c->halves[id];
	return count;
}

/* --- sockets ----------------------------------------------------------------------------------- */

static struct dt_subflow_key key_of(const struct dt_endpoint *local, const struct dt_endpoint *remote)
{
	struct dt_subflow_key key;

	memset(&key, 0, sizeof(key));
	key.local = local->ip;
	key.remote = remote->ip;
	key.lport = local->port;
	key.rport = remote->port;
	return key;
}

struct sock *sock_find(const struct dt_endpoint *local, const struct dt_endpoint *remote)
{
	struct dt_subflow_key key = key_of(local, remote);
	struct sock *s;

	HASH_FIND(hh, world.socks, &key, sizeof(key), s);
	return s;
}

struct sock_ref *sock_ref(const struct sock *s)
{
	struct sock_ref *ref = malloc(sizeof(*ref));

	if (!ref)
		abort();
	*ref = (struct sock_ref){s->local, s->remote, s->serial, 0};
	return ref;
}

struct sock *sock_of(const struct sock_ref *ref)
{
	struct sock *s = sock_find(&ref->local, &ref->remote);

	return s && s->serial == ref->serial ? s : NULL;
}

void sock_route(struct sock *s)
{
	struct dt_endpoint server = s->remote;

	s->path = PATH_DIRECT;
	s->relay = tunnel_relay(&s->local.ip);
	if (s->relay) {
		s->path = PATH_TUNNEL;
	} else {
		s->relay = relay_of_join(&s->remote, &server);
		if (s->relay)
			s->path = PATH_NAT;
	}
	if (s->relay)
		s->epoch = s->relay->epoch;
	s->server = server_at(&server);
}

struct sock *sock_add(struct connection *c, const struct dt_endpoint *local, const struct dt_endpoint *remote)
{
	struct sock *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->key = key_of(local, remote);
	s->local = *local;
	s->remote = *remote;
	s->connection = c;
	s->serial = ++world.serials;
	s->updated_ns = world_now();
	s->state = BPF_TCP_SYN_SENT;
	DL_APPEND(c->socks, s);
	HASH_ADD(hh, world.socks, key, sizeof(s->key), s);
	sock_route(s);
	return s;
}

static void sock_free(struct sock *s)
{
	DL_DELETE(s->connection->socks, s);
	HASH_DELETE(hh, world.socks, s);
	free(s);
}

bool sock_path_is_open(const struct sock *s)
{
	const struct host_link *own = host_link_of(&s->local.ip), *out;

	if (s->dark || !own || own->dark)
		return false;
	out = s->connection->device ? host_link_at(s->connection->device) : host_route(&s->local.ip, &s->remote.ip);
	if (out != own || !(out->rt.flags & IFF_RUNNING))
		return false;
	switch (s->path) {
	case PATH_DIRECT:
		return s->server && !s->server->dark;
	case PATH_NAT:
		return !s->relay->dark;
	case PATH_TUNNEL:
		return !s->relay->dark && !s->relay->tunnel_blocked;
	}
	return false;
}

bool sock_is_alive(const struct sock *s)
{
	return s->state == BPF_TCP_ESTABLISHED && sock_path_is_open(s) &&
	       (s->path != PATH_NAT || s->epoch == s->relay->epoch);
}

uint64_t sock_rtt_ns(const struct sock *s)
{
	if (s->relay)
		return (s->relay->rtt_ms + s->relay->server_rtt_ms) * DT_MS;
	return s->server ? s->server->rtt_ms * DT_MS : 20 * DT_MS;
}

const char *sock_via(const struct sock *s, char out[48])
{
	const struct host_link *own = host_link_of(&s->local.ip);
	char text[DT_IP_STRLEN];

	if (s->initial)
		return strcpy(out, "direct");
	if (s->relay) {
		snprintf(out, 48, "%s%s", s->path == PATH_TUNNEL ? "wg:" : "", s->relay->name);
	} else if (!dt_endpoint_equal(&s->remote, &s->connection->remote)) {
		snprintf(out, 48, "plain@%s", dt_ip_format(&s->remote.ip, text));
	} else if (dt_ip_equal(&s->local.ip, &s->connection->local.ip)) {
		return strcpy(out, "plain");
	} else {
		snprintf(out, 48, "plain:%s", own ? own->rt.name : "?");
	}
	return out;
}

/* The worker has buried the socket: REMOVE of its id says nothing to the server any more. */
static void gone_note(const struct sock *s)
{
	s->connection->buried[s->id] = world.burial;
	if (world.worker_elsewhere)
		world.worker_elsewhere--;
	else if (world.cpu_held)
		return;
	world.burial++;
}

void sock_close(struct sock *s, int error)
{
	struct dt_mptcp_event e = event_of(s, DT_MPTCP_SUB_CLOSED);

	e.error = error;
	track_note(s, DT_SUBFLOW_CLOSED);
	event_send_later(&e);
	gone_note(s);
	sock_free(s);
}

struct half {
	dt_mptcp_token token;
	uint8_t id;
};

static void half_end(void *data)
{
	const struct half *half = data;
	struct connection *c = connection_at(half->token);

	if (c)
		c->halves[half->id] = false;
	free(data);
}

void server_forgets(struct connection *c, uint8_t id, uint64_t delay_ns)
{
	struct half *half = malloc(sizeof(*half));

	if (!half)
		abort();
	*half = (struct half){c->token, id};
	world_after(delay_ns, half_end, half);
}

void sock_abort(struct sock *s)
{
	if (sock_is_alive(s)) /* a RST, which is not repeated */
		server_forgets(s->connection, s->id, sock_rtt_ns(s) / 2);
	sock_close(s, ECONNABORTED);
}

/* --- connections ------------------------------------------------------------------------------- */

struct connection *connection_at(dt_mptcp_token token)
{
	struct connection *c;

	HASH_FIND(hh, world.connections, &token, sizeof(token), c);
	return c;
}

struct connection *connection_add(struct server *server, const char *local)
{
	struct connection *c = calloc(1, sizeof(*c));
	struct sock *s;

	if (!c)
		abort();
	c->token = 0x10000000 + 7919 * ++world.next_token;
	c->number = ++world.connections_made;
	c->server = server;
	c->remote = server->at;
	if (dt_ip_parse(&c->local.ip, local) < 0)
		abort();
	/* from the other end of the range than the path manager's own */
	c->local.port = (uint16_t)(60999 - c->number % 20000);
	c->ready = true;
	for (int i = 0; i < 256; i++)
		c->buried[i] = UINT32_MAX;
	HASH_ADD(hh, world.connections, token, sizeof(c->token), c);
	s = sock_add(c, &c->local, &c->remote);
	s->initial = true;
	s->confirmed = true;
	s->state = BPF_TCP_ESTABLISHED;
	s->relay = NULL;
	s->path = PATH_DIRECT;
	s->server = server;
	c->halves[0] = true;
	return c;
}

void connection_end(struct connection *c, bool tell_closed)
{
	struct dt_mptcp_event e = {.type = DT_MPTCP_CLOSED, .token = c->token};
	struct sock *s, *tmp;

	DL_FOREACH_SAFE(c->socks, s, tmp) {
		track_note(s, DT_SUBFLOW_CLOSED);
		sock_free(s);
	}
	if (tell_closed)
		event_send(&e);
	HASH_DELETE(hh, world.connections, c);
	free(c);
}

void kernel_forget(void)
{
	struct connection *c, *tmp;
	struct server *next;

	HASH_ITER(hh, world.connections, c, tmp) {
		while (c->socks)
			sock_free(c->socks);
		HASH_DELETE(hh, world.connections, c);
		free(c);
	}
	for (struct server *s = world.servers; s; s = next) {
		next = s->next;
		free(s);
	}
	free(events);
	events = NULL;
	events_from = events_to = 0;
	overflown = false;
}
