/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/converter_closed.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "base/bpf.h"
#include "base/clock.h"

/* A client knows within some seconds that the lease has ended; its first SYN after that may be repeated for long. */
#define CLOSED_NS (60 * DT_SEC)
#define CLOSED_MAX 1024

struct dt_converter_closed {
	struct dt_converter_key key;
	int fd;
	uint64_t until_ns;
	struct dt_converter_closed *prev, *next;
};

/* Bound, and not listening. Nobody else can listen there meanwhile. -1: the port is taken. */
static int port_hold(const struct dt_endpoint *at)
{
	struct sockaddr_storage sa;
	socklen_t len = dt_endpoint_to_sockaddr(at, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP), on = 1, off = 0;

	if (fd < 0)
		return -1;
	/* the lease's last connections may be in TIME_WAIT */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sa, len) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof(off)) == 0)
		return fd;
	close(fd);
	return -1;
}

static size_t closed_max(const struct dt_converter_leases *l)
{
	struct dt_port_range range = dt_lease_table_ports(l->ports);
	size_t quarter = (size_t)(range.max - range.min + 1) / 4;

	return quarter < CLOSED_MAX ? quarter : CLOSED_MAX;
}

static void closed_free(struct dt_converter_leases *l, struct dt_converter_closed *c)
{
	DL_DELETE(l->closed, c);
	l->nclosed--;
	close(c->fd);
	free(c);
}

bool dt_converter_closed_drop(struct dt_converter_leases *l)
{
	struct dt_converter_closed *c = l->closed;

	if (!c)
		return false;
	dt_bpf_map_delete(l->map_fd, &c->key);
	dt_lease_table_reserve(l->ports, ntohs(c->key.dpt_be16), false);
	closed_free(l, c);
	return true;
}

bool dt_converter_closed_add(struct dt_converter_leases *l, const struct dt_converter_lease *lease)
{
	struct dt_endpoint at = dt_converter_lease_relay(lease);
	struct dt_converter_closed *c;

	if (closed_max(l) == 0)
		return false;
	c = calloc(1, sizeof(*c));
	if (!c)
		return false;
	c->key = lease->key;
	c->fd = port_hold(&at);
	c->until_ns = dt_now_ns() + CLOSED_NS;
	if (c->fd < 0 || dt_converter_lease_store_closed(l, lease) < 0) {
		if (c->fd >= 0)
			close(c->fd);
		free(c);
		return false;
	}
	while (l->nclosed >= closed_max(l))
		dt_converter_closed_drop(l);
	DL_APPEND(l->closed, c);
	l->nclosed++;
	return true;
}

void dt_converter_closed_tick(struct dt_converter_leases *l, uint64_t now_ns)
{
	while (l->closed && l->closed->until_ns <= now_ns)
		dt_converter_closed_drop(l);
}

void dt_converter_closed_fini(struct dt_converter_leases *l)
{
	while (l->closed)
		closed_free(l, l->closed);
}
