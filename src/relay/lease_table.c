/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/lease_table.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/bpf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

#define RANDOM_TRIES 64

struct lease {
	struct dt_lease_target target;
	struct dt_lease_key key;
	uint64_t expires_ns;
	uint64_t created_ns;
	uint32_t rtt_us, resets;
	UT_hash_handle by_target;
	UT_hash_handle by_key;
	struct lease *prev, *next; /* of the same client */
};

struct holder {
	uint64_t client_id;
	struct lease *leases;
	size_t count;
	UT_hash_handle hh;
};

struct dt_lease_table {
	int map_fd;
	unsigned max_leases;
	struct dt_port_range ports;
	struct lease *by_target;
	struct lease *by_key;
	struct holder *holders;
	dt_lease_ended_fn ended; /* NULL: nobody asks */
	void *ended_data;
	struct lease *check;  /* the next that dt_lease_table_check_step() looks at */
	uint32_t uses[65536]; /* leases of each port */
	uint16_t reserved[65536];
};

struct dt_lease_target dt_lease_target_of(const struct dt_lease_entry *e)
{
	struct dt_lease_target t;

	memset(&t, 0, sizeof(t));
	t.client_id = e->client_id;
	t.client = e->client;
	t.relay = e->relay;
	t.server = e->server.ip;
	t.rpt = e->server.port;
	return t;
}

static struct dt_lease_key key_of(const struct dt_lease_entry *e, uint16_t dpt)
{
	struct dt_lease_key key;

	memset(&key, 0, sizeof(key));
	key.client = e->client;
	key.relay = e->relay;
	key.dpt_be16 = htons(dpt);
	return key;
}

static struct dt_lease_entry entry_of(const struct lease *lease)
{
	return (struct dt_lease_entry){
		.client_id = lease->target.client_id,
		.client = lease->target.client,
		.relay = lease->target.relay,
		.server = {lease->target.server, lease->target.rpt},
		.dpt = ntohs(lease->key.dpt_be16),
		.expires_ns = lease->expires_ns,
		.created_ns = lease->created_ns,
		.rtt_us = lease->rtt_us,
		.resets = lease->resets,
	};
}

static struct holder *holder_find(const struct dt_lease_table *l, uint64_t client_id)
{
	struct holder *h;

	HASH_FIND(hh, l->holders, &client_id, sizeof(client_id), h);
	return h;
}

static int map_store(const struct dt_lease_table *l, const struct lease *lease)
{
	struct dt_lease value;

	memset(&value, 0, sizeof(value));
	value.client_id = lease->target.client_id;
	value.expires_ns = lease->expires_ns;
	value.created_ns = lease->created_ns;
	value.server = lease->target.server;
	value.rpt_be16 = htons(lease->target.rpt);
	return bpf_map_update_elem(l->map_fd, &lease->key, &value, BPF_ANY);
}

static int index_add(struct dt_lease_table *l, struct lease *lease)
{
	struct holder *h = holder_find(l, lease->target.client_id);

	if (!h) {
		h = calloc(1, sizeof(*h));
		if (!h)
			return -ENOMEM;
		h->client_id = lease->target.client_id;
		HASH_ADD(hh, l->holders, client_id, sizeof(h->client_id), h);
	}
	HASH_ADD(by_target, l->by_target, target, sizeof(lease->target), lease);
	HASH_ADD(by_key, l->by_key, key, sizeof(lease->key), lease);
	DL_APPEND(h->leases, lease);
	h->count++;
	l->uses[ntohs(lease->key.dpt_be16)]++;
	return 0;
}

/* Removes it from the index only; the entry in the map stays. */
static void index_remove(struct dt_lease_table *l, struct lease *lease)
{
	struct holder *h = holder_find(l, lease->target.client_id);

	if (l->check == lease)
		l->check = lease->by_target.next;
	l->uses[ntohs(lease->key.dpt_be16)]--;
	HASH_DELETE(by_target, l->by_target, lease);
	HASH_DELETE(by_key, l->by_key, lease);
	DL_DELETE(h->leases, lease);
	if (--h->count == 0) {
		HASH_DELETE(hh, l->holders, h);
		free(h);
	}
}

