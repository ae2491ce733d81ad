/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What BPF programs tell the path manager (track, inventory), and what it switches (takeover, mptcpify). */
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

/* --- takeover ---------------------------------------------------------------------------------- */

int dt_takeover_begin(struct dt_takeover *t)
{
	memset(t, 0, sizeof(*t));
	t->lock_fd = -1;
	if (world.another_manager)
		return -EBUSY;
	tell("> path manager taken over");
	t->lock_fd = 0;
	t->netns_cookie = 1;
	return 0;
}

void dt_takeover_end(struct dt_takeover *t)
{
	if (t->lock_fd < 0)
		return;
	if (!world.frozen)
		tell("> path manager given back");
	t->lock_fd = -1;
}

/* --- mptcpify ---------------------------------------------------------------------------------- */

struct dt_mptcpify {
	int unused;
};

int dt_mptcpify_open(struct dt_mptcpify **out, uint64_t netns_cookie)
{
	if (world.mptcpify_error)
		return world.mptcpify_error;
	*out = calloc(1, sizeof(**out));
	tell("> mptcpify opened");
	return *out ? 0 : -ENOMEM;
}

void dt_mptcpify_close(struct dt_mptcpify *m)
{
	if (m)
		tell("> mptcpify closed");
	free(m);
}

int dt_mptcpify_configure(struct dt_mptcpify *m, const struct dt_mptcp_conf *conf)
{
	tell("> mptcpify %s users=%zu programs=%zu cgroups=%zu", conf->enable ? "on" : "off", conf->chosen.nuids,
	     conf->chosen.nprograms, conf->chosen.ncgroups);
	return 0;
}

uint64_t dt_mptcpify_sockets(const struct dt_mptcpify *m)
{
	return 7;
}

const char *dt_mptcpify_problem(int err)
{
	return err == -ENOENT ? "this kernel has no hook for it" : strerror(-err);
}

/* --- convert ----------------------------------------------------------------------------------- */

struct dt_convert {
	int unused;
};
struct led {
	struct dt_endpoint server, to;
	uint64_t expires_ns;
	struct led *next;
};
static struct led *leads;

int dt_convert_open(struct dt_convert **out, uint64_t netns_cookie, int cgroup_fd)
{
	if (world.convert_error)
		return world.convert_error;
	*out = calloc(1, sizeof(**out));
	tell("> convert opened");
	return *out ? 0 : -ENOMEM;
}

void dt_convert_close(struct dt_convert *c)
{
	struct led *l;

	if (c)
		tell("> convert closed");
	while ((l = leads)) {
		leads = l->next;
		free(l);
	}
	free(c);
}

const char *dt_convert_problem(int err)
{
	return strerror(-err);
}

static struct led **led_find(const struct dt_endpoint *server)
{
	struct led **l = &leads;

	while (*l && !dt_endpoint_equal(&(*l)->server, server))
		l = &(*l)->next;
	return l;
}

int dt_convert_earlier(struct dt_convert *c, const struct dt_endpoint *at, const struct dt_endpoint *server)
{
	return 0;
}

int dt_convert_put(struct dt_convert *c, const struct dt_endpoint *server, const struct dt_endpoint *to,
		   uint64_t expires_ns)
{
	char from_text[DT_ENDPOINT_STRLEN], to_text[DT_ENDPOINT_STRLEN];
	struct led *l = *led_find(server);

	if (!l) {
		l = calloc(1, sizeof(*l));
		if (!l)
			abort();
		l->server = *server;
		l->next = leads;
		leads = l;
	}
	if (world.witness)
		world.witness(DEED_LEAD, &to->ip);
	if (!dt_endpoint_equal(&l->to, to))
		tell("> lead %s to %s", dt_endpoint_format(server, from_text), dt_endpoint_format(to, to_text));
	l->to = *to;
	l->expires_ns = expires_ns;
	return 0;
}

void dt_convert_remove(struct dt_convert *c, const struct dt_endpoint *server)
{
	struct led **at = led_find(server), *l = *at;
	char text[DT_ENDPOINT_STRLEN];

	if (!l)
		return;
	tell("> lead %s nowhere", dt_endpoint_format(server, text));
	*at = l->next;
	free(l);
}

bool converts(const char *server, const char *to)
{
	struct dt_endpoint from, wanted;
	const struct led *l;

	if (dt_endpoint_parse(&from, server) < 0 || (to && dt_endpoint_parse(&wanted, to) < 0))
		abort();
	l = *led_find(&from);
	if (l && world_now() > l->expires_ns)
		l = NULL;
	return to ? l && dt_endpoint_equal(&l->to, &wanted) : !l;
}

