/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/converters.h"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "convert/process.h"
#include "relay/convert_process.h"
#include "relay/converter_leases.h"
#include "relay/converter_ports.h"
#include "relay/rate_grant.h"

/* Until the copying process has ended, of silence. */
#define QUIT_PATIENCE_MS 5000
/* After so many ends within this time it is left alone for as long. */
#define CRASHES_MAX 3
#define CRASH_PAUSE_NS (60 * DT_SEC)
/* It is asked so often whether it still runs, and killed after so many questions without an answer. */
#define BEAT_MS 1000
#define BEATS_MAX 10
#define SILENCE_S (BEAT_MS * BEATS_MAX / 1000)
/* The same patience with the process of an earlier run. */
#define HANDSHAKE_MS ((uint64_t)BEAT_MS * BEATS_MAX)
/* So long a client hears that a connection was reset for a limit: it asks every 2 s. */
#define LIMITED_NS (5 * DT_SEC)

struct dt_converters {
	uv_loop_t *loop;
	uv_poll_t *poll; /* NULL: no process */
	int fd;
	struct ring_buffer *syns; /* NULL: none */
	int rate_fd;		  /* see relay/rate_grant.h */
	uv_poll_t *syns_poll;
	struct dt_converter_ports source_ports;
	struct dt_converter_leases leases;
	dt_converters_flow_fn flow, limited;
	void *data;
	bool wanted;
	bool is_behind; /* the process is to be told more, once there is room */
	unsigned crashes, lately;
	uint64_t started_ns, pause_ns;
	uv_timer_t *heart;
	uint64_t beat_ns; /* the last one */
	unsigned silent;  /* beats since the process said something */
};

/* --- telling the process ----------------------------------------------------------------------- */

static void lease_tell(struct dt_converters *c, struct dt_converter_lease *lease)
{
	struct dt_channel_message m;

	if (!c->poll || lease->is_told)
		return;
	memset(&m, 0, sizeof(m));
	m.type = lease->is_revoked ? DT_CHANNEL_REVOKE : lease->is_over ? DT_CHANNEL_END : DT_CHANNEL_LISTEN;
	m.client_id = lease->target.client_id;
	m.client.ip = lease->target.client;
	m.relay = dt_converter_lease_relay(lease);
	m.server = (struct dt_endpoint){lease->target.server, lease->target.rpt};
	m.special = lease->special;
	lease->is_told = dt_channel_send(c->fd, &m, lease->fd) == 0;
	c->is_behind = c->is_behind || !lease->is_told;
}

static void client_tell(struct dt_converters *c, struct dt_converter_client *client)
{
	struct dt_channel_message m;

	if (!c->poll || client->is_told)
		return;
	memset(&m, 0, sizeof(m));
	m.type = DT_CHANNEL_CLIENT;
	m.client_id = client->id;
	m.max_connections = client->limits.max_connections;
	m.max_new = client->limits.max_new;
	m.rate = client->limits.rate;
	client->is_told = dt_channel_send(c->fd, &m, -1) == 0;
	c->is_behind = c->is_behind || !client->is_told;
}

static void all_tell(struct dt_converters *c)
{
	c->is_behind = false;
	for (struct dt_converter_client *client = c->leases.clients; client && !c->is_behind; client = client->hh.next)
		client_tell(c, client);
	for (struct dt_converter_lease *lease = c->leases.by_key; lease && !c->is_behind; lease = lease->by_key.next)
		lease_tell(c, lease);
}

/* --- the process ------------------------------------------------------------------------------- */

static void readable(uv_poll_t *poll, int status, int events);
static void process_start(struct dt_converters *c);

static void handle_closed(uv_handle_t *handle)
{
	free(handle);
}

static void channel_close(struct dt_converters *c)
{
	if (!c->poll)
		return;
	uv_poll_stop(c->poll);
	uv_close((uv_handle_t *)c->poll, handle_closed);
	c->poll = NULL;
	close(c->fd);
	c->fd = -1;
}

