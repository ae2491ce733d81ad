/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/conf/shadow.h"

#include <string.h>

/* 0.0.0.0/0 and ::/0 together are everything. */
static bool destinations_all(const struct dt_rule_conf *rule)
{
	bool v4 = false, v6 = false;

	for (size_t i = 0; i < rule->ndestinations; i++) {
		v4 = v4 || (dt_prefix_family(&rule->destinations[i]) == 4 && rule->destinations[i].len == 96);
		v6 = v6 || rule->destinations[i].len == 0;
	}
	return rule->ndestinations == 0 || (v4 && v6);
}

static bool destination_covered(const struct dt_rule_conf *rule, const struct dt_prefix *prefix)
{
	for (size_t i = 0; i < rule->ndestinations; i++)
		if (rule->destinations[i].len <= prefix->len && dt_prefix_contains(&rule->destinations[i], &prefix->ip))
			return true;
	return false;
}

static bool destinations_cover(const struct dt_rule_conf *first, const struct dt_rule_conf *second)
{
	if (destinations_all(first))
		return true;
	for (size_t i = 0; i < second->ndestinations; i++)
		if (!destination_covered(first, &second->destinations[i]))
			return false;
	return second->ndestinations > 0;
}

/* The ranges may stand in any order, and continue each other. */
static bool range_covered(const struct dt_rule_conf *rule, const struct dt_port_range *range)
{
	unsigned next = range->min; /* all below are covered */
	bool more = true;

	while (more && next <= range->max) {
		more = false;
		for (size_t i = 0; i < rule->nports; i++)
			if (rule->ports[i].min <= next && rule->ports[i].max >= next) {
				next = rule->ports[i].max + 1u;
				more = true;
			}
	}
	return next > range->max;
}

static bool ports_cover(const struct dt_rule_conf *first, const struct dt_rule_conf *second)
{
	static const struct dt_port_range all = {1, 65535};

	if (first->nports == 0)
		return true;
	if (second->nports == 0)
		return range_covered(first, &all);
	for (size_t i = 0; i < second->nports; i++)
		if (!range_covered(first, &second->ports[i]))
			return false;
	return true;
}

/* --- who --------------------------------------------------------------------------------------- */

static bool user_covered(const struct dt_who *who, uint32_t uid)
{
	for (size_t i = 0; i < who->nuids; i++)
		if (who->uids[i] == uid)
			return true;
	return false;
}

static bool is_below(const char *path, const char *above)
{
	size_t len = strlen(above);

	while (len && above[len - 1] == '/')
		len--;
	return strncmp(path, above, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static bool cgroup_covered(const struct dt_who *who, const char *path)
{
	for (size_t i = 0; i < who->ncgroups; i++)
		if (is_below(path, who->cgroups[i].path))
			return true;
	return false;
}

static bool program_covered(const struct dt_who *who, const char *program)
{
	for (size_t i = 0; i < who->nprograms; i++)
		if (strcmp(who->programs[i], program) == 0)
			return true;
	return false;
}

/* Each list of the first that is not empty must have all of the second's. */
static bool who_covers(const struct dt_who *first, const struct dt_who *second)
{
	if ((first->nuids && !second->nuids) || (first->ncgroups && !second->ncgroups) ||
	    (first->nprograms && !second->nprograms))
		return false;
	for (size_t i = 0; first->nuids && i < second->nuids; i++)
		if (!user_covered(first, second->uids[i]))
			return false;
	for (size_t i = 0; first->ncgroups && i < second->ncgroups; i++)
		if (!cgroup_covered(first, second->cgroups[i].path))
			return false;
	for (size_t i = 0; first->nprograms && i < second->nprograms; i++)
		if (!program_covered(first, second->programs[i]))
			return false;
	return true;
}

bool dt_rule_covers(const struct dt_rule_conf *first, const struct dt_rule_conf *second)
{
	return destinations_cover(first, second) && ports_cover(first, second) && who_covers(&first->who, &second->who);
}
