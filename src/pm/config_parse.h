/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What config.c and config_rules.c share while client.conf is parsed. */
#ifndef DETOURD_PM_CONFIG_PARSE_H
#define DETOURD_PM_CONFIG_PARSE_H

#include "base/config.h"
#include "pm/config.h"

/* A rule's relay, by name, until all relays are known. */
struct dt_relay_name {
	size_t rule;
	char *name;
	struct dt_config_pos pos;
};

struct dt_client_parse {
	struct dt_client_config *config;
	struct dt_config_pos *interface_pos; /* of each [interface NAME] */
	size_t ninterface_pos;
	struct dt_config_pos *relay_key_pos; /* of each relay's public-key */
	size_t nrelay_key_pos;
	struct dt_relay_name *names;
	size_t nnames;
};

/* nat, wireguard or auto; false: none of them, which is reported. */
bool dt_carrier_parse(struct dt_config *c, const char *value, enum dt_carrier *out);
/* One value of detour-after: "500ms", "2s", "256kB", "1MB", "0": at once. */
void dt_detour_after_parse(struct dt_config *c, const char *value, struct dt_detour_after *after);

/* [rule NAME] and [mptcp] */
extern const struct dt_config_key dt_rule_keys[10], dt_mptcp_keys[7];
void *dt_rule_open(struct dt_config *c, void *root, const char *name);
void *dt_mptcp_open(struct dt_config *c, void *root, const char *name);
/* Once all relays are known: those that rules name, and which of them need a tunnel because of a rule. */
void dt_rules_resolve_relays(struct dt_config *c, struct dt_client_parse *p);
void dt_rules_parse_fini(struct dt_client_parse *p);

#endif