static int channel_watch(struct dt_converters *c, int fd)
{
	uv_poll_t *poll = calloc(1, sizeof(*poll));
	int err = poll ? uv_poll_init(c->loop, poll, fd) : -ENOMEM;

	if (err) {
		free(poll);
		close(fd);
		return err;
	}
	poll->data = c;
	c->poll = poll;
	c->fd = fd;
	c->silent = 0;
	return uv_poll_start(poll, UV_READABLE, readable);
}

/* The process has ended, or will: the next one knows nothing, and counts from zero. */
static void process_leave(struct dt_converters *c)
{
	channel_close(c);
	for (struct dt_converter_lease *lease = c->leases.by_key; lease; lease = lease->by_key.next)
		lease->is_told = false;
	for (struct dt_converter_client *client = c->leases.clients; client; client = client->hh.next) {
		client->is_told = false;
		memset(&client->totals, 0, sizeof(client->totals));
	}
}

/* Its connections are gone. Its sockets are here, so that what comes meanwhile waits for the next process. */
static void process_gone(struct dt_converters *c)
{
	uint64_t now_ns = dt_now_ns();
	struct dt_converter_lease *lease, *next;

	process_leave(c);
	c->crashes++;
	c->lately = now_ns - c->started_ns < CRASH_PAUSE_NS ? c->lately + 1 : 1;
	HASH_ITER(by_key, c->leases.by_key, lease, next)
		if (lease->is_over)
			dt_converter_lease_free(&c->leases, lease);
	if (c->lately < CRASHES_MAX) {
		dt_log_warn("the converter's process has ended, and its connections with it: starting it anew");
		process_start(c);
		return;
	}
	dt_log_err("the converter's process ends again and again: nothing is converted for %llu s",
		   (unsigned long long)(CRASH_PAUSE_NS / DT_SEC));
	c->pause_ns = now_ns + CRASH_PAUSE_NS;
	dt_converter_leases_drop(&c->leases);
}

static void totals_take(struct dt_converters *c, const struct dt_channel_message *m)
{
	struct dt_converter_client *client = dt_converter_client_find(&c->leases, m->client_id);

	if (client)
		client->totals =
			(struct dt_converter_totals){m->connections, m->refused, m->bytes_up, m->bytes_down, 0, 0};
}

/* max-rate is one for what is copied and what is translated: nat.bpf has the buckets. */
static void grant_tell(struct dt_converters *c, const struct dt_channel_message *asked)
{
	struct dt_converter_client *client = dt_converter_client_find(&c->leases, asked->client_id);
	struct dt_channel_message m;
	uint64_t now_ns = dt_now_ns();

	if (!client)
		return;
	memset(&m, 0, sizeof(m));
	m.type = DT_CHANNEL_GRANT;
	m.client_id = client->id;
	m.bytes_up = dt_rate_grant(c->rate_fd, client->id, client->limits.rate, &client->reserve, DT_DIR_UP,
				   asked->bytes_up, now_ns);
	m.bytes_down = dt_rate_grant(c->rate_fd, client->id, client->limits.rate, &client->reserve, DT_DIR_DOWN,
				     asked->bytes_down, now_ns);
	dt_channel_send(c->fd, &m, -1); /* where there is no room it goes on without, after a while */
}

static void limited_take(struct dt_converters *c, const struct dt_channel_message *m)
{
	struct dt_converter_client *client = dt_converter_client_find(&c->leases, m->client_id);

	if (!client)
		return;
	client->limited_ns = dt_now_ns();
	c->limited(m, c->data);
}

static void began_take(struct dt_converters *c, const struct dt_channel_message *m)
{
	struct dt_converter_lease *lease = dt_converter_lease_at(&c->leases, &m->relay);

	if (!lease)
		return;
	lease->outcome = m->outcome <= DT_CONVERT_DENIED ? m->outcome : DT_CONVERT_UNKNOWN;
	if (m->rtt_us)
		lease->rtt_us = m->rtt_us;
}

