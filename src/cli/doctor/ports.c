/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who else uses the relay's ports: TCP listeners within its ranges, and UDP sockets where it wants to listen. */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#include "cli/doctor/context.h"
#include "net/sock_diag.h"
#include "net/sock_owner.h"
#include "relay/maps.h"

static int listener_take(const struct dt_tcp_sample *s, void *data)
{
	struct dt_doctor *d = data;
	const struct dt_relay_config *config = d->server;
	bool leases = dt_port_range_contains(&config->ports, s->local.port);
	char at[DT_ENDPOINT_STRLEN], owner[DT_SOCK_OWNER_STRLEN];

	if (s->state != TCP_LISTEN || dt_ip_is_loopback(&s->local.ip) ||
	    (!leases && !dt_port_range_contains(&config->source_ports, s->local.port)))
		return 0;
	if (dt_maps_have_converter(config->pins, &s->local))
		return 0; /* a converter lease of the relay itself */
	dt_finding_add(&d->found, DT_FIND_LISTENER, leases ? "ports" : "source-ports",
		       "%s listens on TCP %s, which is in %s = %u-%u", dt_sock_owner(s->inode, s->uid, owner),
		       dt_endpoint_format(&s->local, at), leases ? "ports" : "source-ports",
		       leases ? config->ports.min : config->source_ports.min,
		       leases ? config->ports.max : config->source_ports.max);
	return 0;
}

/* The first UDP socket on this port, of a line of /proc/net/udp or udp6. False: none. */
static bool udp_find(const char *path, unsigned port, uint32_t *uid, uint32_t *inode)
{
	FILE *stream = fopen(path, "re");
	char line[512];
	unsigned at;
	bool found = false;

	while (stream && !found && fgets(line, sizeof(line), stream))
		found = sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*s %*s %*s %*s %*s %u %*u %u", &at, uid, inode) == 3 &&
			at == port;
	if (stream)
		fclose(stream);
	return found;
}

static void udp_check(struct dt_doctor *d, unsigned port, const char *what)
{
	char owner[DT_SOCK_OWNER_STRLEN];
	uint32_t uid, inode;

	if (port &&
	    (udp_find("/proc/self/net/udp", port, &uid, &inode) || udp_find("/proc/self/net/udp6", port, &uid, &inode)))
		dt_finding_add(&d->found, DT_FIND_PORT_TAKEN, d->config_path, "%s uses UDP port %u, which is %s",
			       dt_sock_owner(inode, uid, owner), port, what);
}

void dt_doctor_ports(struct dt_doctor *d)
{
	unsigned errors = d->found.count[DT_ERROR];
	struct dt_netlink nl;

	if (!d->server)
		return;
	if (dt_netlink_open(&nl, NETLINK_SOCK_DIAG) == 0) {
		dt_sock_diag_dump(&nl, listener_take, d);
		dt_netlink_close(&nl);
	}
	/* a relay that runs has them itself */
	if (!d->daemon_runs) {
		for (size_t i = 0; i < d->server->nlisten; i++)
			if (i == 0 || d->server->listen[i].port != d->server->listen[i - 1].port)
				udp_check(d, d->server->listen[i].port, "the relay's to listen on");
		udp_check(d, d->server->wireguard_port, "its wireguard-port");
	}
	if (errors == d->found.count[DT_ERROR])
		dt_finding_fine(&d->found, "ports", "nobody else uses the relay's ports");
}
