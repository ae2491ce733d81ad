/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where packets leave the host: its own default routes, and the rules and tables that the path manager adds. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "world.h"

#define RULES_MAX 128
#define TABLES_MAX 64

struct rule {
	bool used;
	bool specific; /* main, but for its default routes */
	struct dt_ip from;
	uint32_t table, priority;
};
static struct rule rules[RULES_MAX];

struct table {
	bool used;
	unsigned family;
	uint32_t table, ifindex;
};
static struct table tables[TABLES_MAX];
static struct table unreachable[TABLES_MAX]; /* tables that end so */

/* The kernel takes a link's routes with it, not the rules. */
void host_tables_drop(uint32_t ifindex)
{
	for (size_t i = 0; i < TABLES_MAX; i++)
		if (tables[i].used && tables[i].ifindex == ifindex)
			tables[i].used = false;
}

/* --- routing ----------------------------------------------------------------------------------- */

/* Networks that links are in are /24 and /64. */
static bool same_network(const struct dt_ip *a, const struct dt_ip *b)
{
	return dt_ip_family(a) == dt_ip_family(b) && memcmp(a->b, b->b, dt_ip_is_v4(a) ? 15 : 8) == 0;
}

static struct host_link *main_specific(const struct dt_ip *to)
{
	for (size_t i = 0; i < WORLD_LINKS; i++)
		for (size_t k = 0; host_link_is_running(&world.links[i]) && k < world.links[i].naddresses; k++)
			if (same_network(&world.links[i].addresses[k].ip, to))
				return &world.links[i];
	return NULL;
}

static struct host_link *main_default(unsigned family)
{
	struct host_link *best = NULL;

	for (size_t i = 0; i < WORLD_LINKS; i++)
		if (host_link_is_running(&world.links[i]) && host_link_has_default(&world.links[i], family) &&
		    (!best || world.links[i].metric < best->metric))
			best = &world.links[i];
	return best;
}

static struct host_link *table_default(uint32_t table, unsigned family)
{
	for (size_t i = 0; i < TABLES_MAX; i++)
		if (tables[i].used && tables[i].table == table && tables[i].family == family) {
			struct host_link *l = host_link_at(tables[i].ifindex);

			return l && host_link_is_running(l) ? l : NULL;
		}
	return NULL;
}

static bool table_ends(uint32_t table, unsigned family)
{
	for (size_t i = 0; i < TABLES_MAX; i++)
		if (unreachable[i].used && unreachable[i].table == table && unreachable[i].family == family)
			return true;
	return false;
}

struct host_link *host_route(const struct dt_ip *from, const struct dt_ip *to)
{
	struct host_link *found = NULL;

	for (size_t i = 0; !dt_ip_is_unset(from) && i < RULES_MAX && !found; i++)
		if (rules[i].used && rules[i].specific && dt_ip_equal(&rules[i].from, from))
			found = main_specific(to);
	for (size_t i = 0; !dt_ip_is_unset(from) && i < RULES_MAX && !found; i++)
		if (rules[i].used && !rules[i].specific && dt_ip_equal(&rules[i].from, from)) {
			found = table_default(rules[i].table, dt_ip_family(to));
			if (!found && table_ends(rules[i].table, dt_ip_family(to)))
				return NULL;
		}
	if (!found)
		found = main_specific(to);
	return found ? found : main_default(dt_ip_family(to));
}

bool host_source(const struct dt_ip *to, struct dt_ip *out)
{
	static const struct dt_ip any;
	const struct host_link *l = host_route(&any, to);

	for (size_t i = 0; l && i < l->naddresses; i++)
		if (dt_ip_family(&l->addresses[i].ip) == dt_ip_family(to)) {
			*out = l->addresses[i].ip;
			return true;
		}
	return false;
}

size_t host_leftovers(void)
{
	size_t count = 0;

	for (size_t i = 0; i < RULES_MAX; i++)
		count += rules[i].used;
	for (size_t i = 0; i < TABLES_MAX; i++)
		count += tables[i].used + unreachable[i].used;
	return count;
}

void host_forget(void)
{
	memset(rules, 0, sizeof(rules));
	memset(tables, 0, sizeof(tables));
	memset(unreachable, 0, sizeof(unreachable));
}

/* --- changes ----------------------------------------------------------------------------------- */