static void message_take(struct dt_converters *c, const struct dt_channel_message *m)
{
	struct dt_converter_lease *lease;

	switch ((enum dt_channel_type)m->type) {
	case DT_CHANNEL_BEGAN:
		if (m->outcome == DT_CONVERT_LIMITED)
			limited_take(c, m);
		else
			began_take(c, m);
		break;
	case DT_CHANNEL_FLOW:
		c->flow(m, c->data);
		break;
	case DT_CHANNEL_CLOSED:
		lease = dt_converter_lease_at(&c->leases, &m->relay);
		if (lease && lease->is_over)
			dt_converter_lease_free(&c->leases, lease);
		break;
	case DT_CHANNEL_TOTALS:
		totals_take(c, m);
		break;
	case DT_CHANNEL_ASK:
		grant_tell(c, m);
		break;
	case DT_CHANNEL_PING:
	case DT_CHANNEL_PONG:
	case DT_CHANNEL_HELLO:
	case DT_CHANNEL_HAS:
	case DT_CHANNEL_READY:
	case DT_CHANNEL_GRANT:
	case DT_CHANNEL_CLIENT:
	case DT_CHANNEL_LISTEN:
	case DT_CHANNEL_END:
	case DT_CHANNEL_REVOKE:
	case DT_CHANNEL_RETIRE:
	case DT_CHANNEL_QUIT:
	case DT_CHANNEL_SYN:
	case DT_CHANNEL_TYPES:
		break;
	}
}

static void readable(uv_poll_t *poll, int status, int events)
{
	struct dt_converters *c = poll->data;
	struct dt_channel_message m;
	int passed, got;

	dt_poll_resume(poll, status, readable);
	while ((got = dt_channel_receive(c->fd, &m, &passed)) == 1) {
		if (passed >= 0)
			close(passed);
		c->silent = 0;
		message_take(c, &m);
	}
	if (got == -EAGAIN || got == -EINTR)
		return;
	process_gone(c);
}

static void process_start(struct dt_converters *c)
{
	int err, fd;

	c->started_ns = dt_now_ns();
	fd = dt_convert_process_start();
	err = fd < 0 ? fd : channel_watch(c, fd);
	if (err) {
		dt_log_err("cannot start the converter's process: %s", strerror(-err));
		c->pause_ns = dt_now_ns() + CRASH_PAUSE_NS;
		dt_converter_leases_drop(&c->leases);
		return;
	}
	all_tell(c);
}

/* --- is it alive? ------------------------------------------------------------------------------ */

/* It would accept connections and leave them be: killed, they are reset, and another one accepts what comes. */
static void process_kill(struct dt_converters *c)
{
	int err = dt_convert_process_kill(c->fd);

	if (err)
		dt_log_err("the converter's process has not answered for %d s, and cannot be killed: %s; its "
			   "connections hang until you kill it, see pgrep -f -- %s",
			   SILENCE_S, strerror(-err), DT_CONVERT_ARGUMENT);
	else
		dt_log_err("the converter's process has not answered for %d s: killed it, and its connections with it",
			   SILENCE_S);
}

static void beat(uv_timer_t *timer)
{
	struct dt_channel_message ping = {.type = DT_CHANNEL_PING};
	struct dt_converters *c = timer->data;
	uint64_t now_ns = dt_now_ns();
	/* what holds this process up may hold up the other one */
	bool late = now_ns - c->beat_ns > 2 * BEAT_MS * DT_MS;

	c->beat_ns = now_ns;
	if (!c->poll)
		return;
	if (!late && ++c->silent > BEATS_MAX) {
		process_kill(c);
		process_gone(c);
		return;
	}
	dt_channel_send(c->fd, &ping, -1); /* where there is no room it does not read, which is no answer either */
}

static int heart_start(struct dt_converters *c)
{
	c->heart = calloc(1, sizeof(*c->heart));
	if (!c->heart)
		return -ENOMEM;
	c->heart->data = c;
	c->beat_ns = dt_now_ns();
	uv_timer_init(c->loop, c->heart);
	dt_timer_arm(c->heart, beat, BEAT_MS, BEAT_MS);
	return 0;
}

static void heart_stop(struct dt_converters *c)
{
	if (c->heart)
		uv_close((uv_handle_t *)c->heart, handle_closed);
}

/* --- taking over ------------------------------------------------------------------------------- */

