/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may use the relay: the [client NAME] sections in force, their keys and limits. A client that a reload leaves out
 * loses its rights and its leases, and is dropped. Its flows are ended in steps after that; until then its name stays known.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bpf.h"
#include "relay/relay.h"

#define REQUESTS_MORE 100

static struct dt_client_limits limits_of(const struct dt_peer_conf *conf)
{
	/* a handshake is short: an eighth of the flows, but at least 64, may be half-open */
	uint32_t half_open = conf->max_flows / 8 > 64 ? conf->max_flows / 8 : 64;

	return (struct dt_client_limits){
		.max_flows = conf->max_flows,
		.max_half_open = half_open < conf->max_flows ? half_open : conf->max_flows,
		.max_new_flows = conf->max_new_flows,
		.rate = conf->max_rate_bps / 8,
		.bucket_ns = dt_rate_bucket_ns(conf->max_rate_bps),
		.flags = conf->plain_tcp ? DT_CLIENT_PLAIN_TCP : 0,
	};
}

static int client_permit(struct dt_relay *r, struct dt_relay_client *c)
{
	struct dt_client_limits limits = limits_of(c->conf);
	int err = dt_flows_client_add(r->flows, c->id);

	if (err)
		return err;
	/* detourd asks for each lease less often than once a second */
	dt_relay_peer_limit(c->peer, c->conf->max_leases + REQUESTS_MORE, 2 * (c->conf->max_leases + REQUESTS_MORE));
	if (memcmp(&limits, &c->limits, sizeof(limits)) == 0)
		return 0;
	err = bpf_map_update_elem(dt_dataplane_fd(r->dataplane, DT_MAP_CLIENTS), &c->id, &limits, BPF_ANY);
	if (err == 0)
		c->limits = limits;
	return err;
}

const struct dt_relay_client *dt_relay_client_find(const struct dt_relay *r, uint64_t id)
{
	struct dt_relay_client *c;

	HASH_FIND(hh, r->clients, &id, sizeof(id), c);
	return c;
}

const struct dt_peer_conf *dt_relay_client_conf(const struct dt_relay *r, uint64_t id)
{
	const struct dt_relay_client *c = dt_relay_client_find(r, id);

	return c ? c->conf : NULL;
}

/* A client that a reload took away. */
struct dt_relay_gone {
	uint64_t id;
	char *name;
	UT_hash_handle hh;
};

static void gone_note(struct dt_relay *r, const struct dt_relay_client *c)
{
	struct dt_relay_gone *gone;

	HASH_FIND(hh, r->gone, &c->id, sizeof(c->id), gone);
	if (gone)
		return;
	gone = calloc(1, sizeof(*gone));
	if (!gone)
		return;
	gone->id = c->id;
	gone->name = strdup(c->conf->name);
	HASH_ADD(hh, r->gone, id, sizeof(gone->id), gone);
}

void dt_relay_gone_forget(struct dt_relay *r)
{
	struct dt_relay_gone *gone, *tmp;

	HASH_ITER(hh, r->gone, gone, tmp) {
		HASH_DELETE(hh, r->gone, gone);
		free(gone->name);
		free(gone);
	}
}

const char *dt_relay_client_name(const struct dt_relay *r, uint64_t id)
{
	const struct dt_peer_conf *conf = dt_relay_client_conf(r, id);
	const struct dt_relay_gone *gone;

	if (conf)
		return conf->name;
	HASH_FIND(hh, r->gone, &id, sizeof(id), gone);
	return gone ? gone->name : NULL;
}

bool dt_relay_client_permitted(uint64_t id, void *relay)
{
	const struct dt_relay_client *c = dt_relay_client_find(relay, id);

	return c && !c->revoked;
}

static int client_add(struct dt_relay *r, const struct dt_peer_conf *conf)
{
	struct dt_relay_client *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->conf = conf;
	err = dt_relay_proto_peer_add(r->proto, conf->public_key, c, &c->peer);
	if (err) {
		dt_log_err("client %s: %s", conf->name, strerror(-err));
		free(c);
		return err;
	}
	c->id = dt_relay_peer_id(c->peer);
	HASH_ADD(hh, r->clients, id, sizeof(c->id), c);
	err = client_permit(r, c);
	if (err)
		dt_log_err("client %s: cannot set its limits: %s", conf->name, strerror(-err));
	return err;
}

static void client_drop(struct dt_relay *r, struct dt_relay_client *c)
{
	HASH_DELETE(hh, r->clients, c);
	dt_relay_proto_peer_remove(r->proto, c->peer);
	free(c);
}

static int limits_prune_one(const void *key, void *relay)
{
	const struct dt_relay *r = relay;
	uint64_t id;

	memcpy(&id, key, sizeof(id));
	if (dt_relay_client_permitted(id, relay))
		return 0;
	dt_bpf_map_delete(dt_dataplane_fd(r->dataplane, DT_MAP_SHARES), key);
	return dt_bpf_map_delete(dt_dataplane_fd(r->dataplane, DT_MAP_CLIENTS), key);
}

