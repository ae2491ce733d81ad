/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sections of client.conf that choose traffic: [rule NAME] and [mptcp]. */
#include "base/nearest.h"
#include "pm/conf/parse.h"
#include "pm/conf/shadow.h"

#include <stdlib.h>
#include <string.h>

#include "detourd/maps.h"

/* --- [rule NAME] ------------------------------------------------------------------------------- */

static struct dt_rule_conf *last_rule(void *section)
{
	struct dt_client_config *config = ((struct dt_client_parse *)section)->config;

	return &config->rules[config->nrules - 1];
}

void *dt_rule_open(struct dt_config *c, void *root, const char *name)
{
	struct dt_client_parse *p = root;
	struct dt_rule_conf rule = {.detours = -1, .carrier = -1, .convert = -1};

	rule.name = dt_config_copy(c, name);
	if (!dt_config_append(c, &p->config->rules, &p->config->nrules, sizeof(rule), &rule)) {
		free(rule.name);
		return NULL;
	}
	return dt_config_append(c, &p->rule_pos, &p->nrule_pos, sizeof(c->pos), &c->pos) ? p : NULL;
}

static void take_destination(struct dt_config *c, void *section, const char *value)
{
	struct dt_rule_conf *rule = last_rule(section);
	struct dt_prefix prefix;

	if (dt_config_prefix(c, value, &prefix))
		dt_config_append(c, &rule->destinations, &rule->ndestinations, sizeof(prefix), &prefix);
}

static void take_port(struct dt_config *c, void *section, const char *value)
{
	struct dt_rule_conf *rule = last_rule(section);
	struct dt_port_range range;

	if (dt_config_ports(c, value, &range))
		dt_config_append(c, &rule->ports, &rule->nports, sizeof(range), &range);
}

static void take_detours(struct dt_config *c, void *section, const char *value)
{
	unsigned detours;

	if (dt_config_unsigned(c, value, 0, DT_MAX_DETOURS_LIMIT, &detours))
		last_rule(section)->detours = (int)detours;
}

static void take_relay(struct dt_config *c, void *section, const char *value)
{
	struct dt_client_parse *p = section;
	struct dt_relay_name name = {p->config->nrules - 1, dt_config_copy(c, value), c->pos};

	if (!dt_config_append(c, &p->names, &p->nnames, sizeof(name), &name))
		free(name.name);
}

static void take_rule_user(struct dt_config *c, void *section, const char *value)
{
	dt_who_take_user(c, &last_rule(section)->who, value);
}

static void take_rule_cgroup(struct dt_config *c, void *section, const char *value)
{
	dt_who_take_cgroup(c, &last_rule(section)->who, value);
}

static void take_rule_program(struct dt_config *c, void *section, const char *value)
{
	dt_who_take_program(c, &last_rule(section)->who, value);
}

static void take_rule_carrier(struct dt_config *c, void *section, const char *value)
{
	enum dt_carrier carrier;

	if (dt_carrier_parse(c, value, &carrier))
		last_rule(section)->carrier = (int)carrier;
}

static void take_rule_backup(struct dt_config *c, void *section, const char *value)
{
	dt_config_bool(c, value, &last_rule(section)->backup);
}

static void take_rule_detour_after(struct dt_config *c, void *section, const char *value)
{
	dt_detour_after_parse(c, value, &last_rule(section)->after);
}

static void take_rule_convert(struct dt_config *c, void *section, const char *value)
{
	enum dt_convert_mode mode;

	if (dt_convert_mode_parse(c, value, &mode))
		last_rule(section)->convert = (int)mode;
}

const struct dt_config_key dt_rule_keys[] = {
	{"destination", DT_CONFIG_LIST, false, take_destination},
	{"port", DT_CONFIG_LIST, false, take_port},
	{"detours", DT_CONFIG_ONE, false, take_detours},
	{"relays", DT_CONFIG_LIST, false, take_relay},
	{"user", DT_CONFIG_LIST, false, take_rule_user},
	{"cgroup", DT_CONFIG_LIST, false, take_rule_cgroup},
	{"program", DT_CONFIG_LIST, false, take_rule_program},
	{"carrier", DT_CONFIG_ONE, false, take_rule_carrier},
	{"backup", DT_CONFIG_ONE, false, take_rule_backup},
	{"detour-after", DT_CONFIG_LIST, false, take_rule_detour_after},
	{"convert", DT_CONFIG_ONE, false, take_rule_convert},
};

