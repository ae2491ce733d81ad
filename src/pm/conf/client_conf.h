/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The contents of client.conf, and the defaults. load.c reads the file. */
#ifndef DETOURD_PM_CONF_CLIENT_CONF_H
#define DETOURD_PM_CONF_CLIENT_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/log.h"
#include "base/key.h"
#include "pm/conf/who.h"
#include "web/place.h"

#define DT_CLIENT_CONFIG_PATH "/etc/detourd/client.conf"
#define DT_CLIENT_CONTROL_PATH "/run/detourd/client.sock"
/* Routing table of the first relay's tunnel. The second relay has the next number, and so on. */
#define DT_TUNNEL_TABLE_DEFAULT 45672
#define DT_TUNNEL_PRIORITY_DEFAULT 4567
#define DT_MAX_DETOURS_DEFAULT 2
#define DT_MAX_DETOURS_LIMIT 8
/* detour-after */
#define DT_DETOUR_AFTER_MS_DEFAULT 500
#define DT_DETOUR_AFTER_BYTES_DEFAULT 64000

enum dt_carrier { DT_CARRIER_NAT, DT_CARRIER_WIREGUARD, DT_CARRIER_AUTO, DT_CARRIER_DIRECT };
/* The word used in the configuration and by `status`. */
const char *dt_carrier_name(enum dt_carrier carrier);

/* Are connections to servers without MPTCP sent to a relay that converts them? */
enum dt_convert_mode {
	DT_CONVERT_NO,
	DT_CONVERT_AUTO,   /* to those that turned out to have none */
	DT_CONVERT_ALWAYS, /* to any, once a lease is there */
};

/* [relay NAME] */
struct dt_relay_conf {
	char *name;
	char *host; /* numeric address or host name, without brackets */
	uint16_t port;
	uint8_t public_key[DT_KEY_LEN];
	enum dt_carrier carrier;
	char *wireguard_device; /* NULL: the name is made from the relay's name */
	bool by_rule_tunnel;	/* a rule uses WireGuard over this relay, so it needs a tunnel whatever its carrier */
	bool backup;		/* its detours are backup subflows (RFC 8684, 3.3.8) */
};

/* [interface NAME] */
struct dt_interface_conf {
	char *name;
	bool backup;
};

/* detour-after: a connection gets detours once it is this old or has moved this many bytes, whichever comes first. */
struct dt_detour_after {
	bool given;
	uint64_t ms;	/* UINT64_MAX: age does not count */
	uint64_t bytes; /* UINT64_MAX: bytes do not count */
};

/* [mptcp] */
struct dt_mptcp_conf {
	bool enable;
	struct dt_who chosen; /* whose sockets become MPTCP; empty: everyone's */
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
	int detours; /* -1: not given, use max-detours */
	int carrier; /* enum dt_carrier; -1: not given, use the relay's */
	bool backup;
	int convert; /* enum dt_convert_mode; -1: not given, use [client]'s */
	struct dt_detour_after after;
	size_t *relays; /* indexes into relays, in order of preference; none: all */
	size_t nrelays;
};

struct dt_client_config {
	struct dt_keypair keys;
	unsigned max_detours;
	struct dt_detour_after after;
	enum dt_convert_mode convert;
	struct dt_mptcp_conf mptcp;
	unsigned tunnel_table;
	unsigned tunnel_priority; /* of the routing rules that lead to the tunnels' tables */
	char *control;
	struct dt_web_place metrics;
	char *state;	      /* file with the history; NULL: it is not stored */
	bool choose_measured; /* order relays by what was measured; false: in the order of this file */
	enum dt_log_level log_level;
	struct dt_relay_conf *relays;
	size_t nrelays;
	struct dt_rule_conf *rules;
	size_t nrules;
	char **interfaces; /* patterns (fnmatch) of interfaces that get plain subflows */
	size_t ninterfaces;
	struct dt_interface_conf *interface_confs;
	size_t ninterface_confs;
};

/*
 * With the files of the directory beside it, which hold [relay NAME] sections (dt_config_beside()). Prints each error and
 * warning to stderr as file:line:column: reason. -EINVAL if there was an error; -ENOMEM. Then *out is untouched.
 */
int dt_client_config_load(struct dt_client_config **out, const char *path);
/* Also says whether this machine has what the file names. strict: a warning is an error. */
int dt_client_config_judge(struct dt_client_config **out, const char *path, bool strict);
/* Parses text in memory and prints errors to `errors`. Files named in the text are not read, so keys stay zero. */
int dt_client_config_parse(struct dt_client_config **out, const char *name, const char *text, size_t len, FILE *errors);
/* Index of the first pattern in `interfaces` that matches this name; ninterfaces: none does. */
size_t dt_interface_rank(const struct dt_client_config *config, const char *name);
/* Looks up the ids of the cgroups in rules and [mptcp]. True: one of [mptcp]'s changed. */
bool dt_client_config_resolve(struct dt_client_config *config, int cgroup_root_fd);
bool dt_interface_is_named(const struct dt_client_config *config, const char *name);
void dt_client_config_free(struct dt_client_config *config);

#endif