/* The process has a lease; the map says what it is. */
static void lease_adopt(struct dt_converters *c, const struct dt_channel_message *m, int fd)
{
	struct dt_channel_message revoke;

	if (dt_converter_lease_adopt(&c->leases, &m->relay, fd, m->special) == 0)
		return;
	memset(&revoke, 0, sizeof(revoke));
	revoke.type = DT_CHANNEL_REVOKE;
	revoke.relay = m->relay;
	dt_channel_send(c->fd, &revoke, -1);
}

/* What the process says first. 0, or -EPROTO: it is of another version; others: it makes no sense. */
static int greeting_take(struct dt_converters *c)
{
	uint64_t until_ns = dt_now_ns() + HANDSHAKE_MS * DT_MS, now_ns;
	struct pollfd ready = {.fd = c->fd, .events = POLLIN};
	struct dt_channel_message m;
	int got, passed;

	while ((now_ns = dt_now_ns()) < until_ns) {
		got = dt_channel_receive(c->fd, &m, &passed);
		if (got == -EAGAIN) {
			poll(&ready, 1, (int)((until_ns - now_ns) / DT_MS) + 1);
			continue;
		}
		if (got <= 0)
			return got ? got : -ECONNRESET;
		if (m.type == DT_CHANNEL_HAS) {
			lease_adopt(c, &m, passed);
			continue;
		}
		if (passed >= 0)
			close(passed);
		if (m.type == DT_CHANNEL_READY)
			return 0;
		message_take(c, &m);
	}
	return -ETIMEDOUT;
}

/* A process of an earlier run, if there is one. */
static void process_find(struct dt_converters *c)
{
	struct dt_channel_message retire = {.type = DT_CHANNEL_RETIRE};
	int fd = dt_convert_process_connect(), err;

	if (fd < 0)
		return;
	err = channel_watch(c, fd);
	if (err)
		return;
	c->started_ns = dt_now_ns();
	err = greeting_take(c);
	if (err == 0) {
		dt_log_info("converter: found the process of an earlier run leases=%u",
			    HASH_CNT(by_key, c->leases.by_key));
		return;
	}
	if (err == -ETIMEDOUT) {
		process_kill(c);
	} else {
		dt_log_warn("converter: the process of an earlier run %s: it finishes its connections, and another one "
			    "is started",
			    err == -EPROTO ? "is of another version" : "makes no sense");
		dt_channel_send(c->fd, &retire, -1);
	}
	process_leave(c);
	dt_converter_leases_drop(&c->leases);
}

/* --- connections that begin -------------------------------------------------------------------- */

static int syn_take(void *data, void *event, size_t size)
{
	const struct dt_converter_syn *syn = event;
	struct dt_converters *c = data;
	const struct dt_converter_lease *lease;
	struct dt_channel_message m;

	if (size < sizeof(*syn) || !c->poll)
		return 0;
	memset(&m, 0, sizeof(m));
	m.type = DT_CHANNEL_SYN;
	m.client = (struct dt_endpoint){syn->client, ntohs(syn->sport_be16)};
	m.relay = (struct dt_endpoint){syn->relay, ntohs(syn->dpt_be16)};
	lease = dt_converter_lease_at(&c->leases, &m.relay);
	if (lease) {
		struct dt_endpoint server = {lease->target.server, lease->target.rpt};

		m.source.port = dt_converter_ports_next(&c->source_ports, &syn->relay, &server);
	}
	dt_channel_send(c->fd, &m, -1); /* where there is no room it connects later */
	return 0;
}

static void syns_readable(uv_poll_t *poll, int status, int events)
{
	struct dt_converters *c = poll->data;

	dt_poll_resume(poll, status, syns_readable);
	ring_buffer__consume(c->syns);
}

/* Without them the relay connects to servers only once a connection is accepted. */
static void syns_watch(struct dt_converters *c, int fd)
{
	int err;

	c->syns = ring_buffer__new(fd, syn_take, c, NULL);
	c->syns_poll = c->syns ? calloc(1, sizeof(*c->syns_poll)) : NULL;
	err = c->syns_poll ? uv_poll_init(c->loop, c->syns_poll, ring_buffer__epoll_fd(c->syns)) : -ENOMEM;
	if (err == 0) {
		c->syns_poll->data = c;
		uv_poll_start(c->syns_poll, UV_READABLE, syns_readable);
		return;
	}
	dt_log_warn("converter: connects to servers late: %s", strerror(-err));
	free(c->syns_poll);
	c->syns_poll = NULL;
}

