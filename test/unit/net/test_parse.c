/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's messages become. The fuzzers see to what they must not become. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "net/mptcp_pm.h"
#include "net/rtnetlink.h"
#include "net/sock_diag.h"

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
	struct nlmsghdr *nlh = event(2);
	struct dt_mptcp_event e;
	char text[DT_ENDPOINT_STRLEN];

	mnl_attr_put_u32(nlh, 1, 0xdeadbeef);
	mnl_attr_put_u16(nlh, 2, AF_INET);
	mnl_attr_put_u32(nlh, 5, inet_addr("192.0.2.2"));
	mnl_attr_put_u32(nlh, 7, inet_addr("203.0.113.2"));
	mnl_attr_put_u16(nlh, 9, htons(40000));
	mnl_attr_put_u16(nlh, 10, htons(443));
	mnl_attr_put_u8(nlh, 3, 0);
	cr_assert_eq(dt_mptcp_event_parse(&e, nlh), 0);
	cr_assert_eq(e.type, DT_MPTCP_ESTABLISHED);
	cr_assert_eq(e.token, 0xdeadbeef);
	cr_assert_str_eq(dt_endpoint_format(&e.local, text), "192.0.2.2:40000");
	cr_assert_str_eq(dt_endpoint_format(&e.remote, text), "203.0.113.2:443");
	cr_assert(!e.server_side);
}

Test(parse, mapped_addresses_become_plain)
{
	struct nlmsghdr *nlh = event(2);
	struct dt_mptcp_event e;
	uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = 9};

	mnl_attr_put_u32(nlh, 1, 1);
	mnl_attr_put(nlh, 6, 16, mapped);
	mnl_attr_put(nlh, 8, 16, mapped);
	cr_assert_eq(dt_mptcp_event_parse(&e, nlh), 0);
	cr_assert(dt_ip_is_v4(&e.local.ip));
}

Test(parse, server_side_in_either_form)
{
	struct nlmsghdr *nlh = event(2);
	struct dt_mptcp_event e;

	mnl_attr_put_u32(nlh, 1, 1);
	mnl_attr_put_u8(nlh, 18, 1);
	cr_assert_eq(dt_mptcp_event_parse(&e, nlh), 0);
	cr_assert(e.server_side, "as before Linux 6.18");
	nlh = event(2);
	mnl_attr_put_u32(nlh, 1, 1);
	mnl_attr_put_u16(nlh, 13, 2);
	cr_assert_eq(dt_mptcp_event_parse(&e, nlh), 0);
	cr_assert(e.server_side, "in the flags");
}

Test(parse, device_of_a_bound_subflow)
{
	struct nlmsghdr *nlh = event(10);
	struct dt_mptcp_event e;

	mnl_attr_put_u32(nlh, 1, 1);
	cr_assert_eq(dt_mptcp_event_parse(&e, nlh), 0);
	cr_assert_eq(e.device, 0);
	mnl_attr_put_u32(nlh, 15, 7);
	cr_assert_eq(dt_mptcp_event_parse(&e, nlh), 0);
	cr_assert_eq(e.device, 7);
}

Test(parse, what_is_no_event)
{
	struct nlmsghdr *nlh = event(99);
	struct dt_mptcp_event e;

	mnl_attr_put_u32(nlh, 1, 1);
	cr_assert_eq(dt_mptcp_event_parse(&e, nlh), -EBADMSG, "an unknown one");
	nlh = event(2);
	cr_assert_eq(dt_mptcp_event_parse(&e, nlh), -EBADMSG, "without a token");
	nlh = event(2);
	mnl_attr_put_u8(nlh, 1, 1);
	cr_assert_eq(dt_mptcp_event_parse(&e, nlh), -EBADMSG, "a short token");
	nlh = mnl_nlmsg_put_header(buf);
	cr_assert_eq(dt_mptcp_event_parse(&e, nlh), -EBADMSG, "empty");
}

/* --- what `ip mptcp` configures ---------------------------------------------------------------- */

Test(parse, an_endpoint)
{
	struct nlmsghdr *nlh = event(3);
	struct nlattr *nest = mnl_attr_nest_start(nlh, 1);
	struct dt_mptcp_endpoint e;
	char text[DT_ENDPOINT_STRLEN];

	mnl_attr_put_u16(nlh, 1, AF_INET);
	mnl_attr_put_u8(nlh, 2, 9);
	mnl_attr_put_u32(nlh, 3, inet_addr("203.0.113.3"));
	mnl_attr_put_u16(nlh, 5, 8443); /* host order, unlike in events */
	mnl_attr_put_u32(nlh, 6, DT_MPTCP_ENDPOINT_SIGNAL);
	mnl_attr_nest_end(nlh, nest);
	cr_assert_eq(dt_mptcp_endpoint_parse(&e, nlh), 0);
	cr_assert_str_eq(dt_endpoint_format(&e.at, text), "203.0.113.3:8443");
	cr_assert_eq(e.id, 9);
	cr_assert(e.flags & DT_MPTCP_ENDPOINT_SIGNAL);
	cr_assert_eq(dt_mptcp_endpoint_parse(&e, event(3)), -EBADMSG, "without an address");
}

Test(parse, limits)
{
	struct nlmsghdr *nlh = event(6);
	struct dt_mptcp_limits limits;

	mnl_attr_put_u32(nlh, 2, 1);
	cr_assert_eq(dt_mptcp_limits_parse(&limits, nlh), -EBADMSG, "only one of them");
	mnl_attr_put_u32(nlh, 3, 2);
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
	cr_assert(dt_ip_is_unset(&r.via), "longer than what there is");
}
