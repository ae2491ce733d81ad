/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which addresses a relay may name. */
#include <criterion/criterion.h>

#include <string.h>

#include "net/network.h"
#include "pm/link/claims.h"
#include "proto/message.h"

/* A host with 192.0.2.10/24 and 2001:db8:1::10/64, a VPN to 10.20.0.0/16, and two that take halves of everything. */
static struct dt_network network;
static struct dt_rt_address addresses[2];
static struct dt_rt_route routes[5];

static struct dt_ip ip(const char *text)
{
	struct dt_ip out;

	cr_assert_eq(dt_ip_parse(&out, text), 0, "%s", text);
	return out;
}

static void route(size_t i, const char *to, const char *via)
{
	cr_assert_eq(dt_prefix_parse(&routes[i].to, to), 0);
	if (via)
		routes[i].via = ip(via);
}

static void host(void)
{
	addresses[0] = (struct dt_rt_address){.ip = ip("192.0.2.10"), .prefix_len = 24};
	addresses[1] = (struct dt_rt_address){.ip = ip("2001:db8:1::10"), .prefix_len = 64};
	route(0, "0.0.0.0/0", "192.0.2.1");
	route(1, "10.20.0.0/16", NULL);
	route(2, "10.30.0.0/16", "192.0.2.2");
	route(3, "0.0.0.0/1", NULL);
	route(4, "::/1", NULL);
	network = (struct dt_network){.addresses = addresses, .naddresses = 2, .routes = routes, .nroutes = 5};
}

TestSuite(claims, .init = host);

Test(claims, how_near_an_address_is)
{
	static const struct {
		const char *ip;
		enum dt_nearness is;
	} rows[] = {
		{"9.9.9.9", DT_NEAR_GLOBAL},
		{"2a00:1::1", DT_NEAR_GLOBAL},
		{"10.30.0.1", DT_NEAR_SPECIAL},
		{"192.168.1.1", DT_NEAR_SPECIAL},
		{"100.64.0.1", DT_NEAR_SPECIAL},
		{"fd00::1", DT_NEAR_SPECIAL},
		{"198.51.100.1", DT_NEAR_SPECIAL},
		{"64:ff9b::a00:1", DT_NEAR_SPECIAL},
		{"192.0.2.1", DT_NEAR_ONLINK},
		{"192.0.2.255", DT_NEAR_ONLINK},
		{"10.20.0.1", DT_NEAR_ONLINK},
		{"2001:db8:1::1", DT_NEAR_ONLINK},
		{"192.0.2.10", DT_NEAR_HOST},
		{"2001:db8:1::10", DT_NEAR_HOST},
		{"127.0.0.53", DT_NEAR_HOST},
		{"169.254.169.254", DT_NEAR_HOST},
		{"::1", DT_NEAR_HOST},
		{"fe80::1", DT_NEAR_HOST},
		{"0.0.0.1", DT_NEAR_NEVER},
		{"224.0.0.1", DT_NEAR_NEVER},
		{"255.255.255.255", DT_NEAR_NEVER},
		{"240.0.0.1", DT_NEAR_NEVER},
		{"ff02::1", DT_NEAR_NEVER},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dt_ip at = ip(rows[i].ip);

		cr_expect_eq(dt_nearness(&network, &at), rows[i].is, "%s is %d", rows[i].ip,
			     dt_nearness(&network, &at));
	}
}

Test(claims, nothing_nearer_than_the_endpoint)
{
	static const struct {
		const char *endpoint, *named;
		bool may;
	} rows[] = {
		{"9.9.9.9", "9.9.9.9", true},		{"9.9.9.9", "9.9.9.10", true},
		{"9.9.9.9", "2a00:1::1", true},		{"9.9.9.9", "192.168.1.1", false},
		{"9.9.9.9", "192.0.2.1", false},	{"9.9.9.9", "127.0.0.1", false},
		{"9.9.9.9", "224.0.0.1", false},	{"9.9.9.9", "fe80::1", false},
		{"192.168.1.5", "192.168.1.6", true},	{"192.168.1.5", "fd00::6", true},
		{"192.168.1.5", "192.0.2.1", false},	{"192.168.1.5", "192.0.2.10", false},
		{"192.0.2.7", "192.0.2.8", true},	{"192.0.2.7", "192.0.2.10", false},
		{"192.0.2.7", "fe80::1", false},	{"192.0.2.10", "192.0.2.10", true},
		{"192.0.2.10", "2001:db8:1::10", true}, {"192.0.2.10", "ff02::1", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dt_ip endpoint = ip(rows[i].endpoint), named = ip(rows[i].named), worst;
		bool v4 = dt_ip_is_v4(&named);
		struct dt_message m;
		const struct dt_ip *nat = v4 ? &m.nat4 : &m.nat6;
		const struct dt_endpoint *control = v4 ? &m.control4 : &m.control6;

		memset(&m, 0, sizeof(m));
		*(v4 ? &m.nat4 : &m.nat6) = named;
		*(v4 ? &m.control4 : &m.control6) = (struct dt_endpoint){named, 45672};
		cr_expect_eq(dt_claims_check(&network, &endpoint, &m, &worst), rows[i].may ? 0 : 2, "%s by %s",
			     rows[i].named, rows[i].endpoint);
		cr_expect_eq(dt_ip_is_unset(nat), !rows[i].may, "NAT at %s by %s", rows[i].named, rows[i].endpoint);
		cr_expect_eq(control->port, rows[i].may ? 45672 : 0);
	}
}
