/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/converter_leases.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bpf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define BACKLOG 1024
#define PORT_TRIES 64

/* --- tables ------------------------------------------------------------------------------------ */

struct dt_converter_client *dt_converter_client_find(const struct dt_converter_leases *l, uint64_t id)
{
	struct dt_converter_client *client;

	HASH_FIND(hh, l->clients, &id, sizeof(id), client);
	return client;
}

struct dt_converter_client *dt_converter_client_get(struct dt_converter_leases *l, uint64_t id)
{
	struct dt_converter_client *client = dt_converter_client_find(l, id);

	if (client)
		return client;
	client = calloc(1, sizeof(*client));
	if (!client)
		dt_memory_exhausted("clients");
	client->id = id;
	HASH_ADD(hh, l->clients, id, sizeof(client->id), client);
	return client;
}

/* A new process counts from zero: then nothing is known yet. */
static uint64_t rate_bps(uint64_t before, uint64_t now, uint64_t ns)
{
	return now > before && ns ? (uint64_t)((double)(now - before) * 8 * DT_SEC / (double)ns) : 0;
}

void dt_converter_clients_rate(struct dt_converter_leases *l, uint64_t now_ns)
{
	for (struct dt_converter_client *client = l->clients; client; client = client->hh.next) {
		const struct dt_converter_totals *totals = &client->totals;
		struct dt_converter_rates *r = &client->rates;

		if (r->at_ns) {
			r->up_bps = rate_bps(r->bytes_up, totals->bytes_up, now_ns - r->at_ns);
			r->down_bps = rate_bps(r->bytes_down, totals->bytes_down, now_ns - r->at_ns);
		}
		r->bytes_up = totals->bytes_up;
		r->bytes_down = totals->bytes_down;
		r->at_ns = now_ns;
	}
}

static struct dt_converter_key key_of(const struct dt_endpoint *relay)
{
	struct dt_converter_key key;

	memset(&key, 0, sizeof(key));
	key.relay = relay->ip;
	key.dpt_be16 = htons(relay->port);
	return key;
}

struct dt_endpoint dt_converter_lease_relay(const struct dt_converter_lease *lease)
{
	return (struct dt_endpoint){lease->key.relay, ntohs(lease->key.dpt_be16)};
}

struct dt_converter_lease *dt_converter_lease_at(const struct dt_converter_leases *l, const struct dt_endpoint *relay)
{
	struct dt_converter_key key = key_of(relay);
	struct dt_converter_lease *lease;

	HASH_FIND(by_key, l->by_key, &key, sizeof(key), lease);
	return lease;
}

struct dt_converter_lease *dt_converter_lease_of(const struct dt_converter_leases *l, const struct dt_lease_entry *e)
{
	struct dt_lease_target target = dt_lease_target_of(e);
	struct dt_converter_lease *lease;

	HASH_FIND(by_target, l->by_target, &target, sizeof(target), lease);
	return lease;
}

struct dt_lease_entry dt_converter_lease_entry(const struct dt_converter_lease *lease)
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
	};
}

static int store(const struct dt_converter_leases *l, const struct dt_converter_lease *lease, bool closed)
{
	struct dt_converter value;

	memset(&value, 0, sizeof(value));
	value.client = lease->target.client;
	value.client_id = lease->target.client_id;
	value.closed = closed;
	value.expires_ns = lease->is_over || closed ? 0 : lease->expires_ns;
	value.created_ns = lease->created_ns;
	value.server = lease->target.server;
	value.rpt_be16 = htons(lease->target.rpt);
	return bpf_map_update_elem(l->map_fd, &lease->key, &value, BPF_ANY);
}

int dt_converter_lease_store(const struct dt_converter_leases *l, const struct dt_converter_lease *lease)
{
	return store(l, lease, false);
}

static void lease_index(struct dt_converter_leases *l, struct dt_converter_lease *lease)
{
	HASH_ADD(by_key, l->by_key, key, sizeof(lease->key), lease);
	if (!lease->is_over)
		HASH_ADD(by_target, l->by_target, target, sizeof(lease->target), lease);
	dt_converter_client_get(l, lease->target.client_id)->leases++;
	dt_lease_table_reserve(l->ports, ntohs(lease->key.dpt_be16), true);
}

void dt_converter_lease_free(struct dt_converter_leases *l, struct dt_converter_lease *lease)
{
	struct dt_endpoint at = dt_converter_lease_relay(lease);
	int err = 0;

	if (!lease->is_over)
		HASH_DELETE(by_target, l->by_target, lease);
	HASH_DELETE(by_key, l->by_key, lease);
	dt_converter_client_get(l, lease->target.client_id)->leases--;
	if (lease->fd >= 0)
		close(lease->fd);
	if (store(l, lease, true) < 0 || !dt_converter_closed_add(&l->closed, &lease->key, &at)) {
		err = dt_bpf_map_delete(l->map_fd, &lease->key);
		dt_lease_table_reserve(l->ports, ntohs(lease->key.dpt_be16), false);
	}
	if (err)
		dt_log_warn("cannot delete a converter lease, it ends by its time: %s", strerror(-err));
	free(lease);
}

