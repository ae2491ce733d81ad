/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the doctor's checks share. Each file of this folder is one subject; they add what they find to `found`. */
#ifndef DETOURD_CLI_DOCTOR_CONTEXT_H
#define DETOURD_CLI_DOCTOR_CONTEXT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/addr.h"
#include "cli/doctor/finding.h"
#include "net/network.h"
#include "pm/conf/client_conf.h"
#include "relay/config.h"

struct dt_doctor {
	bool relay; /* the mode that is examined */
	const char *config_path;
	bool config_asked; /* on the command line */
	struct dt_findings found;
	/* the configuration, NULL: absent or wrong; at most one of both */
	struct dt_client_config *client;
	struct dt_relay_config *server;
	json_t *status;	 /* of the running daemon; NULL: it does not run, or does not answer */
	long daemon_pid; /* 0: not known */
	bool daemon_runs;
	struct dt_network network; /* zeroed: cannot be read */
};

/* The mode's service, as systemctl names it. */
const char *dt_doctor_unit(const struct dt_doctor *d);
const char *dt_doctor_control(const struct dt_doctor *d);

/* config.c: reads the configuration. The daemon's part of it is checked by others. */
void dt_doctor_config(struct dt_doctor *d);
/* daemon.c: asks the daemon for its status. */
void dt_doctor_daemon(struct dt_doctor *d);
/* rights.c: what the daemon may do and use. */
void dt_doctor_permission(struct dt_doctor *d);
void dt_doctor_rights(struct dt_doctor *d);
/* kernel.c */
void dt_doctor_kernel(struct dt_doctor *d);
/* mptcp.c: the client's kernel settings, and rivals. */
void dt_doctor_mptcp(struct dt_doctor *d);
/* nat.c: what the relay's NAT needs of the kernel and the interfaces. */
void dt_doctor_nat(struct dt_doctor *d);
/* ports.c: who else uses the relay's ports. */
void dt_doctor_ports(struct dt_doctor *d);
/* network.c: routes, addresses, MTU. */
void dt_doctor_network(struct dt_doctor *d);
/* firewall.c: rules of nftables that drop detourd's packets. */
void dt_doctor_firewall(struct dt_doctor *d);
/* legacy.c: rules of iptables-legacy. */
void dt_doctor_legacy(struct dt_doctor *d);
/* relays.c: the client's relays, one by one. */
void dt_doctor_relays(struct dt_doctor *d);
/* requests.c: what the relay was asked for and refused. */
void dt_doctor_requests(struct dt_doctor *d);
/* servers.c: what the client learnt of servers. */
void dt_doctor_servers(struct dt_doctor *d);
/* tunnel.c: what WireGuard needs. */
void dt_doctor_tunnel(struct dt_doctor *d);

#endif