/* --- [mptcp] ----------------------------------------------------------------------------------- */

static struct dt_mptcp_conf *mptcp_of(void *section)
{
	return &((struct dt_client_parse *)section)->config->mptcp;
}

void *dt_mptcp_open(struct dt_config *c, void *root, const char *name)
{
	struct dt_client_parse *p = root;

	p->mptcp_pos = c->pos;
	return p;
}

static void take_mptcp_enable(struct dt_config *c, void *section, const char *value)
{
	struct dt_client_parse *p = section;

	p->mptcp_enable_given = true;
	dt_config_bool(c, value, &p->config->mptcp.enable);
}

/* n: entries of one kind. In the kernel one map holds both the chosen and the excepted. Reports an excess only once. */
static void mptcp_count_check(struct dt_config *c, size_t n)
{
	if (n == DT_MPTCPIFY_MAX + 1)
		dt_config_error(c, "too many entries (%d at most, exceptions included)", DT_MPTCPIFY_MAX);
}

static void take_mptcp_user(struct dt_config *c, void *section, const char *value)
{
	dt_who_take_user(c, &mptcp_of(section)->chosen, value);
	mptcp_count_check(c, mptcp_of(section)->chosen.nuids + mptcp_of(section)->except.nuids);
}

static void take_mptcp_cgroup(struct dt_config *c, void *section, const char *value)
{
	dt_who_take_cgroup(c, &mptcp_of(section)->chosen, value);
	mptcp_count_check(c, mptcp_of(section)->chosen.ncgroups + mptcp_of(section)->except.ncgroups);
}

static void take_mptcp_program(struct dt_config *c, void *section, const char *value)
{
	dt_who_take_program(c, &mptcp_of(section)->chosen, value);
	mptcp_count_check(c, mptcp_of(section)->chosen.nprograms + mptcp_of(section)->except.nprograms);
}

static void take_except_user(struct dt_config *c, void *section, const char *value)
{
	dt_who_take_user(c, &mptcp_of(section)->except, value);
	mptcp_count_check(c, mptcp_of(section)->chosen.nuids + mptcp_of(section)->except.nuids);
}

static void take_except_cgroup(struct dt_config *c, void *section, const char *value)
{
	dt_who_take_cgroup(c, &mptcp_of(section)->except, value);
	mptcp_count_check(c, mptcp_of(section)->chosen.ncgroups + mptcp_of(section)->except.ncgroups);
}

static void take_except_program(struct dt_config *c, void *section, const char *value)
{
	dt_who_take_program(c, &mptcp_of(section)->except, value);
	mptcp_count_check(c, mptcp_of(section)->chosen.nprograms + mptcp_of(section)->except.nprograms);
}

const struct dt_config_key dt_mptcp_keys[] = {
	{"enable", DT_CONFIG_ONE, false, take_mptcp_enable},
	{"user", DT_CONFIG_LIST, false, take_mptcp_user},
	{"cgroup", DT_CONFIG_LIST, false, take_mptcp_cgroup},
	{"program", DT_CONFIG_LIST, false, take_mptcp_program},
	{"except-user", DT_CONFIG_LIST, false, take_except_user},
	{"except-cgroup", DT_CONFIG_LIST, false, take_except_cgroup},
	{"except-program", DT_CONFIG_LIST, false, take_except_program},
};

/* --- after the whole file ---------------------------------------------------------------------- */

static void relay_unknown(struct dt_config *c, const struct dt_client_parse *p, const struct dt_relay_name *name)
{
	struct dt_nearest nearest = {.word = name->name};
	char meant[DT_NEAREST_PHRASE_MAX];

	for (size_t i = 0; i < p->config->nrelays; i++)
		dt_nearest_offer(&nearest, p->config->relays[i].name);
	dt_config_error_at(c, name->pos, "there is no [relay %s]%s", name->name, dt_nearest_phrase(&nearest, meant));
}

