/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by load.c, values.c and rules.c while client.conf is parsed. */
#ifndef DETOURD_PM_CONF_PARSE_H
#define DETOURD_PM_CONF_PARSE_H

#include "base/config.h"
#include "base/config_keys.h"
#include "pm/conf/client_conf.h"

/* A relay named in a rule. Looked up at the end, because [relay] sections may follow the rule. */
struct dt_relay_name {
	size_t rule;
	char *name;
	struct dt_config_pos pos;
};

struct dt_client_parse {
	struct dt_client_config *config;
	struct dt_config_pos *interface_pos; /* of each [interface NAME] */
	size_t ninterface_pos;
	/* of each [relay NAME], [rule NAME], and of [mptcp] */
	struct dt_relay_places {
		struct dt_config_pos endpoint, device;
	} * relay_pos;
	size_t nrelay_pos;
	struct dt_config_pos *rule_pos;
	size_t nrule_pos;
	struct dt_config_pos convert_pos; /* of the value in [client] */
	struct dt_config_pos mptcp_pos;
	bool mptcp_enable_given;
	struct dt_config_public_keys relay_keys;
	struct dt_relay_name *names;
	size_t nnames;
};

/* "nat", "wireguard" or "auto"; false: another word, and the error was reported. */
bool dt_carrier_parse(struct dt_config *c, const char *value, enum dt_carrier *out);
/* "no", "auto" or "always"; false: another word, and the error was reported. */
bool dt_convert_mode_parse(struct dt_config *c, const char *value, enum dt_convert_mode *out);
/* One value of detour-after: "500ms", "2s", "256kB", "1MB", or "0" for at once. */
void dt_detour_after_parse(struct dt_config *c, const char *value, struct dt_detour_after *after);

/* [rule NAME] and [mptcp] */
extern const struct dt_config_key dt_rule_keys[11], dt_mptcp_keys[7];
void *dt_rule_open(struct dt_config *c, void *root, const char *name);
void *dt_mptcp_open(struct dt_config *c, void *root, const char *name);
/* After the whole file: looks up the relays named in rules, and marks those that need a tunnel because of a rule. */
void dt_rules_resolve_relays(struct dt_config *c, struct dt_client_parse *p);
/* Warns of rules that can never match, and of [mptcp] that does nothing. */
void dt_rules_warn(struct dt_config *c, const struct dt_client_parse *p);
void dt_rules_parse_fini(struct dt_client_parse *p);

#endif