static void lease_end(struct dt_lease_table *l, struct lease *lease)
{
	int err = dt_bpf_map_delete(l->map_fd, &lease->key);
	struct dt_lease_entry e = entry_of(lease);

	if (err)
		dt_log_warn("cannot delete a lease, it ends by its time: %s", strerror(-err));
	if (l->ended)
		l->ended(&e, l->ended_data);
	index_remove(l, lease);
	free(lease);
}

static int lease_load(const void *map_key, void *data)
{
	struct dt_lease_table *l = data;
	struct dt_lease_key key;
	struct dt_lease value;
	struct lease *lease;
	int err;

	memcpy(&key, map_key, sizeof(key));
	if (key.dpt_be16 == 0) /* a tunnel's, see relay/tunnels.c */
		return 0;
	err = bpf_map_lookup_elem(l->map_fd, &key, &value);
	if (err)
		return err;
	lease = calloc(1, sizeof(*lease));
	if (!lease)
		return -ENOMEM;
	lease->target.client_id = value.client_id;
	lease->target.client = key.client;
	lease->target.relay = key.relay;
	lease->target.server = value.server;
	lease->target.rpt = ntohs(value.rpt_be16);
	lease->key = key;
	lease->expires_ns = value.expires_ns;
	lease->created_ns = value.created_ns;
	err = index_add(l, lease);
	if (err)
		free(lease);
	return err;
}

void dt_lease_table_on_end(struct dt_lease_table *l, dt_lease_ended_fn ended, void *data)
{
	l->ended = ended;
	l->ended_data = data;
}

int dt_lease_table_new(struct dt_lease_table **out, int map_fd, unsigned max_leases, struct dt_port_range ports)
{
	struct dt_lease_table *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	l->map_fd = map_fd;
	l->max_leases = max_leases;
	l->ports = ports;
	err = dt_bpf_map_walk(map_fd, sizeof(struct dt_lease_key), lease_load, l);
	if (err) {
		dt_lease_table_free(l);
		return err;
	}
	*out = l;
	return 0;
}

void dt_lease_table_free(struct dt_lease_table *l)
{
	struct lease *lease, *tmp;

	if (!l)
		return;
	HASH_ITER(by_target, l->by_target, lease, tmp) {
		index_remove(l, lease);
		free(lease);
	}
	free(l);
}

static bool outside_range(const struct dt_lease_entry *e, void *data)
{
	const struct dt_lease_table *l = data;

	return !dt_port_range_contains(&l->ports, e->dpt);
}

size_t dt_lease_table_configure(struct dt_lease_table *l, unsigned max_leases, struct dt_port_range ports)
{
	l->max_leases = max_leases;
	l->ports = ports;
	return dt_lease_table_remove_if(l, outside_range, l);
}

static struct lease *find_target(const struct dt_lease_table *l, const struct dt_lease_entry *e)
{
	struct dt_lease_target target = dt_lease_target_of(e);
	struct lease *lease;

	HASH_FIND(by_target, l->by_target, &target, sizeof(target), lease);
	return lease;
}

static struct lease *find_key(const struct dt_lease_table *l, const struct dt_lease_key *key)
{
	struct lease *lease;

	HASH_FIND(by_key, l->by_key, key, sizeof(*key), lease);
	return lease;
}

static bool may_take(const struct dt_lease_table *l, const struct dt_lease_key *key)
{
	return !l->reserved[ntohs(key->dpt_be16)] && !find_key(l, key);
}

