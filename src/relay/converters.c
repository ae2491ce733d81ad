/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/converters.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/converter_channel.h"
#include "relay/converter_leases.h"
#include "relay/converter_ports.h"
#include "relay/converter_syns.h"
#include "relay/rate_grant.h"

/* After so many ends within this time it is left alone for as long. */
#define CRASHES_MAX 3
#define CRASH_PAUSE_NS (60 * DT_SEC)
/* So long a client hears that a connection was reset for a limit: it asks every 2 s. */
#define LIMITED_NS (5 * DT_SEC)

struct dt_converters {
	struct dt_converter_channel channel;
	struct dt_converter_syns syns;
	int rate_fd; /* see relay/rate_grant.h */
	struct dt_converter_ports source_ports;
	struct dt_converter_leases leases;
	dt_converters_flow_fn flow, limited;
	void *data;
	bool wanted;
	bool is_behind; /* the process is to be told more, once there is room */
	unsigned crashes, lately;
	uint64_t started_ns, pause_ns;
};

/* --- telling the process ----------------------------------------------------------------------- */

static void lease_tell(struct dt_converters *c, struct dt_converter_lease *lease)
{
	struct dt_channel_message m;

	if (!dt_converter_channel_is_open(&c->channel) || lease->is_told)
		return;
	memset(&m, 0, sizeof(m));
	m.type = lease->is_revoked ? DT_CHANNEL_REVOKE : lease->is_over ? DT_CHANNEL_END : DT_CHANNEL_LISTEN;
	m.client_id = lease->target.client_id;
	m.client.ip = lease->target.client;
	m.relay = dt_converter_lease_relay(lease);
	m.server = (struct dt_endpoint){lease->target.server, lease->target.rpt};
	m.special = lease->special;
	lease->is_told = dt_converter_channel_send(&c->channel, &m, lease->fd) == 0;
	c->is_behind = c->is_behind || !lease->is_told;
}

static void client_tell(struct dt_converters *c, struct dt_converter_client *client)
{
	struct dt_channel_message m;

	if (!dt_converter_channel_is_open(&c->channel) || client->is_told)
		return;
	memset(&m, 0, sizeof(m));
	m.type = DT_CHANNEL_CLIENT;
	m.client_id = client->id;
	m.max_connections = client->limits.max_connections;
	m.max_new = client->limits.max_new;
	m.rate = client->limits.rate;
	client->is_told = dt_converter_channel_send(&c->channel, &m, -1) == 0;
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

static void process_start(struct dt_converters *c);

/* The process has ended, or will: the next one knows nothing, and counts from zero. */
static void process_leave(struct dt_converters *c)
{
	dt_converter_channel_close(&c->channel);
	for (struct dt_converter_lease *lease = c->leases.by_key; lease; lease = lease->by_key.next)
		lease->is_told = false;
	for (struct dt_converter_client *client = c->leases.clients; client; client = client->hh.next) {
		client->is_told = false;
		memset(&client->totals, 0, sizeof(client->totals));
	}
}

/* Its connections are gone. Its sockets are here, so that what comes meanwhile waits for the next process. */
static void process_gone(void *data)
{
	struct dt_converters *c = data;
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
	dt_converter_channel_send(&c->channel, &m, -1); /* where there is no room it goes on without, after a while */
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

static void message_take(const struct dt_channel_message *m, void *data)
{
	struct dt_converters *c = data;
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

static void process_start(struct dt_converters *c)
{
	int err;

	c->started_ns = dt_now_ns();
	err = dt_converter_channel_start(&c->channel);
	if (err) {
		dt_log_err("cannot start the converter's process: %s", strerror(-err));
		c->pause_ns = dt_now_ns() + CRASH_PAUSE_NS;
		dt_converter_leases_drop(&c->leases);
		return;
	}
	all_tell(c);
}

/* --- taking over ------------------------------------------------------------------------------- */

/* The process has a lease; the map says what it is. */
static void lease_adopt(const struct dt_channel_message *m, int fd, void *data)
{
	struct dt_converters *c = data;
	struct dt_channel_message revoke;

	if (dt_converter_lease_adopt(&c->leases, &m->relay, fd, m->special) == 0)
		return;
	memset(&revoke, 0, sizeof(revoke));
	revoke.type = DT_CHANNEL_REVOKE;
	revoke.relay = m->relay;
	dt_converter_channel_send(&c->channel, &revoke, -1);
}

static const struct dt_converter_channel_events channel_events = {
	.message = message_take,
	.has = lease_adopt,
	.gone = process_gone,
};

static void process_find(struct dt_converters *c)
{
	c->started_ns = dt_now_ns();
	if (dt_converter_channel_find(&c->channel) == 0) {
		dt_log_info("converter: found the process of an earlier run leases=%u",
			    HASH_CNT(by_key, c->leases.by_key));
		return;
	}
	process_leave(c);
	dt_converter_leases_drop(&c->leases);
}

/* --- connections that begin -------------------------------------------------------------------- */

static void syn_tell(const struct dt_converter_syn *syn, void *data)
{
	struct dt_converters *c = data;
	const struct dt_converter_lease *lease;
	struct dt_channel_message m;

	memset(&m, 0, sizeof(m));
	m.type = DT_CHANNEL_SYN;
	m.client = (struct dt_endpoint){syn->client, ntohs(syn->sport_be16)};
	m.relay = (struct dt_endpoint){syn->relay, ntohs(syn->dpt_be16)};
	lease = dt_converter_lease_at(&c->leases, &m.relay);
	if (lease) {
		struct dt_endpoint server = {lease->target.server, lease->target.rpt};

		m.source.port = dt_converter_ports_next(&c->source_ports, &syn->relay, &server);
	}
	dt_converter_channel_send(&c->channel, &m, -1); /* where there is no room it connects later */
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
	c->rate_fd = fds->rate;
	dt_converter_ports_init(&c->source_ports, fds->flows);
	c->leases.map_fd = fds->leases;
	c->leases.ports = ports;
	c->leases.closed = (struct dt_converter_closed_ports){.map_fd = fds->leases, .ports = ports};
	c->flow = flow;
	c->limited = limited;
	c->data = data;
	*out = c;
	dt_converter_syns_watch(&c->syns, loop, fds->syns, syn_tell, c);
	err = dt_converter_channel_init(&c->channel, loop, &channel_events, c);
	if (err)
		return err;
	process_find(c);
	err = dt_converter_leases_prune(&c->leases);
	if (err)
		dt_log_err("cannot read the converter leases: %s", strerror(-err));
	return err;
}

void dt_converters_close(struct dt_converters *c)
{
	if (!c)
		return;
	dt_converter_channel_fini(&c->channel);
	dt_converter_syns_close(&c->syns);
	dt_converter_leases_fini(&c->leases);
	free(c);
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
	if (wanted && !dt_converter_channel_is_open(&c->channel) && dt_now_ns() >= c->pause_ns)
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
	return c->wanted && dt_converter_channel_is_open(&c->channel);
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
		      struct dt_converter_granted *granted)
{
	struct dt_converter_lease *lease = dt_converter_lease_of(&c->leases, e);
	int err = 0;

	granted->is_new = !lease;
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
	granted->outcome = lease->outcome;
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
	if (!dt_converter_channel_is_open(&c->channel)) {
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
	if (c->wanted && !dt_converter_channel_is_open(&c->channel) && now_ns >= c->pause_ns) {
		process_start(c);
	} else if (!c->wanted && dt_converter_channel_is_open(&c->channel) && !c->leases.by_key) {
		dt_converter_channel_send(&c->channel, &quit, -1);
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
