/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/pm.h"

static bool rule_matches(const struct dt_rule_conf *rule, const struct dt_endpoint *remote,
			 const struct dt_origin *origin)
{
	bool destination = rule->ndestinations == 0, port = rule->nports == 0;

	for (size_t i = 0; !destination && i < rule->ndestinations; i++)
		destination = dt_prefix_contains(&rule->destinations[i], &remote->ip);
	for (size_t i = 0; !port && i < rule->nports; i++)
		port = dt_port_range_contains(&rule->ports[i], remote->port);
	return destination && port && dt_who_matches(&rule->who, origin);
}

struct dt_plan dt_rules_plan(const struct dt_client_config *config, const struct dt_endpoint *remote,
			     const struct dt_origin *origin)
{
	struct dt_plan plan = {
		.detours = config->max_detours, .nrelays = config->nrelays, .carrier = -1, .after = config->after};

	for (size_t i = 0; i < config->nrules; i++) {
		const struct dt_rule_conf *rule = &config->rules[i];

		if (!rule_matches(rule, remote, origin))
			continue;
		plan.rule = rule;
		plan.carrier = rule->carrier;
		plan.backup = rule->backup;
		if (rule->after.given)
			plan.after = rule->after;
		if (rule->detours >= 0)
			plan.detours = (unsigned)rule->detours;
		if (rule->nrelays) {
			plan.relays = rule->relays;
			plan.nrelays = rule->nrelays;
		}
		break;
	}
	return plan;
}
