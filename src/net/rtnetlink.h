/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's links, addresses and routes by rtnetlink: dumps, changes, and a socket that hears of changes. */
#ifndef DETOURD_NET_RTNETLINK_H
#define DETOURD_NET_RTNETLINK_H

#include <net/if.h>

#include "base/addr.h"
#include "net/netlink.h"

struct dt_rt_link {
	uint32_t index;
	uint32_t mtu;	/* bytes */
	uint32_t flags; /* IFF_* */
	bool ethernet;	/* frames carry a link-layer header */
	char name[IF_NAMESIZE];
};

struct dt_rt_address {
	uint32_t ifindex;
	struct dt_ip ip;
	struct dt_ip broadcast; /* unset: none */
	uint8_t prefix_len;	/* bits of its own family */
	uint8_t scope;		/* RT_SCOPE_* */
	uint8_t flags;		/* IFA_F_*, those of 8 bits */
};

/* One unicast route of the main table; of a multipath route the first next hop. */
struct dt_rt_route {
	struct dt_prefix to;
	uint32_t oif;
	uint32_t mtu;	  /* 0: the link's */
	uint32_t metric;  /* lower wins */
	struct dt_ip via; /* gateway; unset: none */
};

typedef int (*dt_rt_link_fn)(const struct dt_rt_link *link, void *data);
typedef int (*dt_rt_address_fn)(const struct dt_rt_address *address, void *data);
typedef int (*dt_rt_route_fn)(const struct dt_rt_route *route, void *data);

/* Each calls fn for every object; a negative result of fn ends the dump and is returned. */
int dt_rt_links(struct dt_netlink *nl, dt_rt_link_fn fn, void *data);
int dt_rt_addresses(struct dt_netlink *nl, dt_rt_address_fn fn, void *data);
int dt_rt_routes(struct dt_netlink *nl, dt_rt_route_fn fn, void *data);

/*
 * Parses one object of a dump. -EBADMSG: malformed, or of another kind (another table's route); *out is untouched.
 * Pure.
 */
int dt_rt_link_parse(struct dt_rt_link *out, const struct nlmsghdr *nlh);
int dt_rt_address_parse(struct dt_rt_address *out, const struct nlmsghdr *nlh);
int dt_rt_route_parse(struct dt_rt_route *out, const struct nlmsghdr *nlh);

/* Opens nl and joins the groups that announce changes of all three, and of routing rules: VPNs change those. */
int dt_rt_monitor_open(struct dt_netlink *nl);

/*
 * --- changes; each returns the kernel's negative errno
 * ---------------------------------------------------------------
 */

/* RTM_NEWLINK with this kind, without options. -EEXIST; -EOPNOTSUPP: the kernel has no such kind. */
int dt_rt_link_create(struct dt_netlink *nl, const char *name, const char *kind);
int dt_rt_link_delete(struct dt_netlink *nl, uint32_t ifindex);
/* Up, with this MTU (bytes). */
int dt_rt_link_up(struct dt_netlink *nl, uint32_t ifindex, uint32_t mtu);
int dt_rt_link_down(struct dt_netlink *nl, uint32_t ifindex);
/*
 * Adds a host address (/32, /128) without prefix route, IPv6 without duplicate detection. 0 also if it is there
 * already.
 */
int dt_rt_address_add(struct dt_netlink *nl, uint32_t ifindex, const struct dt_ip *ip);
/* `default dev ifindex via VIA` in that table, replacing an existing one; via NULL or unset: no gateway. */
int dt_rt_default_route(struct dt_netlink *nl, unsigned family, uint32_t table, uint32_t ifindex,
			const struct dt_ip *via);
/* The same; with keep an existing one stays as it is. */
int dt_rt_default_route_keep(struct dt_netlink *nl, unsigned family, uint32_t table, uint32_t ifindex,
			     const struct dt_ip *via, bool keep);
/* -ESRCH: there was none. */
int dt_rt_default_route_delete(struct dt_netlink *nl, unsigned family, uint32_t table);
/*
 * Adds (or, with add false, deletes) `unreachable default` in that table, behind every other route. It holds when the
 * route's device is gone: without it packets would go on to the next rule, and to the main table. 0 also if it is there
 * (or gone) already.
 */
int dt_rt_unreachable(struct dt_netlink *nl, bool add, unsigned family, uint32_t table);
/* The interface by which packets from one address to another would leave. -ENETUNREACH and the like: none. */
int dt_rt_route_get(struct dt_netlink *nl, const struct dt_ip *to, const struct dt_ip *from, uint32_t *oif);
/* Deletes every rule at that priority that looks up that table, of both families. */
int dt_rt_rules_purge(struct dt_netlink *nl, uint32_t table, uint32_t priority);
/*
 * Adds (or, with add false, deletes) `from IP lookup TABLE` at that priority. 0 also if it is there (or gone)
 * already.
 */
int dt_rt_rule(struct dt_netlink *nl, bool add, const struct dt_ip *from, uint32_t table, uint32_t priority);

/* Likewise `from IP lookup main suppress_prefixlength 0`: the main table without its default routes. */
int dt_rt_rule_specific(struct dt_netlink *nl, bool add, const struct dt_ip *from, uint32_t priority);

#endif
