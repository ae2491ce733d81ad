/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/decide/rules.h"

#include "base/special.h"

static bool rule_is_about(const struct dt_rule_conf *rule, const struct dt_endpoint *remote)
{
	bool destination = rule->ndestinations == 0, port = rule->nports == 0;

	for (size_t i = 0; !destination && i < rule->ndestinations; i++)
		destination = dt_prefix_contains(&rule->destinations[i], &remote->ip);
	for (size_t i = 0; !port && i < rule->nports; i++)
		port = dt_port_range_contains(&rule->ports[i], remote->port);
	return destination && port;
}

static bool rule_matches(const struct dt_rule_conf *rule, const struct dt_endpoint *remote,
			 const struct dt_origin *origin)
{
	return rule_is_about(rule, remote) && dt_who_matches(&rule->who, origin);
}

struct dt_plan dt_rules_plan(const struct dt_client_config *config, const struct dt_endpoint *remote,
			     const struct dt_origin *origin)
{
	struct dt_plan plan = {.detours = config->max_detours,
			       .nrelays = config->nrelays,
			       .carrier = -1,
			       .after = config->after,
			       .convert = config->convert};

	for (size_t i = 0; i < config->nrules; i++) {
		const struct dt_rule_conf *rule = &config->rules[i];

		if (!rule_matches(rule, remote, origin))
			continue;
		plan.rule = rule;
		plan.carrier = rule->carrier;
		plan.backup = rule->backup;
		if (rule->after.given)
			plan.after = rule->after;
		if (rule->convert >= 0)
			plan.convert = (enum dt_convert_mode)rule->convert;
		if (rule->detours >= 0)
			plan.detours = (unsigned)rule->detours;
		if (rule->nrelays) {
			plan.relays = rule->relays;
			plan.nrelays = rule->nrelays;
		}
		break;
	}
	plan.untold = !dt_plan_may_tell(&plan, &remote->ip);
	if (plan.untold)
		plan.detours = 0;
	return plan;
}

enum dt_convert_mode dt_rules_convert(const struct dt_client_config *config, const struct dt_endpoint *server,
				      struct dt_plan *plan)
{
	enum dt_convert_mode mode;

	*plan = dt_rules_plan(config, server, NULL);
	mode = dt_plan_may_tell(plan, &server->ip) ? plan->convert : DT_CONVERT_NO;
	for (size_t i = 0; i < config->nrules && &config->rules[i] != plan->rule; i++) {
		const struct dt_rule_conf *rule = &config->rules[i];
		enum dt_convert_mode its = rule->convert < 0 ? config->convert : (enum dt_convert_mode)rule->convert;

		/* of some user, cgroup or program: it may match before */
		if (rule_is_about(rule, server) && its < mode)
			mode = its;
	}
	return mode;
}

bool dt_plan_may_tell(const struct dt_plan *plan, const struct dt_ip *server)
{
	if (!dt_special_has(server))
		return true;
	for (size_t i = 0; plan->rule && i < plan->rule->ndestinations; i++)
		if (dt_prefix_contains(&plan->rule->destinations[i], server) &&
		    dt_special_covers(&plan->rule->destinations[i]))
			return true;
	return false;
}

size_t dt_plan_relay(const struct dt_plan *plan, size_t i)
{
	return plan->relays ? plan->relays[i] : i;
}

bool dt_plan_has_relay(const struct dt_plan *plan, size_t index)
{
	for (size_t i = 0; i < plan->nrelays; i++)
		if (dt_plan_relay(plan, i) == index)
			return true;
	return false;
}