static void relay_names_resolve(struct dt_config *c, struct dt_client_parse *p)
{
	for (size_t i = 0; i < p->nnames; i++) {
		struct dt_rule_conf *rule = &p->config->rules[p->names[i].rule];
		size_t relay = 0;
		bool duplicate = false;

		while (relay < p->config->nrelays && strcmp(p->config->relays[relay].name, p->names[i].name) != 0)
			relay++;
		for (size_t k = 0; k < rule->nrelays; k++)
			duplicate = duplicate || rule->relays[k] == relay;
		if (relay == p->config->nrelays)
			relay_unknown(c, p, &p->names[i]);
		else if (duplicate)
			dt_config_error_at(c, p->names[i].pos, "duplicate relay %s", p->names[i].name);
		else
			dt_config_append(c, &rule->relays, &rule->nrelays, sizeof(relay), &relay);
	}
}

/* A rule may use WireGuard over a relay whose own carrier is nat. That relay then needs a tunnel. */
static void rule_tunnels_mark(struct dt_client_config *config)
{
	for (size_t i = 0; i < config->nrules; i++) {
		const struct dt_rule_conf *rule = &config->rules[i];

		if (rule->carrier != DT_CARRIER_WIREGUARD && rule->carrier != DT_CARRIER_AUTO)
			continue;
		for (size_t k = 0; k < rule->nrelays; k++)
			config->relays[rule->relays[k]].by_rule_tunnel = true;
		for (size_t k = 0; rule->nrelays == 0 && k < config->nrelays; k++)
			config->relays[k].by_rule_tunnel = true;
	}
}

void dt_rules_resolve_relays(struct dt_config *c, struct dt_client_parse *p)
{
	relay_names_resolve(c, p);
	rule_tunnels_mark(p->config);
}

/*
 * Does it ask for converting in vain? A rule of a user, cgroup or program can only take from what [client] and other rules
 * give: see dt_rules_convert().
 */
static bool is_convert_idle(const struct dt_client_config *config, const struct dt_rule_conf *rule)
{
	if (dt_who_is_empty(&rule->who) || rule->convert <= (int)config->convert)
		return false;
	for (size_t i = 0; i < config->nrules; i++)
		if (dt_who_is_empty(&config->rules[i].who) && config->rules[i].convert > rule->convert)
			return false;
	return true;
}

static void convert_warn(struct dt_config *c, const struct dt_client_parse *p)
{
	const struct dt_client_config *config = p->config;
	const struct dt_config_pos *asked = config->convert == DT_CONVERT_NO ? NULL : &p->convert_pos;

	for (size_t i = 0; i < p->nrule_pos; i++) {
		if (config->rules[i].convert <= DT_CONVERT_NO)
			continue;
		asked = asked ? asked : &p->rule_pos[i];
		if (is_convert_idle(config, &config->rules[i]))
			dt_config_warn_at(
				c, p->rule_pos[i],
				"its convert has no effect: when that is decided, it is not known who connects; "
				"set convert in [client] or in a rule of destinations and ports");
	}
	if (asked && config->nrelays == 0)
		dt_config_warn_at(c, *asked, "convert has no effect without a [relay NAME] that converts");
}

void dt_rules_warn(struct dt_config *c, const struct dt_client_parse *p)
{
	for (size_t i = 0; i < p->nrule_pos; i++)
		for (size_t k = 0; k < i; k++)
			if (dt_rule_covers(&p->config->rules[k], &p->config->rules[i])) {
				dt_config_warn_at(c, p->rule_pos[i],
						  "this rule never matches: [rule %s] before it matches all that it "
						  "would",
						  p->config->rules[k].name);
				break;
			}
	convert_warn(c, p);
	if (p->mptcp_pos.line && !p->mptcp_enable_given)
		dt_config_warn_at(c, p->mptcp_pos, "[mptcp] does nothing without enable = yes");
}

void dt_rules_parse_fini(struct dt_client_parse *p)
{
	free(p->rule_pos);
	for (size_t i = 0; i < p->nnames; i++)
		free(p->names[i].name);
	free(p->names);
}

bool dt_client_config_resolve(struct dt_client_config *config, int cgroup_root_fd)
{
	bool changed = dt_who_resolve(&config->mptcp.chosen, cgroup_root_fd);

	changed = dt_who_resolve(&config->mptcp.except, cgroup_root_fd) || changed;
	for (size_t i = 0; i < config->nrules; i++)
		dt_who_resolve(&config->rules[i].who, cgroup_root_fd);
	return changed;
}
