/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/ports.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/log.h"
#include "net/sock_diag.h"
#include "net/sock_owner.h"
#include "relay/maps.h"

struct check {
	const struct dt_relay_config *config, *old;
	bool refused;
	unsigned connections;
	struct dt_endpoint connection; /* the first */
};

static const char *range_of(const struct dt_relay_config *config, uint16_t port, const struct dt_port_range **out)
{
	bool leases = dt_port_range_contains(&config->ports, port);

	*out = leases ? &config->ports : &config->source_ports;
	if (leases)
		return "ports";
	return dt_port_range_contains(&config->source_ports, port) ? "source-ports" : NULL;
}

static int socket_take(const struct dt_tcp_sample *s, void *data)
{
	struct check *c = data;
	const struct dt_port_range *range, *old_range;
	const char *name = range_of(c->config, s->local.port, &range);
	char at[DT_ENDPOINT_STRLEN], owner[DT_SOCK_OWNER_STRLEN];
	bool known;

	if (!name || dt_ip_is_loopback(&s->local.ip)) /* nat.bpf is not on lo */
		return 0;
	if (dt_maps_have_converter(c->config->pins, &s->local))
		return 0; /* a converter's */
	if (s->state != TCP_LISTEN) {
		if (c->connections++ == 0)
			c->connection = s->local;
		return 0;
	}
	known = c->old && range_of(c->old, s->local.port, &old_range);
	c->refused |= !known;
	dt_endpoint_format(&s->local, at);
	dt_log(known ? DT_LOG_WARN : DT_LOG_ERR,
	       "%s listens on TCP %s, which is in %s = %u-%u: the relay would take its packets; stop it, or choose "
	       "another range",
	       dt_sock_owner(s->inode, s->uid, owner), at, name, range->min, range->max);
	return 0;
}

int dt_ports_check(const struct dt_relay_config *config, const struct dt_relay_config *old)
{
	struct check c = {.config = config, .old = old};
	char at[DT_ENDPOINT_STRLEN];
	struct dt_netlink nl;
	int err = dt_netlink_open(&nl, NETLINK_SOCK_DIAG);

	if (err == 0) {
		err = dt_sock_diag_dump(&nl, socket_take, &c);
		dt_netlink_close(&nl);
	}
	if (err)
		dt_log_warn("cannot see whether something listens in ports or source-ports: %s", strerror(-err));
	if (c.connections) {
		dt_endpoint_format(&c.connection, at);
		dt_log_warn("connections of this host use ports of the relay's ranges; no flow gets their ports "
			    "connections=%u first=%s",
			    c.connections, at);
	}
	return c.refused ? -EADDRINUSE : 0;
}
