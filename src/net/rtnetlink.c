/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/rtnetlink.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>

struct dump {
	dt_rt_link_fn link;
	dt_rt_address_fn address;
	dt_rt_route_fn route;
	void *data;
};

static bool ip_take(struct dt_ip *out, int family, const struct nlattr *attr)
{
	uint32_t v4;

	if (!attr)
		return false;
	if (family == AF_INET && mnl_attr_get_payload_len(attr) == 4) {
		memcpy(&v4, mnl_attr_get_payload(attr), sizeof(v4));
		*out = dt_ip_from_v4(v4);
		return true;
	}
	if (family == AF_INET6 && mnl_attr_get_payload_len(attr) == 16) {
		*out = dt_ip_from_v6(mnl_attr_get_payload(attr));
		return true;
	}
	return false;
}

static bool u32_take(uint32_t *out, const struct nlattr *attr)
{
	if (!attr || mnl_attr_get_payload_len(attr) < sizeof(*out))
		return false;
	*out = mnl_attr_get_u32(attr);
	return true;
}

int dt_rt_link_parse(struct dt_rt_link *out, const struct nlmsghdr *nlh)
{
	const struct nlattr *table[IFLA_MTU + 1] = {NULL};
	struct dt_netlink_attributes attributes = {table, IFLA_MTU};
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	struct dt_rt_link link = {0};

	if (nlh->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(nlh) < sizeof(*info))
		return -EBADMSG;
	mnl_attr_parse(nlh, sizeof(*info), dt_netlink_attribute_take, &attributes);
	if (!table[IFLA_IFNAME] || mnl_attr_validate(table[IFLA_IFNAME], MNL_TYPE_NUL_STRING) < 0)
		return -EBADMSG;
	link.index = (uint32_t)info->ifi_index;
	link.flags = info->ifi_flags;
	link.ethernet = info->ifi_type == ARPHRD_ETHER;
	u32_take(&link.mtu, table[IFLA_MTU]);
	strncpy(link.name, mnl_attr_get_str(table[IFLA_IFNAME]), sizeof(link.name) - 1);
	*out = link;
	return 0;
}

int dt_rt_address_parse(struct dt_rt_address *out, const struct nlmsghdr *nlh)
{
	const struct nlattr *table[IFA_BROADCAST + 1] = {NULL};
	struct dt_netlink_attributes attributes = {table, IFA_BROADCAST};
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(nlh);
	struct dt_rt_address address = {0};

	if (nlh->nlmsg_type != RTM_NEWADDR || mnl_nlmsg_get_payload_len(nlh) < sizeof(*info))
		return -EBADMSG;
	mnl_attr_parse(nlh, sizeof(*info), dt_netlink_attribute_take, &attributes);
	/* on point-to-point links IFA_ADDRESS is the other end */
	if (!ip_take(&address.ip, info->ifa_family, table[IFA_LOCAL]) &&
	    !ip_take(&address.ip, info->ifa_family, table[IFA_ADDRESS]))
		return -EBADMSG;
	ip_take(&address.broadcast, info->ifa_family, table[IFA_BROADCAST]);
	address.ifindex = info->ifa_index;
	address.prefix_len = info->ifa_prefixlen;
	address.scope = info->ifa_scope;
	address.flags = info->ifa_flags;
	*out = address;
	return 0;
}

static void first_hop_take(struct dt_rt_route *route, int family, const struct nlattr *multipath)
{
	const struct nlattr *table[RTA_GATEWAY + 1] = {NULL};
	struct dt_netlink_attributes attributes = {table, RTA_GATEWAY};
	const struct rtnexthop *hop;

	if (!multipath || mnl_attr_get_payload_len(multipath) < sizeof(*hop))
		return;
	hop = mnl_attr_get_payload(multipath);
	route->oif = (uint32_t)hop->rtnh_ifindex;
	if (hop->rtnh_len <= sizeof(*hop) || hop->rtnh_len > mnl_attr_get_payload_len(multipath))
		return;
	mnl_attr_parse_payload(hop + 1, hop->rtnh_len - sizeof(*hop), dt_netlink_attribute_take, &attributes);
	ip_take(&route->via, family, table[RTA_GATEWAY]);
}

