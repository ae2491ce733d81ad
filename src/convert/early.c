/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "convert/early.h"

#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

#include "base/clock.h"
#include "convert/connect.h"

/* Of one lease. Whoever forges the client's address can have no more made. */
#define EARLY_MAX 32
/* As long as a SYN-ACK is sent again; the server sees a reset then. */
#define EARLY_NS (5 * DT_SEC)
#define PORT_NS (1 * DT_SEC) /* a flow of the NAT may have it then */

/* It was accepted already: this process was told of the SYN late. */
static bool has_come(const struct dt_copy_lease *lease, const struct dt_endpoint *from)
{
	for (size_t i = 0; i < DT_COPY_CAME; i++)
		if (dt_endpoint_equal(&lease->came[i], from))
			return true;
	return false;
}

static struct dt_copy_early *find(const struct dt_copy_lease *lease, const struct dt_endpoint *from)
{
	struct dt_copy_early *e;

	DL_FOREACH(lease->early, e)
		if (dt_endpoint_equal(&e->from, from))
			return e;
	return NULL;
}

static void port_keep(struct dt_copy_lease *lease, uint16_t port)
{
	if (port && lease->nports < DT_COPY_PORTS)
		lease->ports[lease->nports++] = (struct dt_copy_port){port, lease->copier->now_ns};
}

uint16_t dt_early_port(struct dt_copy_lease *lease)
{
	const struct dt_copy_port *p;

	while (lease->nports > 0) {
		p = &lease->ports[--lease->nports];
		if (lease->copier->now_ns - p->at_ns < PORT_NS)
			return p->port;
	}
	return 0;
}

/* Leaves the socket to the caller. */
static int early_free(struct dt_copy_lease *lease, struct dt_copy_early *e)
{
	int fd = e->fd;

	DL_DELETE(lease->early, e);
	lease->nearly--;
	lease->copier->npairs--;
	free(e);
	return fd;
}

void dt_early_begin(struct dt_copy_lease *lease, const struct dt_endpoint *from, uint16_t port)
{
	struct dt_copy_early *e;

	e = lease->nearly < EARLY_MAX && !find(lease, from) && !has_come(lease, from) ? calloc(1, sizeof(*e)) : NULL;
	if (!e) {
		port_keep(lease, port);
		return;
	}
	/* what fails is told when the client's connection is there, and it fails again */
	if (dt_copy_connect(lease, port, &e->fd) < 0) {
		free(e);
		return;
	}
	e->from = *from;
	e->begun_ns = lease->copier->now_ns;
	DL_APPEND(lease->early, e);
	lease->nearly++;
	lease->copier->npairs++;
}

int dt_early_take(struct dt_copy_lease *lease, const struct dt_endpoint *from)
{
	struct dt_copy_early *e = find(lease, from);

	lease->came[lease->ncame++ % DT_COPY_CAME] = *from;
	return e ? early_free(lease, e) : -1;
}

void dt_early_tick(struct dt_copy_lease *lease)
{
	while (lease->early && lease->copier->now_ns - lease->early->begun_ns > EARLY_NS)
		close(early_free(lease, lease->early));
}

void dt_early_drop(struct dt_copy_lease *lease)
{
	while (lease->early)
		close(early_free(lease, lease->early));
}