/* A listening MPTCP socket; -EADDRINUSE: another program has the port. */
static int socket_open(const struct dt_endpoint *at)
{
	struct sockaddr_storage sa;
	socklen_t len = dt_endpoint_to_sockaddr(at, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_MPTCP), on = 1, err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sa, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* A random port that nobody has, with its socket. */
static int port_open(struct dt_converter_leases *l, struct dt_converter_lease *lease)
{
	struct dt_port_range range = dt_lease_table_ports(l->ports);
	uint32_t count = (uint32_t)(range.max - range.min) + 1;
	struct dt_endpoint at = {lease->target.relay, 0};

	for (int i = 0; i < PORT_TRIES; i++) {
		at.port = (uint16_t)(range.min + randombytes_uniform(count));
		if (!dt_lease_table_port_is_free(l->ports, at.port))
			continue;
		lease->fd = socket_open(&at);
		if (lease->fd == -EADDRINUSE)
			continue;
		lease->key = key_of(&at);
		return lease->fd < 0 ? lease->fd : 0;
	}
	return -EADDRNOTAVAIL;
}

int dt_converter_lease_make(struct dt_converter_leases *l, const struct dt_lease_entry *e,
			    struct dt_converter_lease **out)
{
	struct dt_converter_lease *lease = calloc(1, sizeof(*lease));
	int err;

	if (!lease)
		return -ENOMEM;
	lease->target = dt_lease_target_of(e);
	lease->expires_ns = e->expires_ns;
	lease->created_ns = e->created_ns;
	do
		err = port_open(l, lease);
	while (err == -EADDRNOTAVAIL && dt_converter_closed_drop(&l->closed));
	if (err == 0) {
		do
			err = dt_converter_lease_store(l, lease);
		while (err == -E2BIG && dt_converter_closed_drop(&l->closed));
		if (err)
			close(lease->fd);
	}
	if (err) {
		free(lease);
		return err;
	}
	lease_index(l, lease);
	*out = lease;
	return 0;
}

/* Is this the socket that the lease should have? */
static bool is_socket_of(const struct dt_converter_lease *lease, int fd)
{
	struct dt_endpoint at, wanted = dt_converter_lease_relay(lease);
	int listens = 0, protocol = 0;
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa), size = sizeof(int);

	return getsockname(fd, (struct sockaddr *)&sa, &len) == 0 &&
	       dt_endpoint_from_sockaddr(&at, (struct sockaddr *)&sa) == 0 && dt_endpoint_equal(&at, &wanted) &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens &&
	       getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 && protocol == IPPROTO_MPTCP;
}

static int lease_fill(const struct dt_converter_leases *l, struct dt_converter_lease *lease,
		      const struct dt_endpoint *relay)
{
	struct dt_converter value;

	lease->key = key_of(relay);
	if (dt_converter_lease_at(l, relay) || bpf_map_lookup_elem(l->map_fd, &lease->key, &value) < 0 ||
	    !is_socket_of(lease, lease->fd))
		return -ENOENT;
	lease->target.client_id = value.client_id;
	lease->target.client = value.client;
	lease->target.relay = relay->ip;
	lease->target.server = value.server;
	lease->target.rpt = ntohs(value.rpt_be16);
	lease->expires_ns = value.expires_ns;
	lease->created_ns = value.created_ns;
	lease->is_over = value.expires_ns == 0;
	lease->is_told = lease->is_over;
	return 0;
}

int dt_converter_lease_adopt(struct dt_converter_leases *l, const struct dt_endpoint *relay, int fd, bool special)
{
	struct dt_converter_lease *lease = calloc(1, sizeof(*lease));
	int err;

	if (!lease)
		dt_memory_exhausted("leases");
	lease->fd = fd;
	lease->special = special;
	err = lease_fill(l, lease, relay);
	if ((err || lease->is_over) && fd >= 0) {
		close(fd);
		lease->fd = -1;
	}
	if (err)
		free(lease);
	else
		lease_index(l, lease);
	return err;
}

void dt_converter_lease_over(struct dt_converter_leases *l, struct dt_converter_lease *lease)
{
	HASH_DELETE(by_target, l->by_target, lease);
	lease->is_over = true;
	close(lease->fd);
	lease->fd = -1;
	lease->is_told = false;
}

void dt_converter_leases_drop(struct dt_converter_leases *l)
{
	struct dt_converter_lease *lease, *next;

	HASH_ITER(by_key, l->by_key, lease, next)
		dt_converter_lease_free(l, lease);
}

static int entry_prune(const void *key, void *data)
{
	struct dt_converter_leases *l = data;
	struct dt_converter_lease *lease;

	HASH_FIND(by_key, l->by_key, key, sizeof(struct dt_converter_key), lease);
	return lease ? 0 : dt_bpf_map_delete(l->map_fd, key);
}

int dt_converter_leases_prune(struct dt_converter_leases *l)
{
	return dt_bpf_map_walk(l->map_fd, sizeof(struct dt_converter_key), entry_prune, l);
}

void dt_converter_leases_fini(struct dt_converter_leases *l)
{
	struct dt_converter_lease *lease, *next;
	struct dt_converter_client *client, *tmp;

	dt_converter_closed_fini(&l->closed);
	HASH_ITER(by_key, l->by_key, lease, next) {
		if (!lease->is_over)
			HASH_DELETE(by_target, l->by_target, lease);
		HASH_DELETE(by_key, l->by_key, lease);
		if (lease->fd >= 0)
			close(lease->fd);
		free(lease);
	}
	HASH_ITER(hh, l->clients, client, tmp) {
		HASH_DELETE(hh, l->clients, client);
		free(client);
	}
}