int dt_rt_route_parse(struct dt_rt_route *out, const struct nlmsghdr *nlh)
{
	const struct nlattr *table[RTA_TABLE + 1] = {NULL}, *metrics[RTAX_MTU + 1] = {NULL};
	struct dt_netlink_attributes attributes = {table, RTA_TABLE}, metric_attributes = {metrics, RTAX_MTU};
	const struct rtmsg *info = mnl_nlmsg_get_payload(nlh);
	struct dt_rt_route route = {0};
	uint32_t number;

	if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof(*info))
		return -EBADMSG;
	if (info->rtm_type != RTN_UNICAST || info->rtm_flags & RTM_F_CLONED ||
	    (!(info->rtm_family == AF_INET && info->rtm_dst_len <= 32) &&
	     !(info->rtm_family == AF_INET6 && info->rtm_dst_len <= 128)))
		return -EBADMSG;
	mnl_attr_parse(nlh, sizeof(*info), dt_netlink_attribute_take, &attributes);
	number = info->rtm_table;
	u32_take(&number, table[RTA_TABLE]);
	if (number != RT_TABLE_MAIN)
		return -EBADMSG;
	if (!ip_take(&route.to.ip, info->rtm_family, table[RTA_DST]) && info->rtm_family == AF_INET)
		route.to.ip = dt_ip_from_v4(0);
	route.to.len = (uint8_t)(info->rtm_dst_len + (info->rtm_family == AF_INET ? 96 : 0));
	u32_take(&route.metric, table[RTA_PRIORITY]);
	ip_take(&route.via, info->rtm_family, table[RTA_GATEWAY]);
	if (!u32_take(&route.oif, table[RTA_OIF]))
		first_hop_take(&route, info->rtm_family, table[RTA_MULTIPATH]);
	if (table[RTA_METRICS] &&
	    mnl_attr_parse_nested(table[RTA_METRICS], dt_netlink_attribute_take, &metric_attributes) >= 0)
		u32_take(&route.mtu, metrics[RTAX_MTU]);
	if (!route.oif)
		return -EBADMSG;
	*out = route;
	return 0;
}

/* Objects that the parser does not take (other tables' routes, for example) are skipped. */
static int link_take(const struct nlmsghdr *nlh, void *data)
{
	const struct dump *dump = data;
	struct dt_rt_link link;

	return dt_rt_link_parse(&link, nlh) == 0 ? dump->link(&link, dump->data) : 0;
}

static int address_take(const struct nlmsghdr *nlh, void *data)
{
	const struct dump *dump = data;
	struct dt_rt_address address;

	return dt_rt_address_parse(&address, nlh) == 0 ? dump->address(&address, dump->data) : 0;
}

static int route_take(const struct nlmsghdr *nlh, void *data)
{
	const struct dump *dump = data;
	struct dt_rt_route route;

	return dt_rt_route_parse(&route, nlh) == 0 ? dump->route(&route, dump->data) : 0;
}

static int dump_run(struct dt_netlink *nl, uint16_t type, size_t header, int family, dt_netlink_fn fn,
		    struct dump *dump)
{
	uint8_t buf[256] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh;
	uint8_t *extra;

	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	extra = mnl_nlmsg_put_extra_header(nlh, header);
	extra[0] = (uint8_t)family; /* first byte of ifinfomsg, ifaddrmsg and rtmsg alike */
	return dt_netlink_talk(nl, nlh, fn, dump);
}

int dt_rt_links(struct dt_netlink *nl, dt_rt_link_fn fn, void *data)
{
	struct dump dump = {.link = fn, .data = data};

	return dump_run(nl, RTM_GETLINK, sizeof(struct ifinfomsg), AF_UNSPEC, link_take, &dump);
}

int dt_rt_addresses(struct dt_netlink *nl, dt_rt_address_fn fn, void *data)
{
	struct dump dump = {.address = fn, .data = data};

	return dump_run(nl, RTM_GETADDR, sizeof(struct ifaddrmsg), AF_UNSPEC, address_take, &dump);
}

int dt_rt_routes(struct dt_netlink *nl, dt_rt_route_fn fn, void *data)
{
	struct dump dump = {.route = fn, .data = data};
	int err;

	err = dump_run(nl, RTM_GETROUTE, sizeof(struct rtmsg), AF_INET, route_take, &dump);
	if (err == 0)
		err = dump_run(nl, RTM_GETROUTE, sizeof(struct rtmsg), AF_INET6, route_take, &dump);
	return err;
}

int dt_rt_monitor_open(struct dt_netlink *nl)
{
	static const uint32_t groups[] = {RTNLGRP_LINK,	      RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
					  RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,  RTNLGRP_IPV4_RULE,
					  RTNLGRP_IPV6_RULE};
	int err = dt_netlink_open(nl, NETLINK_ROUTE);

	for (size_t i = 0; err == 0 && i < sizeof(groups) / sizeof(groups[0]); i++)
		err = dt_netlink_join(nl, groups[i]);
	if (err)
		dt_netlink_close(nl);
	return err;
}

/* --- changes ----------------------------------------------------------------------------------- */

#define REQUEST_MAX 512

static struct nlmsghdr *request_begin(void *buf, uint16_t type, uint16_t flags, const void *header, size_t len)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	memcpy(mnl_nlmsg_put_extra_header(nlh, len), header, len);
	return nlh;
}

