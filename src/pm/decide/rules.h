/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the rule that applies to a connection, and what it allows. Pure. */
#ifndef DETOURD_PM_DECIDE_RULES_H
#define DETOURD_PM_DECIDE_RULES_H

#include "pm/conf/client_conf.h"

struct dt_plan {
	const struct dt_rule_conf *rule; /* NULL: none matched */
	unsigned detours;
	const size_t *relays; /* in order of preference; NULL: all, in file order */
	size_t nrelays;
	int carrier; /* enum dt_carrier; -1: the relay's own */
	bool backup; /* false: the relay's own setting holds */
	struct dt_detour_after after;
	enum dt_convert_mode convert;
	bool untold; /* no relay may learn of the destination, so detours is 0: see dt_plan_may_tell() */
};

/* First match wins. origin NULL (unknown): rules with user, cgroup or program do not match. */
struct dt_plan dt_rules_plan(const struct dt_client_config *config, const struct dt_endpoint *remote,
			     const struct dt_origin *origin);
/*
 * What all connections to this server may have, whoever opens them: a converter is chosen before that is known. The mode is
 * the most restrained of the rules that could match first; *plan is that of a connection of an unknown program.
 */
enum dt_convert_mode dt_rules_convert(const struct dt_client_config *config, const struct dt_endpoint *server,
				      struct dt_plan *plan);
/*
 * Relays may learn that the connection has a server at this address. Private and other special-purpose addresses mean
 * nothing to a relay elsewhere, and tell how the user's own network is made. So they are told only if the destinations
 * of the plan's rule have a prefix that contains the address and is special-purpose itself.
 */
bool dt_plan_may_tell(const struct dt_plan *plan, const struct dt_ip *server);
/* The index in the configuration of the plan's relay number i. i must be less than nrelays. */
size_t dt_plan_relay(const struct dt_plan *plan, size_t i);
/* The plan contains the relay with this index in the configuration. */
bool dt_plan_has_relay(const struct dt_plan *plan, size_t index);

#endif