/* A random port that no lease at this client address has, so that two clients behind one address never share a port. */
static int port_choose(const struct dt_lease_table *l, const struct dt_lease_entry *e, struct dt_lease_key *key)
{
	uint32_t range = (uint32_t)(l->ports.max - l->ports.min) + 1;
	uint32_t start = randombytes_uniform(range);

	for (int i = 0; i < RANDOM_TRIES; i++) {
		*key = key_of(e, (uint16_t)(l->ports.min + randombytes_uniform(range)));
		if (may_take(l, key))
			return 0;
	}
	for (uint32_t i = 0; i < range; i++) {
		*key = key_of(e, (uint16_t)(l->ports.min + (start + i) % range));
		if (may_take(l, key))
			return 0;
	}
	return -EADDRNOTAVAIL;
}

static int lease_extend(struct dt_lease_table *l, struct lease *lease, struct dt_lease_entry *e)
{
	uint64_t was = lease->expires_ns;
	int err;

	lease->expires_ns = e->expires_ns;
	err = map_store(l, lease);
	if (err) {
		lease->expires_ns = was;
		return err;
	}
	e->dpt = ntohs(lease->key.dpt_be16);
	e->created_ns = lease->created_ns;
	e->rtt_us = lease->rtt_us;
	e->resets = lease->resets;
	return 0;
}

int dt_lease_table_make(struct dt_lease_table *l, struct dt_lease_entry *e, unsigned client_max)
{
	struct lease *lease = find_target(l, e);
	struct holder *h;
	int err;

	h = holder_find(l, e->client_id);
	if (lease && h->count > client_max) {
		lease_end(l, lease);
		return -EDQUOT;
	}
	if (lease)
		return lease_extend(l, lease, e);
	if ((h ? h->count : 0) >= client_max || HASH_CNT(by_key, l->by_key) >= l->max_leases)
		return -EDQUOT;
	lease = calloc(1, sizeof(*lease));
	if (!lease)
		return -ENOMEM;
	err = port_choose(l, e, &lease->key);
	if (err == 0) {
		lease->target = dt_lease_target_of(e);
		lease->expires_ns = e->expires_ns;
		lease->created_ns = e->created_ns;
		err = map_store(l, lease);
	}
	if (err == 0) {
		err = index_add(l, lease);
		if (err)
			dt_bpf_map_delete(l->map_fd, &lease->key);
	}
	if (err) {
		free(lease);
		return err;
	}
	e->dpt = ntohs(lease->key.dpt_be16);
	return 0;
}

static struct lease *find_held(const struct dt_lease_table *l, const struct dt_lease_entry *e)
{
	struct holder *h = holder_find(l, e->client_id);
	struct lease *lease;

	if (!h)
		return NULL;
	DL_FOREACH(h->leases, lease)
		if (ntohs(lease->key.dpt_be16) == e->dpt && lease->target.rpt == e->server.port &&
		    dt_ip_equal(&lease->target.server, &e->server.ip))
			return lease;
	return NULL;
}

static int lease_move(struct dt_lease_table *l, struct lease *lease, struct dt_lease_entry *e)
{
	struct lease *moved;
	int err;

	moved = calloc(1, sizeof(*moved));
	if (!moved)
		return -ENOMEM;
	moved->key = key_of(e, e->dpt);
	moved->target = dt_lease_target_of(e);
	moved->expires_ns = e->expires_ns;
	moved->created_ns = lease->created_ns;
	moved->rtt_us = lease->rtt_us;
	moved->resets = lease->resets;
	err = find_key(l, &moved->key) || find_target(l, e) ? -EADDRINUSE : map_store(l, moved);
	if (err == 0) {
		err = index_add(l, moved);
		if (err)
			dt_bpf_map_delete(l->map_fd, &moved->key);
	}
	if (err) {
		free(moved);
		return err;
	}
	e->created_ns = moved->created_ns;
	e->rtt_us = moved->rtt_us;
	e->resets = moved->resets;
	lease_end(l, lease);
	return 0;
}