/* Removes the limits of clients that are gone or revoked: BPF opens no flow for a client without limits. Logs. */
static int limits_prune(struct dt_relay *r)
{
	int err = dt_bpf_map_walk(dt_dataplane_fd(r->dataplane, DT_MAP_CLIENTS), sizeof(uint64_t), limits_prune_one, r);

	if (err)
		dt_log_err("cannot take the permission from clients that are gone: %s", strerror(-err));
	return err;
}

/*
 * Half of the source ports towards each server are divided among the clients, the other half is for whoever needs it. With
 * more clients than that has ports, all is for all. Logs.
 */
static int shares_store(struct dt_relay *r, const struct dt_port_range *range)
{
	int fd = dt_dataplane_fd(r->dataplane, DT_MAP_SHARES), err = 0;
	unsigned size = range->max - range->min + 1U, count = 0, own, first;

	for (const struct dt_relay_client *c = r->clients; c; c = c->hh.next)
		count += !c->revoked;
	own = count ? size / 2 / count : 0;
	first = size - own * count;
	for (struct dt_relay_client *c = r->clients; err == 0 && c; c = c->hh.next) {
		struct dt_port_share share = {0};

		if (c->revoked)
			continue;
		if (own)
			share = (struct dt_port_share){(uint16_t)(size - own * count), (uint16_t)first, (uint16_t)own,
						       0};
		first += own;
		if (c->share_known && memcmp(&share, &c->share, sizeof(share)) == 0)
			continue;
		err = own ? bpf_map_update_elem(fd, &c->id, &share, BPF_ANY) : dt_bpf_map_delete(fd, &c->id);
		c->share_known = err == 0;
		c->share = share;
	}
	if (err)
		dt_log_err("cannot divide the source ports among the clients: %s", strerror(-err));
	return err;
}

int dt_relay_clients_open(struct dt_relay *r)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < r->config->nclients; i++)
		err = client_add(r, &r->config->clients[i]);
	if (err == 0)
		err = shares_store(r, &r->config->source_ports);
	return err ? err : limits_prune(r);
}

void dt_relay_clients_close(struct dt_relay *r)
{
	while (r->clients)
		client_drop(r, r->clients);
	dt_relay_gone_forget(r);
}

/* The sections of a new configuration by public key. */
struct section {
	const struct dt_peer_conf *conf;
	bool known; /* a client has it already */
	UT_hash_handle hh;
};

static struct section *sections_index(const struct dt_relay_config *config, struct section **index)
{
	struct section *all = calloc(config->nclients + 1, sizeof(*all));

	*index = NULL;
	for (size_t i = 0; all && i < config->nclients; i++) {
		all[i].conf = &config->clients[i];
		HASH_ADD_KEYPTR(hh, *index, all[i].conf->public_key, DT_KEY_LEN, &all[i]);
	}
	return all;
}

static int known_replace(struct dt_relay *r, struct section *index)
{
	int err = 0;

	for (struct dt_relay_client *c = r->clients; c; c = c->hh.next) {
		struct section *section;

		HASH_FIND(hh, index, c->conf->public_key, DT_KEY_LEN, section);
		c->revoked = !section;
		if (!section)
			continue;
		section->known = true;
		c->conf = section->conf;
		if (err == 0)
			err = client_permit(r, c);
	}
	return err;
}

static bool is_any_revoked(const struct dt_relay *r)
{
	for (const struct dt_relay_client *c = r->clients; c; c = c->hh.next)
		if (c->revoked)
			return true;
	return false;
}

int dt_relay_clients_replace(struct dt_relay *r, const struct dt_relay_config *fresh)
{
	struct section *index, *all = sections_index(fresh, &index);
	int err, pruned;

	/* revoked ones would keep pointing into the old configuration */
	if (!all)
		dt_memory_exhausted("clients");
	err = known_replace(r, index);
	for (size_t i = 0; err == 0 && i < fresh->nclients; i++)
		if (!all[i].known)
			err = client_add(r, all[i].conf);
	HASH_CLEAR(hh, index);
	free(all);
	if (err == 0)
		err = shares_store(r, &fresh->source_ports);
	pruned = is_any_revoked(r) ? limits_prune(r) : 0;
	if (r->tunnels)
		dt_tunnels_keep_if(r->tunnels, dt_relay_client_permitted, r);
	return err ? err : pruned;
}

void dt_relay_clients_drop_revoked(struct dt_relay *r)
{
	struct dt_relay_client *c = r->clients, *next;

	for (; c; c = next) {
		next = c->hh.next;
		if (!c->revoked)
			continue;
		gone_note(r, c);
		client_drop(r, c);
	}
}
