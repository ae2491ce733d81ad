/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's messages are parsed to. The fuzzers show that no message does harm. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "net/mptcp_mib.h"
#include "net/mptcp_pm.h"
#include "net/rtnetlink.h"
#include "net/sock_diag.h"

/* The kernel's numbers (include/uapi/linux/mptcp_pm.h), written down here a second time on purpose. */
enum {
	CMD_GET_ADDR = 3,
	CMD_GET_LIMITS = 6,
	EVENT_ESTABLISHED = 2,
	EVENT_SUB_ESTABLISHED = 10,
	EVENT_UNKNOWN = 99,
};
enum {
	EVENT_TOKEN = 1,
	EVENT_FAMILY = 2,
	EVENT_LOC_ID = 3,
	EVENT_SADDR4 = 5,
	EVENT_SADDR6 = 6,
	EVENT_DADDR4 = 7,
	EVENT_DADDR6 = 8,
	EVENT_SPORT = 9,
	EVENT_DPORT = 10,
	EVENT_FLAGS = 13,
	EVENT_IF_IDX = 15,
	EVENT_SERVER_SIDE = 18,
};
#define FLAG_SERVER_SIDE 2
enum { ATTR_ADDR = 1, ATTR_RCV_ADD_ADDRS = 2, ATTR_SUBFLOWS = 3 };
enum { ADDR_FAMILY = 1, ADDR_ID = 2, ADDR_ADDR4 = 3, ADDR_PORT = 5, ADDR_FLAGS = 6 };

static char buf[1024];

static struct nlmsghdr *event(uint8_t cmd)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));

	genl->cmd = cmd;
	return nlh;
}

Test(parse, established)
{
	struct nlmsghdr *nlh = event(EVENT_ESTABLISHED);
	struct dt_mptcp_event e;
	char text[DT_ENDPOINT_STRLEN];

	mnl_attr_put_u32(nlh, EVENT_TOKEN, 0xdeadbeef);
	mnl_attr_put_u16(nlh, EVENT_FAMILY, AF_INET);
	mnl_attr_put_u32(nlh, EVENT_SADDR4, inet_addr("192.0.2.2"));
	mnl_attr_put_u32(nlh, EVENT_DADDR4, inet_addr("203.0.113.2"));
	mnl_attr_put_u16(nlh, EVENT_SPORT, htons(40000));
	mnl_attr_put_u16(nlh, EVENT_DPORT, htons(443));
	mnl_attr_put_u8(nlh, EVENT_LOC_ID, 0);
	cr_assert_eq(dt_mptcp_event_parse(&e, nlh), 0);
	cr_assert_eq(e.type, DT_MPTCP_ESTABLISHED);
	cr_assert_eq(e.token, 0xdeadbeef);
	cr_assert_str_eq(dt_endpoint_format(&e.local, text), "192.0.2.2:40000");
	cr_assert_str_eq(dt_endpoint_format(&e.remote, text), "203.0.113.2:443");
	cr_assert(!e.server_side);
}

Test(parse, mapped_addresses_become_plain)
{
	struct nlmsghdr *nlh = event(EVENT_ESTABLISHED);
	struct dt_mptcp_event e;
	uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = 9};

	mnl_attr_put_u32(nlh, EVENT_TOKEN, 1);
	mnl_attr_put(nlh, EVENT_SADDR6, 16, mapped);
	mnl_attr_put(nlh, EVENT_DADDR6, 16, mapped);
	cr_assert_eq(dt_mptcp_event_parse(&e, nlh), 0);
	cr_assert(dt_ip_is_v4(&e.local.ip));
}

Test(parse, server_side_in_either_form)
{
	struct nlmsghdr *nlh = event(EVENT_ESTABLISHED);
	struct dt_mptcp_event e;

	mnl_attr_put_u32(nlh, EVENT_TOKEN, 1);
	mnl_attr_put_u8(nlh, EVENT_SERVER_SIDE, 1);
	cr_assert_eq(dt_mptcp_event_parse(&e, nlh), 0);
	cr_assert(e.server_side, "as before Linux 6.18");
	nlh = event(EVENT_ESTABLISHED);
	mnl_attr_put_u32(nlh, EVENT_TOKEN, 1);
	mnl_attr_put_u16(nlh, EVENT_FLAGS, FLAG_SERVER_SIDE);
	cr_assert_eq(dt_mptcp_event_parse(&e, nlh), 0);
	cr_assert(e.server_side, "since Linux 6.18, in the flags");
}

Test(parse, device_of_a_bound_subflow)
{
	struct nlmsghdr *nlh = event(EVENT_SUB_ESTABLISHED);
	struct dt_mptcp_event e;

	mnl_attr_put_u32(nlh, EVENT_TOKEN, 1);
	cr_assert_eq(dt_mptcp_event_parse(&e, nlh), 0);
	cr_assert_eq(e.device, 0);
	mnl_attr_put_u32(nlh, EVENT_IF_IDX, 7);
	cr_assert_eq(dt_mptcp_event_parse(&e, nlh), 0);
	cr_assert_eq(e.device, 7);
}

Test(parse, messages_that_are_not_events)
{
	struct nlmsghdr *nlh = event(EVENT_UNKNOWN);
	struct dt_mptcp_event e;

	mnl_attr_put_u32(nlh, EVENT_TOKEN, 1);
	cr_assert_eq(dt_mptcp_event_parse(&e, nlh), -EBADMSG, "an unknown type");
	nlh = event(EVENT_ESTABLISHED);
	cr_assert_eq(dt_mptcp_event_parse(&e, nlh), -EBADMSG, "without a token");
	nlh = event(EVENT_ESTABLISHED);
	mnl_attr_put_u8(nlh, EVENT_TOKEN, 1);
	cr_assert_eq(dt_mptcp_event_parse(&e, nlh), -EBADMSG, "a short token");
	nlh = mnl_nlmsg_put_header(buf);
	cr_assert_eq(dt_mptcp_event_parse(&e, nlh), -EBADMSG, "empty");
}

