/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may use the relay: the [client NAME] sections in force, their keys and limits. One that a reload leaves out is
 * first without rights, so that its leases and flows end while its name is still known, then dropped.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay/relay.h"

#define REQUESTS_MORE 100

static struct dt_client_limits limits_of(const struct dt_peer_conf *conf)
{
	/* a handshake is short: an eighth of the flows may be in one, but 64 at least */
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

static int client_permit(struct dt_relay *r, const struct dt_relay_client *c)
{
	struct dt_client_limits limits = limits_of(c->conf);
	int err = dt_flows_client_add(r->flows, c->id);

	if (err)
		return err;
	/* each lease asked after once a second is more than any client of ours does */
	dt_relay_peer_limit(c->peer, c->conf->max_leases + REQUESTS_MORE, 2 * (c->conf->max_leases + REQUESTS_MORE));
	return bpf_map_update_elem(dt_dataplane_fd(r->dataplane, DT_MAP_CLIENTS), &c->id, &limits, BPF_ANY);
}

static struct dt_relay_client *client_find(const struct dt_relay *r, uint64_t id)
{
	struct dt_relay_client *c = r->clients;

	while (c && c->id != id)
		c = c->next;
	return c;
}

const struct dt_peer_conf *dt_relay_client_conf(const struct dt_relay *r, uint64_t id)
{
	const struct dt_relay_client *c = client_find(r, id);

	return c ? c->conf : NULL;
}

bool dt_relay_client_permitted(uint64_t id, void *relay)
{
	const struct dt_relay_client *c = client_find(relay, id);

	return c && !c->revoked;
}

static int client_add(struct dt_relay *r, const struct dt_peer_conf *conf)
{
	struct dt_relay_client *c = calloc(1, sizeof(*c)), **tail = &r->clients;
	int err;

	if (!c)
		return -ENOMEM;
	c->conf = conf;
	err = dt_relay_proto_peer_add(r->proto, conf->public_key, c, &c->peer);
	if (err) {
		dt_log_err("client %s: %s", conf->name,
			   err == -EKEYREJECTED ? "this public key is weak, make another with detourd genkey"
						: strerror(-err));
		free(c);
		return err;
	}
	c->id = dt_relay_peer_id(c->peer);
	while (*tail)
		tail = &(*tail)->next;
	*tail = c;
	err = client_permit(r, c);
	if (err)
		dt_log_err("client %s: cannot set its limits: %s", conf->name, strerror(-err));
	return err;
}

static void client_drop(struct dt_relay *r, struct dt_relay_client *c)
{
	struct dt_relay_client **at = &r->clients;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	dt_relay_proto_peer_remove(r->proto, c->peer);
	free(c);
}

/* Entries of clients that no longer are; BPF opens no flow without one. */
static void limits_prune(struct dt_relay *r)
{
	int fd = dt_dataplane_fd(r->dataplane, DT_MAP_CLIENTS);
	uint64_t key, next;
	bool more = bpf_map_get_next_key(fd, NULL, &next) == 0;

	while (more) {
		key = next;
		more = bpf_map_get_next_key(fd, &key, &next) == 0;
		if (!dt_relay_client_permitted(key, r))
			bpf_map_delete_elem(fd, &key);
	}
}

int dt_relay_clients_open(struct dt_relay *r)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < r->config->nclients; i++)
		err = client_add(r, &r->config->clients[i]);
	if (err == 0)
		limits_prune(r);
	return err;
}

void dt_relay_clients_close(struct dt_relay *r)
{
	while (r->clients)
		client_drop(r, r->clients);
}

int dt_relay_clients_check(const struct dt_relay_config *config)
{
	struct dt_pair_keys keys;

	for (size_t i = 0; i < config->nclients; i++)
		if (dt_pair_keys_relay(&keys, &config->keys, config->clients[i].public_key) < 0) {
			dt_log_err("client %s: this public key is weak, make another with detourd genkey",
				   config->clients[i].name);
			return -EKEYREJECTED;
		}
	return 0;
}

static const struct dt_peer_conf *peer_conf_find(const struct dt_relay_config *config, const uint8_t *key)
{
	for (size_t i = 0; i < config->nclients; i++)
		if (memcmp(config->clients[i].public_key, key, DT_KEY_LEN) == 0)
			return &config->clients[i];
	return NULL;
}

int dt_relay_clients_replace(struct dt_relay *r, const struct dt_relay_config *fresh)
{
	struct dt_relay_client *c;
	int err = 0;

	for (c = r->clients; c; c = c->next) {
		const struct dt_peer_conf *conf = peer_conf_find(fresh, c->conf->public_key);

		c->revoked = !conf;
		if (!conf)
			continue;
		c->conf = conf;
		if (err == 0)
			err = client_permit(r, c);
	}
	for (size_t i = 0; err == 0 && i < fresh->nclients; i++) {
		for (c = r->clients; c && c->conf != &fresh->clients[i]; c = c->next)
			;
		if (!c)
			err = client_add(r, &fresh->clients[i]);
	}
	limits_prune(r);
	if (r->tunnels)
		dt_tunnels_keep_if(r->tunnels, dt_relay_client_permitted, r);
	return err;
}

void dt_relay_clients_drop_revoked(struct dt_relay *r)
{
	struct dt_relay_client *c = r->clients, *next;

	for (; c; c = next) {
		next = c->next;
		if (c->revoked)
			client_drop(r, c);
	}
}