/* --- track ------------------------------------------------------------------------------------- */

struct row {
	struct dt_subflow_key key;
	struct dt_subflow_stats stats;
	UT_hash_handle hh;
};
static struct row *rows;

struct note {
	struct dt_endpoint local, remote;
	uint32_t token;
	enum dt_subflow_happening what;
	struct note *next;
};
static struct note *notes, **notes_end = &notes;

struct dt_track {
	int fd;
	dt_track_event_fn fn;
	void *data;
};
/* sockops is silent about sockets that were made while it was not attached. */
static struct dt_track *attached;

struct dt_subflow_key dt_track_key(const struct dt_endpoint *local, const struct dt_endpoint *remote)
{
	struct dt_subflow_key key;

	memset(&key, 0, sizeof(key));
	key.local = local->ip;
	key.remote = remote->ip;
	key.lport = local->port;
	key.rport = remote->port;
	return key;
}

int dt_track_open(struct dt_track **out, uint64_t netns_cookie)
{
	struct dt_track *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->fd = -1;
	attached = *out = t;
	return 0;
}

static void rows_clear(void)
{
	struct row *row, *tmp;
	struct note *note;

	HASH_ITER(hh, rows, row, tmp) {
		HASH_DELETE(hh, rows, row);
		free(row);
	}
	while ((note = notes)) {
		notes = note->next;
		free(note);
	}
	notes_end = &notes;
}

void dt_track_close(struct dt_track *t)
{
	if (!t)
		return;
	if (t->fd >= 0)
		fake_fd_close(t->fd);
	free(t);
	attached = NULL;
	rows_clear();
}

static struct row *row_find(const struct dt_subflow_key *key)
{
	struct row *row;

	HASH_FIND(hh, rows, key, sizeof(*key), row);
	return row;
}

static struct row *row_add(const struct dt_subflow_key *key, uint32_t token)
{
	struct row *row = row_find(key);

	if (row)
		return row;
	row = calloc(1, sizeof(*row));
	if (!row)
		abort();
	row->key = *key;
	row->stats.token = token;
	row->stats.state = BPF_TCP_ESTABLISHED;
	HASH_ADD(hh, rows, key, sizeof(row->key), row);
	return row;
}

void track_row_add(const struct sock *s)
{
	struct row *row;

	if (!attached)
		return;
	row = row_add(&s->key, s->connection->token);
	row->stats.device = s->connection->device;
	row->stats.deny_join_id0 = s->initial && s->server && s->server->deny_join_id0 && !s->server->flag_not_by_bpf;
}

static void note_add(const struct note *note)
{
	struct note *copy = malloc(sizeof(*copy));

	if (!copy)
		abort();
	*copy = *note;
	copy->next = NULL;
	*notes_end = copy;
	notes_end = &copy->next;
	fake_fd_set_readable(FAKE_TRACK, true);
}

void track_note(const struct sock *s, enum dt_subflow_happening what)
{
	struct note note = {s->local, s->remote, s->connection->token, what, NULL};
	struct row *row = row_find(&s->key);

	if (!attached || !row)
		return;
	if (what == DT_SUBFLOW_CLOSED) {
		row->stats.state = BPF_TCP_CLOSE;
		row->stats.updated_ns = world_now();
	}
	note_add(&note);
}

void track_fallback(const struct dt_endpoint *remote, enum dt_subflow_happening what)
{
	struct note note = {.remote = *remote, .what = what};

	note_add(&note);
}

void track_fallback_of(const struct sock *s)
{
	struct note note = {.local = s->local, .remote = s->remote, .what = DT_SUBFLOW_FELL_BACK};

	note_add(&note);
}

size_t track_rows(void)
{
	return HASH_COUNT(rows);
}

int dt_track_get(const struct dt_track *t, const struct dt_endpoint *local, const struct dt_endpoint *remote,
		 struct dt_subflow_stats *out)
{
	struct dt_subflow_key key = dt_track_key(local, remote);
	const struct row *row = row_find(&key);
	const struct sock *s = sock_find(local, remote);

	if (!row)
		return -ENOENT;
	*out = row->stats;
	if (s) {
		out->srtt_us = (uint32_t)(sock_rtt_ns(s) / DT_US);
		out->bytes_acked = (uint64_t)s->acked;
		out->bytes_received = (uint64_t)s->received;
		out->rtos = s->rtos;
	}
	return 0;
}