static void syns_close(struct dt_converters *c)
{
	if (c->syns_poll) {
		uv_poll_stop(c->syns_poll);
		uv_close((uv_handle_t *)c->syns_poll, handle_closed);
	}
	ring_buffer__free(c->syns);
}

/* --- opening and closing ----------------------------------------------------------------------- */

int dt_converters_open(struct dt_converters **out, uv_loop_t *loop, const struct dt_converters_fds *fds,
		       struct dt_lease_table *ports, dt_converters_flow_fn flow, dt_converters_flow_fn limited,
		       void *data)
{
	struct dt_converters *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->loop = loop;
	c->fd = -1;
	c->rate_fd = fds->rate;
	dt_converter_ports_init(&c->source_ports, fds->flows);
	c->leases.map_fd = fds->leases;
	c->leases.ports = ports;
	c->leases.closed = (struct dt_converter_closed_ports){.map_fd = fds->leases, .ports = ports};
	c->flow = flow;
	c->limited = limited;
	c->data = data;
	syns_watch(c, fds->syns);
	process_find(c);
	err = dt_converter_leases_prune(&c->leases);
	if (err)
		dt_log_err("cannot read the converter leases: %s", strerror(-err));
	if (err == 0)
		err = heart_start(c);
	*out = c;
	return err;
}

void dt_converters_close(struct dt_converters *c)
{
	if (!c)
		return;
	channel_close(c);
	heart_stop(c);
	syns_close(c);
	dt_converter_leases_fini(&c->leases);
	free(c);
}