static struct table *table_find(unsigned family, uint32_t table)
{
	for (size_t i = 0; i < TABLES_MAX; i++)
		if (tables[i].used && tables[i].family == family && tables[i].table == table)
			return &tables[i];
	return NULL;
}

int dt_rt_default_route_keep(struct dt_netlink *nl, unsigned family, uint32_t table, uint32_t ifindex,
			     const struct dt_ip *via, bool keep)
{
	const struct host_link *l = host_link_at(ifindex);
	struct table *t = table_find(family, table);

	if (!l)
		return -ENODEV;
	if (t && keep)
		return 0;
	for (size_t i = 0; !t && i < TABLES_MAX; i++)
		if (!tables[i].used)
			t = &tables[i];
	if (!t)
		return -ENOSPC;
	tell("> route %u table %u dev %s", family, table, l->rt.name);
	*t = (struct table){.used = true, .family = family, .table = table, .ifindex = ifindex};
	socks_settle();
	return 0;
}

int dt_rt_default_route(struct dt_netlink *nl, unsigned family, uint32_t table, uint32_t ifindex,
			const struct dt_ip *via)
{
	return dt_rt_default_route_keep(nl, family, table, ifindex, via, false);
}

int dt_rt_default_route_delete(struct dt_netlink *nl, unsigned family, uint32_t table)
{
	struct table *t = table_find(family, table);

	if (world.frozen)
		return 0;
	if (!t)
		return -ESRCH;
	tell("> route delete %u table %u", family, table);
	t->used = false;
	return 0;
}

int dt_rt_unreachable(struct dt_netlink *nl, bool add, unsigned family, uint32_t table)
{
	struct table *room = NULL;

	if (world.frozen)
		return 0;
	for (size_t i = 0; i < TABLES_MAX; i++) {
		if (!unreachable[i].used)
			room = &unreachable[i];
		else if (unreachable[i].family == family && unreachable[i].table == table) {
			unreachable[i].used = add;
			return 0;
		}
	}
	if (!add)
		return 0;
	*room = (struct table){.used = true, .family = family, .table = table};
	tell("> unreachable %u table %u", family, table);
	return 0;
}

int dt_rt_route_get(struct dt_netlink *nl, const struct dt_ip *to, const struct dt_ip *from, uint32_t *oif)
{
	const struct host_link *l = host_route(from, to);

	if (!l)
		return -ENETUNREACH;
	*oif = l->rt.index;
	return 0;
}

int dt_rt_rules_purge(struct dt_netlink *nl, uint32_t table, uint32_t priority)
{
	for (size_t i = 0; i < RULES_MAX; i++)
		if (rules[i].used && rules[i].priority == priority &&
		    (rules[i].specific ? table == RT_TABLE_MAIN : rules[i].table == table)) {
			tell("> rules purged table %u", table);
			rules[i].used = false;
		}
	return 0;
}

static int rule_change(bool add, const struct rule *rule)
{
	char text[DT_IP_STRLEN];
	struct rule *room = NULL;

	if (world.frozen)
		return 0;
	for (size_t i = 0; i < RULES_MAX; i++) {
		if (!rules[i].used) {
			room = room ? room : &rules[i];
			continue;
		}
		if (rules[i].specific != rule->specific || rules[i].table != rule->table ||
		    rules[i].priority != rule->priority || !dt_ip_equal(&rules[i].from, &rule->from))
			continue;
		if (!add)
			tell("> rule delete from %s table %u", dt_ip_format(&rule->from, text), rule->table);
		rules[i].used = add;
		return 0;
	}
	if (!add)
		return 0;
	if (!room)
		return -ENOSPC;
	tell("> rule from %s table %u", dt_ip_format(&rule->from, text), rule->table);
	*room = *rule;
	room->used = true;
	socks_settle();
	return 0;
}

int dt_rt_rule(struct dt_netlink *nl, bool add, const struct dt_ip *from, uint32_t table, uint32_t priority)
{
	struct rule rule = {.from = *from, .table = table, .priority = priority};

	return rule_change(add, &rule);
}

int dt_rt_rule_specific(struct dt_netlink *nl, bool add, const struct dt_ip *from, uint32_t priority)
{
	struct rule rule = {.specific = true, .from = *from, .table = RT_TABLE_MAIN, .priority = priority};

	return rule_change(add, &rule);
}