/* --- what `ip mptcp` configures ---------------------------------------------------------------- */

Test(parse, an_endpoint)
{
	struct nlmsghdr *nlh = event(CMD_GET_ADDR);
	struct nlattr *nest = mnl_attr_nest_start(nlh, ATTR_ADDR);
	struct dt_mptcp_endpoint e;
	char text[DT_ENDPOINT_STRLEN];

	mnl_attr_put_u16(nlh, ADDR_FAMILY, AF_INET);
	mnl_attr_put_u8(nlh, ADDR_ID, 9);
	mnl_attr_put_u32(nlh, ADDR_ADDR4, inet_addr("203.0.113.3"));
	mnl_attr_put_u16(nlh, ADDR_PORT, 8443); /* host order, unlike in events */
	mnl_attr_put_u32(nlh, ADDR_FLAGS, DT_MPTCP_ENDPOINT_SIGNAL);
	mnl_attr_nest_end(nlh, nest);
	cr_assert_eq(dt_mptcp_endpoint_parse(&e, nlh), 0);
	cr_assert_str_eq(dt_endpoint_format(&e.at, text), "203.0.113.3:8443");
	cr_assert_eq(e.id, 9);
	cr_assert(e.flags & DT_MPTCP_ENDPOINT_SIGNAL);
	cr_assert_eq(dt_mptcp_endpoint_parse(&e, event(CMD_GET_ADDR)), -EBADMSG, "without an address");
}

Test(parse, limits)
{
	struct nlmsghdr *nlh = event(CMD_GET_LIMITS);
	struct dt_mptcp_limits limits;

	mnl_attr_put_u32(nlh, ATTR_RCV_ADD_ADDRS, 1);
	cr_assert_eq(dt_mptcp_limits_parse(&limits, nlh), -EBADMSG, "one limit without the other");
	mnl_attr_put_u32(nlh, ATTR_SUBFLOWS, 2);
	cr_assert_eq(dt_mptcp_limits_parse(&limits, nlh), 0);
	cr_assert_eq(limits.add_addr_accepted, 1);
	cr_assert_eq(limits.subflows, 2);
}

/* --- routes ------------------------------------------------------------------------------------ */

static struct nlmsghdr *route(void)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));

	nlh->nlmsg_type = RTM_NEWROUTE;
	info->rtm_family = AF_INET;
	info->rtm_table = RT_TABLE_MAIN;
	info->rtm_type = RTN_UNICAST;
	return nlh;
}

Test(parse, a_multipath_route_is_its_first_hop)
{
	struct nlmsghdr *nlh = route();
	uint32_t gateway = inet_addr("192.0.2.1");
	struct {
		struct rtnexthop hop;
		struct nlattr attr;
		uint32_t gateway;
	} hops[2] = {{{sizeof(hops[0]), 0, 0, 5}, {8, RTA_GATEWAY}, gateway},
		     {{sizeof(hops[0]), 0, 0, 6}, {8, RTA_GATEWAY}, 0}};
	struct dt_rt_route r;
	char text[DT_IP_STRLEN];

	mnl_attr_put(nlh, RTA_MULTIPATH, sizeof(hops), hops);
	cr_assert_eq(dt_rt_route_parse(&r, nlh), 0);
	cr_assert_eq(r.oif, 5);
	cr_assert_str_eq(dt_ip_format(&r.via, text), "192.0.2.1");
	hops[0].hop.rtnh_len = 200;
	nlh = route();
	mnl_attr_put(nlh, RTA_MULTIPATH, sizeof(hops), hops);
	cr_assert_eq(dt_rt_route_parse(&r, nlh), 0);
	cr_assert(dt_ip_is_unset(&r.via), "its length goes beyond the attribute");
}

Test(parse, counters_of_mptcp)
{
	const char text[] =
		"TcpExt: SyncookiesSent RmAddrTx\nTcpExt: 7 8\n"
		"MPTcpExt: MPCapableSYNRX RmAddr RmAddrTx RmAddrTxDrop\nMPTcpExt: 1 2 18446744073709551615 4\n";
	uint64_t value = 0;

	cr_assert_eq(dt_mptcp_mib_parse(text, "RmAddrTx", &value), 0);
	cr_assert_eq(value, UINT64_MAX);
	cr_assert_eq(dt_mptcp_mib_parse(text, "RmAddr", &value), 0);
	cr_assert_eq(value, 2);
	cr_assert_eq(dt_mptcp_mib_parse(text, "RmAddrTxDrop", &value), 0);
	cr_assert_eq(value, 4);
	cr_assert_eq(dt_mptcp_mib_parse(text, "SyncookiesSent", &value), -ENOENT);
	cr_assert_eq(dt_mptcp_mib_parse("MPTcpExt: RmAddrTx\n", "RmAddrTx", &value), -ENOENT);
	cr_assert_eq(dt_mptcp_mib_parse("MPTcpExt: A RmAddrTx\nMPTcpExt: 1\n", "RmAddrTx", &value), -ENOENT);
	cr_assert_eq(dt_mptcp_mib_parse("", "RmAddrTx", &value), -ENOENT);
}
