/* SPDX-License-Identifier: GPL-2.0-or-later */
/* relay.conf, parsed and checked. */
#ifndef DETOURD_RELAY_CONFIG_H
#define DETOURD_RELAY_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/log.h"
#include "base/key.h"
#include "web/place.h"

#define DT_RELAY_CONFIG_PATH "/etc/detourd/relay.conf"
#define DT_RELAY_CONTROL_PATH "/run/detourd/relay.sock"
#define DT_RELAY_WIREGUARD_DEVICE "dt-relay"
#define DT_RELAY_PINS "/sys/fs/bpf/detourd/relay"
#define DT_RELAY_STATE "/var/lib/detourd/relay.state"
#define DT_FLOWLOG_STDERR "-"

/* One item of address = LOCAL [as PUBLIC]; public equals local where "as" is absent. */
struct dt_nat_address {
	struct dt_ip local;
	struct dt_ip public;
};

/* [client NAME] */
struct dt_peer_conf {
	char *name;
	uint8_t public_key[DT_KEY_LEN];
	unsigned max_leases;	 /* default 256 */
	unsigned max_flows;	 /* default 4096 */
	unsigned max_new_flows;	 /* a second, default 50 */
	uint64_t max_rate_bps;	 /* each direction, default 10 Gbit/s */
	bool plain_tcp;		 /* default no */
	bool convert;		 /* default no */
	struct dt_prefix *allow; /* narrow the relay's lists; an empty allow list permits everything */
	size_t nallow;
	struct dt_prefix *deny;
	size_t ndeny;
};

struct dt_relay_config {
	struct dt_keypair keys;
	struct dt_endpoint *listen; /* default 0.0.0.0:45672, [::]:45672 */
	size_t nlisten;
	struct dt_nat_address *addresses; /* as written; none: those of the default routes */
	size_t naddresses;
	struct dt_port_range ports;	   /* default 50000-59999 */
	struct dt_port_range source_ports; /* default 40000-49999; disjoint from ports */
	char *interface;		   /* glob of interfaces nat.bpf is attached to; default "*", never lo */
	struct dt_prefix *allow;
	size_t nallow;
	struct dt_prefix *deny;
	size_t ndeny;
	unsigned max_leases;	  /* relay-wide, default 65536 */
	unsigned max_flows;	  /* relay-wide, default 131072 */
	uint64_t max_rate_bps;	  /* relay-wide, each direction, default 40 Gbit/s */
	unsigned drain_timeout_s; /* default 3600 */
	char *pins;
	char *control;
	struct dt_web_place metrics;
	char *state; /* file with who joined by invitation; relay/invitations.h */
	enum dt_log_level log_level;
	char *log_flows;	 /* NULL: none; DT_FLOWLOG_STDERR; or a path */
	uint16_t wireguard_port; /* UDP; 0: no tunnels */
	char *wireguard_device;	 /* default dt-relay */
	struct dt_peer_conf *clients;
	size_t nclients;
};

/* Limits as they are by default, all else zero. */
void dt_peer_conf_init(struct dt_peer_conf *client);

/* Prints every error as file:line:column: reason on stderr. -EINVAL: there was one; -ENOMEM. *out is then untouched. */
int dt_relay_config_load(struct dt_relay_config **out, const char *path);
/* Also says whether this machine has what the file names. strict: a warning is an error. */
int dt_relay_config_judge(struct dt_relay_config **out, const char *path, bool strict);
/* The same for text in memory, printing to errors. Key files are not read: keys stay zero. */
int dt_relay_config_parse(struct dt_relay_config **out, const char *name, const char *text, size_t len, FILE *errors);
void dt_relay_config_free(struct dt_relay_config *config);

#endif