int dt_lease_table_renew(struct dt_lease_table *l, struct dt_lease_entry *e, unsigned client_max)
{
	struct lease *lease = find_target(l, e);
	bool stays = lease && ntohs(lease->key.dpt_be16) == e->dpt;

	if (!stays)
		lease = find_held(l, e);
	if (!lease)
		return -ENOENT;
	/* a reload may have lowered the quota: renewals are where it takes effect */
	if (holder_find(l, e->client_id)->count > client_max) {
		lease_end(l, lease);
		return -EDQUOT;
	}
	return stays ? lease_extend(l, lease, e) : lease_move(l, lease, e);
}

static struct lease *find_flow(const struct dt_lease_table *l, const struct dt_ip *client,
			       const struct dt_endpoint *relay)
{
	struct dt_lease_entry e = {.client = *client, .relay = relay->ip};
	struct dt_lease_key key = key_of(&e, relay->port);

	return find_key(l, &key);
}

void dt_lease_table_note_reset(struct dt_lease_table *l, const struct dt_ip *client, const struct dt_endpoint *relay)
{
	struct lease *lease = find_flow(l, client, relay);

	if (lease)
		lease->resets++;
}

void dt_lease_table_note_rtt(struct dt_lease_table *l, const struct dt_ip *client, const struct dt_endpoint *relay,
			     uint32_t rtt_us)
{
	struct lease *lease = find_flow(l, client, relay);

	if (!lease)
		return;
	/* a lost SYN that was sent again makes it longer, nothing makes it shorter: the smaller value counts at once */
	if (lease->rtt_us == 0 || rtt_us < lease->rtt_us)
		lease->rtt_us = rtt_us;
	else
		lease->rtt_us += (rtt_us - lease->rtt_us) / 8;
}

int dt_lease_table_release(struct dt_lease_table *l, const struct dt_lease_entry *e)
{
	struct lease *lease = find_target(l, e);

	if (!lease || ntohs(lease->key.dpt_be16) != e->dpt)
		return -ENOENT;
	lease_end(l, lease);
	return 0;
}

uint64_t dt_lease_table_expire(struct dt_lease_table *l, uint64_t now_ns)
{
	struct lease *lease, *tmp;
	uint64_t next = DT_NEVER;

	HASH_ITER(by_target, l->by_target, lease, tmp) {
		if (lease->expires_ns <= now_ns)
			lease_end(l, lease);
		else if (lease->expires_ns < next)
			next = lease->expires_ns;
	}
	return next;
}

void dt_lease_table_check_begin(struct dt_lease_table *l)
{
	l->check = l->by_target;
}

bool dt_lease_table_check_step(struct dt_lease_table *l, bool (*doomed)(const struct dt_lease_entry *e, void *data),
			       void *data, uint64_t until_ns, size_t *removed)
{
	while (l->check) {
		struct lease *lease = l->check;
		struct dt_lease_entry e = entry_of(lease);

		l->check = lease->by_target.next;
		if (doomed(&e, data)) {
			lease_end(l, lease);
			++*removed;
		}
		if (dt_now_ns() >= until_ns)
			break;
	}
	return l->check;
}

size_t dt_lease_table_remove_if(struct dt_lease_table *l, bool (*doomed)(const struct dt_lease_entry *e, void *data),
				void *data)
{
	size_t removed = 0;

	dt_lease_table_check_begin(l);
	dt_lease_table_check_step(l, doomed, data, DT_NEVER, &removed);
	return removed;
}

bool dt_lease_table_port_is_free(const struct dt_lease_table *l, uint16_t port)
{
	return !l->uses[port] && !l->reserved[port];
}

void dt_lease_table_reserve(struct dt_lease_table *l, uint16_t port, bool reserved)
{
	l->reserved[port] += reserved ? 1 : -1; /* one for each of the relay's addresses */
}

struct dt_port_range dt_lease_table_ports(const struct dt_lease_table *l)
{
	return l->ports;
}

size_t dt_lease_table_count(const struct dt_lease_table *l)
{
	return HASH_CNT(by_key, l->by_key);
}

size_t dt_lease_table_count_client(const struct dt_lease_table *l, uint64_t client_id)
{
	const struct holder *h = holder_find(l, client_id);

	return h ? h->count : 0;
}