/* Reads until the process has closed its end: closing ours before would lose what it has not read yet. */
static void end_await(int fd)
{
	struct pollfd end = {.fd = fd, .events = POLLIN};
	char ignored[4096];
	ssize_t got;

	while (poll(&end, 1, QUIT_PATIENCE_MS) > 0) {
		got = recv(fd, ignored, sizeof(ignored), MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
			return;
	}
	dt_log_warn("converter: the copying process does not end");
}

void dt_converters_flush(void)
{
	struct dt_channel_message quit = {.type = DT_CHANNEL_QUIT};
	int fd = dt_convert_process_connect();

	if (fd < 0)
		return;
	if (dt_channel_send(fd, &quit, -1) == 0)
		end_await(fd);
	close(fd);
}

/* --- leases ------------------------------------------------------------------------------------ */

void dt_converters_want(struct dt_converters *c, bool wanted)
{
	struct rlimit limit;

	if (wanted && !c->wanted && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max; /* a socket for each lease */
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	c->wanted = wanted;
	if (wanted && !c->poll && dt_now_ns() >= c->pause_ns)
		process_start(c);
	else
		all_tell(c);
}

void dt_converters_source_ports(struct dt_converters *c, struct dt_port_range range)
{
	dt_converter_ports_configure(&c->source_ports, range);
}

bool dt_converters_ready(const struct dt_converters *c)
{
	return c->wanted && c->poll;
}

void dt_converters_limit(struct dt_converters *c, uint64_t client_id, const struct dt_converter_limits *limits)
{
	struct dt_converter_client *client = dt_converter_client_get(&c->leases, client_id);

	if (memcmp(&client->limits, limits, sizeof(*limits)) == 0)
		return;
	client->limits = *limits;
	client->is_told = false;
	client_tell(c, client);
}

int dt_converters_ask(struct dt_converters *c, struct dt_lease_entry *e, bool special, size_t client_max,
		      enum dt_convert_outcome *outcome)
{
	struct dt_converter_lease *lease = dt_converter_lease_of(&c->leases, e);
	int err = 0;

	if (!dt_converters_ready(c))
		return -ENOTCONN;
	if (lease) {
		lease->expires_ns = e->expires_ns;
		err = dt_converter_lease_store(&c->leases, lease);
	} else if (dt_converter_client_get(&c->leases, e->client_id)->leases >= client_max) {
		return -EDQUOT;
	} else {
		err = dt_converter_lease_make(&c->leases, e, &lease);
	}
	if (err)
		return err;
	if (lease->special != special)
		lease->is_told = false;
	lease->special = special;
	lease_tell(c, lease);
	e->dpt = ntohs(lease->key.dpt_be16);
	e->rtt_us = lease->rtt_us;
	*outcome = lease->outcome;
	return 0;
}

/* It takes no new connections from now on; it goes when the process says that the last one has ended. */
static void lease_end(struct dt_converters *c, struct dt_converter_lease *lease, bool revoke)
{
	if (!lease->is_over)
		dt_converter_lease_over(&c->leases, lease);
	if (revoke && !lease->is_revoked) {
		lease->is_revoked = true;
		lease->is_told = false;
	}
	if (!c->poll) {
		dt_converter_lease_free(&c->leases, lease);
		return;
	}
	dt_converter_lease_store(&c->leases, lease);
	lease_tell(c, lease);
}

int dt_converters_release(struct dt_converters *c, const struct dt_lease_entry *e)
{
	struct dt_converter_lease *lease = dt_converter_lease_of(&c->leases, e);

	if (!lease)
		return -ENOENT;
	lease_end(c, lease, false);
	return 0;
}

void dt_converters_tick(struct dt_converters *c, uint64_t now_ns)
{
	struct dt_channel_message quit = {.type = DT_CHANNEL_QUIT};
	struct dt_converter_lease *lease, *next;

	dt_converter_clients_rate(&c->leases, now_ns);
	dt_converter_closed_tick(&c->leases.closed, now_ns);
	HASH_ITER(by_key, c->leases.by_key, lease, next)
		if (!lease->is_over && lease->expires_ns <= now_ns)
			lease_end(c, lease, false);
	if (c->wanted && !c->poll && now_ns >= c->pause_ns) {
		process_start(c);
	} else if (!c->wanted && c->poll && !c->leases.by_key) {
		dt_channel_send(c->fd, &quit, -1);
		process_leave(c);
	} else if (c->is_behind) {
		all_tell(c);
	}
}

size_t dt_converters_revoke_if(struct dt_converters *c, bool (*doomed)(const struct dt_lease_entry *e, void *data),
			       void *data)
{
	struct dt_converter_lease *lease, *next;
	size_t count = 0;

	HASH_ITER(by_key, c->leases.by_key, lease, next) {
		struct dt_lease_entry e = dt_converter_lease_entry(lease);

		if (lease->is_revoked || !doomed(&e, data))
			continue;
		lease_end(c, lease, true);
		count++;
	}
	return count;
}

/* --- numbers ----------------------------------------------------------------------------------- */

size_t dt_converters_count(const struct dt_converters *c, uint64_t client_id)
{
	const struct dt_converter_client *client = dt_converter_client_find(&c->leases, client_id);

	if (client_id == 0)
		return HASH_CNT(by_key, c->leases.by_key);
	return client ? client->leases : 0;
}

struct dt_converter_totals dt_converters_totals(const struct dt_converters *c, uint64_t client_id)
{
	struct dt_converter_totals sum = {0};

	for (const struct dt_converter_client *client = c->leases.clients; client; client = client->hh.next) {
		if (client_id && client->id != client_id)
			continue;
		sum.connections += client->totals.connections;
		sum.refused += client->totals.refused;
		sum.bytes_up += client->totals.bytes_up;
		sum.bytes_down += client->totals.bytes_down;
		sum.up_bps += client->rates.up_bps;
		sum.down_bps += client->rates.down_bps;
	}
	return sum;
}

bool dt_converters_limited(const struct dt_converters *c, uint64_t client_id, uint64_t now_ns)
{
	const struct dt_converter_client *client = dt_converter_client_find(&c->leases, client_id);

	return client && (client->totals.connections >= client->limits.max_connections || client->limits.max_new == 0 ||
			  (client->limited_ns && now_ns - client->limited_ns < LIMITED_NS));
}

unsigned dt_converters_crashes(const struct dt_converters *c)
{
	return c->crashes;
}
