/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's messages become. The fuzzers see to what they must not become. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "net/mptcp_pm.h"
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