void dt_track_adopt(const struct dt_track *t, const struct dt_endpoint *local, const struct dt_endpoint *remote,
		    uint32_t token)
{
	struct dt_subflow_key key = dt_track_key(local, remote);

	row_add(&key, token);
}

void dt_track_forget(const struct dt_track *t, const struct dt_endpoint *local, const struct dt_endpoint *remote)
{
	struct dt_subflow_key key = dt_track_key(local, remote);
	struct row *row = row_find(&key);

	if (!row)
		return;
	HASH_DELETE(hh, rows, row);
	free(row);
}

int dt_track_origin_take(const struct dt_track *t, uint32_t token, struct dt_origin *out)
{
	struct connection *c = connection_at(token);

	if (!c || !c->has_origin)
		return -ENOENT;
	*out = c->origin;
	return 0;
}

int dt_track_watch(struct dt_track *t, dt_track_event_fn fn, void *data)
{
	t->fn = fn;
	t->data = data;
	t->fd = fake_fd_new(FAKE_TRACK);
	return 0;
}

int dt_track_fd(const struct dt_track *t)
{
	return t->fd;
}

void dt_track_drain(struct dt_track *t)
{
	struct note *note;

	while ((note = notes)) {
		notes = note->next;
		if (!notes)
			notes_end = &notes;
		t->fn(&note->local, &note->remote, note->token, note->what, t->data);
		free(note);
	}
	fake_fd_set_readable(FAKE_TRACK, false);
}

void dt_track_sweep(const struct dt_track *t, uint64_t closed_before_ns)
{
	struct row *row, *tmp;

	HASH_ITER(hh, rows, row, tmp)
		if (row->stats.state == BPF_TCP_CLOSE && row->stats.updated_ns < closed_before_ns) {
			HASH_DELETE(hh, rows, row);
			free(row);
		}
}

/* --- inventory --------------------------------------------------------------------------------- */

struct dt_inventory {
	int unused;
};

int dt_inventory_open(struct dt_inventory **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void dt_inventory_close(struct dt_inventory *inv)
{
	free(inv);
}

static struct dt_subflow_record record_of(struct sock *s)
{
	const struct connection *c = s->connection;
	struct dt_subflow_record r;

	sock_settle(s);
	memset(&r, 0, sizeof(r));
	r.key = s->key;
	r.initial = dt_track_key(&c->local, &c->remote);
	r.token = c->token;
	r.srtt_us = (uint32_t)(sock_rtt_ns(s) / DT_US);
	r.bytes_acked = (uint64_t)s->acked;
	r.bytes_received = (uint64_t)s->received;
	r.flags = (c->accepted ? DT_RECORD_SERVER_SIDE : 0) | (c->foreign ? 0 : DT_RECORD_USERSPACE_PM) |
		  (c->server->deny_join_id0 ? DT_RECORD_DENY_JOIN_ID0 : 0) | (c->ready ? DT_RECORD_READY : 0) |
		  (s->initial ? 0 : DT_RECORD_JOIN) | (s->confirmed ? DT_RECORD_CONFIRMED : 0) |
		  (s->backup ? DT_RECORD_BACKUP_ASKED : 0);
	r.state = s->state;
	r.local_id = s->id;
	r.remote_id = s->remote_id;
	r.device = c->device;
	if (c->announced_id) {
		bool v4 = dt_ip_is_v4(&c->announced.ip);

		r.announced_id = c->announced_id;
		r.announced_family = v4 ? AF_INET : AF_INET6;
		if (v4)
			r.announced.w[0] = dt_ip_v4(&c->announced.ip);
		else
			r.announced = c->announced.ip;
		r.announced_port_be16 = htons(c->announced.port);
	}
	return r;
}

int dt_inventory_read(struct dt_inventory *inv, dt_inventory_fn fn, void *data)
{
	size_t count = HASH_COUNT(world.socks), used = 0;
	struct dt_subflow_record *records = calloc(count ? count : 1, sizeof(*records));

	if (!records)
		abort();
	for (struct sock *s = world.socks; s; s = s->hh.next)
		if (!s->hidden)
			records[used++] = record_of(s);
	if (world.inventory_error) /* cut short */
		used /= 2;
	for (size_t i = 0; i < used; i++)
		fn(&records[i], data);
	free(records);
	return world.inventory_error;
}
