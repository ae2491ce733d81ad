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
#include "relay/lease_table.h"

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

static size_t closed_max(const struct dt_converter_closed_ports *p)
{
	struct dt_port_range range = dt_lease_table_ports(p->ports);
	size_t quarter = (size_t)(range.max - range.min + 1) / 4;

	return quarter < CLOSED_MAX ? quarter : CLOSED_MAX;
}

static void closed_free(struct dt_converter_closed_ports *p, struct dt_converter_closed *c)
{
	DL_DELETE(p->list, c);
	p->count--;
	close(c->fd);
	free(c);
}

bool dt_converter_closed_drop(struct dt_converter_closed_ports *p)
{
	struct dt_converter_closed *c = p->list;

	if (!c)
		return false;
	dt_bpf_map_delete(p->map_fd, &c->key);
	dt_lease_table_reserve(p->ports, ntohs(c->key.dpt_be16), false);
	closed_free(p, c);
	return true;
}

bool dt_converter_closed_add(struct dt_converter_closed_ports *p, const struct dt_converter_key *key,
			     const struct dt_endpoint *at)
{
	struct dt_converter_closed *c;
	int fd;

	if (closed_max(p) == 0)
		return false;
	fd = port_hold(at);
	if (fd < 0)
		return false;
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return false;
	}
	c->key = *key;
	c->fd = fd;
	c->until_ns = dt_now_ns() + CLOSED_NS;
	while (p->count >= closed_max(p))
		dt_converter_closed_drop(p);
	DL_APPEND(p->list, c);
	p->count++;
	return true;
}

void dt_converter_closed_tick(struct dt_converter_closed_ports *p, uint64_t now_ns)
{
	while (p->list && p->list->until_ns <= now_ns)
		dt_converter_closed_drop(p);
}

void dt_converter_closed_fini(struct dt_converter_closed_ports *p)
{
	while (p->list)
		closed_free(p, p->list);
}