static void ip_put(struct nlmsghdr *nlh, uint16_t type, const struct dt_ip *ip)
{
	if (dt_ip_is_v4(ip))
		mnl_attr_put_u32(nlh, type, dt_ip_v4(ip));
	else
		mnl_attr_put(nlh, type, sizeof(ip->b), ip->b);
}

static uint8_t family_of(const struct dt_ip *ip)
{
	return dt_ip_is_v4(ip) ? AF_INET : AF_INET6;
}

int dt_rt_link_create(struct dt_netlink *nl, const char *name, const char *kind)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	char buf[REQUEST_MAX];
	struct nlmsghdr *nlh = request_begin(buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof(info));
	struct nlattr *nest;

	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	nest = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, kind);
	mnl_attr_nest_end(nlh, nest);
	return dt_netlink_talk(nl, nlh, NULL, NULL);
}

int dt_rt_link_delete(struct dt_netlink *nl, uint32_t ifindex)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex};
	char buf[REQUEST_MAX];

	return dt_netlink_talk(nl, request_begin(buf, RTM_DELLINK, 0, &info, sizeof(info)), NULL, NULL);
}

int dt_rt_link_up(struct dt_netlink *nl, uint32_t ifindex, uint32_t mtu)
{
	struct ifinfomsg info = {
		.ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	char buf[REQUEST_MAX];
	struct nlmsghdr *nlh = request_begin(buf, RTM_NEWLINK, 0, &info, sizeof(info));

	mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	return dt_netlink_talk(nl, nlh, NULL, NULL);
}

int dt_rt_link_down(struct dt_netlink *nl, uint32_t ifindex)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex, .ifi_change = IFF_UP};
	char buf[REQUEST_MAX];

	return dt_netlink_talk(nl, request_begin(buf, RTM_NEWLINK, 0, &info, sizeof(info)), NULL, NULL);
}

int dt_rt_address_add(struct dt_netlink *nl, uint32_t ifindex, const struct dt_ip *ip)
{
	struct ifaddrmsg info = {.ifa_family = family_of(ip),
				 .ifa_prefixlen = dt_ip_is_v4(ip) ? 32 : 128,
				 .ifa_flags = dt_ip_is_v4(ip) ? 0 : IFA_F_NODAD,
				 .ifa_index = ifindex};
	char buf[REQUEST_MAX];
	struct nlmsghdr *nlh = request_begin(buf, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof(info));
	int err;

	ip_put(nlh, IFA_LOCAL, ip);
	ip_put(nlh, IFA_ADDRESS, ip);
	err = dt_netlink_talk(nl, nlh, NULL, NULL);
	return err == -EEXIST ? 0 : err;
}

int dt_rt_default_route_keep(struct dt_netlink *nl, unsigned family, uint32_t table, uint32_t ifindex,
			     const struct dt_ip *via, bool keep)
{
	bool gateway = via && !dt_ip_is_unset(via);
	struct rtmsg info = {.rtm_family = family == 4 ? AF_INET : AF_INET6,
			     .rtm_table = RT_TABLE_UNSPEC,
			     .rtm_protocol = RTPROT_STATIC,
			     .rtm_scope = family == 4 && !gateway ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
			     .rtm_flags = gateway ? RTNH_F_ONLINK : 0,
			     .rtm_type = RTN_UNICAST};
	char buf[REQUEST_MAX];
	struct nlmsghdr *nlh = request_begin(buf, RTM_NEWROUTE, NLM_F_CREATE | (keep ? NLM_F_EXCL : NLM_F_REPLACE),
					     &info, sizeof(info));
	int err;

	mnl_attr_put_u32(nlh, RTA_TABLE, table);
	mnl_attr_put_u32(nlh, RTA_OIF, ifindex);
	if (gateway)
		ip_put(nlh, RTA_GATEWAY, via);
	err = dt_netlink_talk(nl, nlh, NULL, NULL);
	return keep && err == -EEXIST ? 0 : err;
}

int dt_rt_default_route(struct dt_netlink *nl, unsigned family, uint32_t table, uint32_t ifindex,
			const struct dt_ip *via)
{
	return dt_rt_default_route_keep(nl, family, table, ifindex, via, false);
}

int dt_rt_default_route_delete(struct dt_netlink *nl, unsigned family, uint32_t table)
{
	struct rtmsg info = {.rtm_family = family == 4 ? AF_INET : AF_INET6,
			     .rtm_table = RT_TABLE_UNSPEC,
			     .rtm_scope = RT_SCOPE_NOWHERE};
	char buf[REQUEST_MAX];
	struct nlmsghdr *nlh = request_begin(buf, RTM_DELROUTE, 0, &info, sizeof(info));

	mnl_attr_put_u32(nlh, RTA_TABLE, table);
	return dt_netlink_talk(nl, nlh, NULL, NULL);
}

