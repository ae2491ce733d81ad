/* SPDX-License-Identifier: GPL-2.0-or-later */
/* client.conf, parsed and judged. */
#ifndef DETOURD_PM_CONFIG_H
#define DETOURD_PM_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/log.h"
#include "base/key.h"
#include "pm/who.h"

#define DT_CLIENT_CONFIG_PATH "/etc/detourd/client.conf"
#define DT_CLIENT_CONTROL_PATH "/run/detourd/client.sock"
/* Routing tables of tunnels: this one for the first relay, the next for the second ... */
#define DT_TUNNEL_TABLE_DEFAULT 45672
#define DT_TUNNEL_PRIORITY_DEFAULT 4567
#define DT_MAX_DETOURS_DEFAULT 2
#define DT_MAX_DETOURS_LIMIT 8
/* detour-after */
#define DT_DETOUR_AFTER_MS_DEFAULT 500
#define DT_DETOUR_AFTER_BYTES_DEFAULT 64000

enum dt_carrier { DT_CARRIER_NAT, DT_CARRIER_WIREGUARD, DT_CARRIER_AUTO, DT_CARRIER_DIRECT };

/* [relay NAME] */
struct dt_relay_conf {
	char *name;
	char *host; /* numeric address or host name, without brackets */
	uint16_t port;
	uint8_t public_key[DT_KEY_LEN];
	enum dt_carrier carrier;
	char *wireguard_device; /* NULL: from the name */
	bool by_rule_tunnel;	/* a rule wants WireGuard over it, whatever its own carrier */
	bool backup;		/* its detours carry data only while nothing else does */
};

/* [interface NAME] */
struct dt_interface_conf {
	char *name;
	bool backup;
};

/* detour-after: a connection has detours once it has lived so long, or moved so much, whichever comes first. */
struct dt_detour_after {
	bool given;
	uint64_t ms;	/* UINT64_MAX: not by time */
	uint64_t bytes; /* UINT64_MAX: not by bytes */
};

/* [mptcp] */
struct dt_mptcp_conf {
	bool enable;
	struct dt_who chosen; /* whose sockets become MPTCP; empty: everybody's */
	struct dt_who except;
};

/* [rule NAME]; an empty list matches everything. */
struct dt_rule_conf {
	char *name;
	struct dt_prefix *destinations;
	size_t ndestinations;
	struct dt_port_range *ports;
	size_t nports;
	struct dt_who who;
	int detours; /* -1: not given, max-detours holds */
	int carrier; /* enum dt_carrier; -1: not given, the relay's holds */
	bool backup;
	struct dt_detour_after after;
	size_t *relays; /* indexes into relays, in order of preference; none: all */
	size_t nrelays;
};

struct dt_client_config {
	struct dt_keypair keys;
	unsigned max_detours;
	struct dt_detour_after after;
	struct dt_mptcp_conf mptcp;
	unsigned tunnel_table;
	unsigned tunnel_priority; /* of the rules that look it up */
	char *control;
	char *state;	      /* where the history is kept; NULL: nowhere */
	bool choose_measured; /* relays by what was measured of them; else in the file's order */
	enum dt_log_level log_level;
	struct dt_relay_conf *relays;
	size_t nrelays;
	struct dt_rule_conf *rules;
	size_t nrules;
	char **interfaces; /* patterns (fnmatch) of those with plain subflows of their own */
	size_t ninterfaces;
	struct dt_interface_conf *interface_confs;
	size_t ninterface_confs;
};

/* Prints every error as file:line:column: reason on stderr. -EINVAL if there was any; *out then untouched. */
int dt_client_config_load(struct dt_client_config **out, const char *path);
/* The same from memory, printing to errors; files that the text names are not read (keys stay zero). */
int dt_client_config_parse(struct dt_client_config **out, const char *name, const char *text, size_t len, FILE *errors);
/* Its place in `interfaces`; ninterfaces: not named there. */
size_t dt_interface_rank(const struct dt_client_config *config, const char *name);
/* Looks up the cgroups that rules and [mptcp] name; true if one of [mptcp]'s changed. */
bool dt_client_config_resolve(struct dt_client_config *config, int cgroup_root_fd);
/* Does `interfaces` name it? */
bool dt_interface_is_named(const struct dt_client_config *config, const char *name);
void dt_client_config_free(struct dt_client_config *config);

#endif