int dt_rt_unreachable(struct dt_netlink *nl, bool add, unsigned family, uint32_t table)
{
	struct rtmsg info = {.rtm_family = family == 4 ? AF_INET : AF_INET6,
			     .rtm_table = RT_TABLE_UNSPEC,
			     .rtm_protocol = RTPROT_STATIC,
			     .rtm_scope = add ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE,
			     .rtm_type = RTN_UNREACHABLE};
	char buf[REQUEST_MAX];
	struct nlmsghdr *nlh = request_begin(buf, add ? RTM_NEWROUTE : RTM_DELROUTE,
					     add ? NLM_F_CREATE | NLM_F_EXCL : 0, &info, sizeof(info));
	int err;

	mnl_attr_put_u32(nlh, RTA_TABLE, table);
	mnl_attr_put_u32(nlh, RTA_PRIORITY, UINT32_MAX);
	err = dt_netlink_talk(nl, nlh, NULL, NULL);
	return err == (add ? -EEXIST : -ESRCH) ? 0 : err;
}

static int oif_take(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *table[RTA_OIF + 1] = {NULL};
	struct dt_netlink_attributes attributes = {table, RTA_OIF};

	if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof(struct rtmsg))
		return 0;
	mnl_attr_parse(nlh, sizeof(struct rtmsg), dt_netlink_attribute_take, &attributes);
	u32_take(data, table[RTA_OIF]);
	return 0;
}

int dt_rt_route_get(struct dt_netlink *nl, const struct dt_ip *to, const struct dt_ip *from, uint32_t *oif)
{
	uint8_t bits = dt_ip_is_v4(to) ? 32 : 128;
	struct rtmsg info = {.rtm_family = family_of(to), .rtm_dst_len = bits, .rtm_src_len = bits};
	char buf[REQUEST_MAX];
	struct nlmsghdr *nlh = request_begin(buf, RTM_GETROUTE, 0, &info, sizeof(info));

	ip_put(nlh, RTA_DST, to);
	ip_put(nlh, RTA_SRC, from);
	return dt_netlink_talk(nl, nlh, oif_take, oif);
}

static int rule_change(struct dt_netlink *nl, bool add, const struct dt_ip *from, uint32_t table, uint32_t priority,
		       bool specific)
{
	struct fib_rule_hdr info = {.family = family_of(from),
				    .src_len = dt_ip_is_v4(from) ? 32 : 128,
				    .table = RT_TABLE_UNSPEC,
				    .action = FR_ACT_TO_TBL};
	char buf[REQUEST_MAX];
	struct nlmsghdr *nlh = request_begin(buf, add ? RTM_NEWRULE : RTM_DELRULE, add ? NLM_F_CREATE | NLM_F_EXCL : 0,
					     &info, sizeof(info));
	int err;

	ip_put(nlh, FRA_SRC, from);
	mnl_attr_put_u32(nlh, FRA_TABLE, table);
	mnl_attr_put_u32(nlh, FRA_PRIORITY, priority);
	if (specific)
		mnl_attr_put_u32(nlh, FRA_SUPPRESS_PREFIXLEN, 0);
	err = dt_netlink_talk(nl, nlh, NULL, NULL);
	return err == (add ? -EEXIST : -ENOENT) ? 0 : err;
}

int dt_rt_rule(struct dt_netlink *nl, bool add, const struct dt_ip *from, uint32_t table, uint32_t priority)
{
	return rule_change(nl, add, from, table, priority, false);
}

int dt_rt_rule_specific(struct dt_netlink *nl, bool add, const struct dt_ip *from, uint32_t priority)
{
	return rule_change(nl, add, from, RT_TABLE_MAIN, priority, true);
}

int dt_rt_rules_purge(struct dt_netlink *nl, uint32_t table, uint32_t priority)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	int err = 0;

	/* a request matches by what it names, and deletes one rule at a time */
	for (size_t i = 0; i < sizeof(families); i++) {
		struct fib_rule_hdr info = {.family = families[i], .table = RT_TABLE_UNSPEC, .action = FR_ACT_TO_TBL};
		struct nlmsghdr *nlh;
		char buf[REQUEST_MAX];

		do {
			nlh = request_begin(buf, RTM_DELRULE, 0, &info, sizeof(info));
			mnl_attr_put_u32(nlh, FRA_TABLE, table);
			mnl_attr_put_u32(nlh, FRA_PRIORITY, priority);
			err = dt_netlink_talk(nl, nlh, NULL, NULL);
		} while (err == 0);
		if (err != -ENOENT && err != -EAFNOSUPPORT)
			return err;
	}
	return 0;
}
