/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <sodium.h>

#include "net/tunnel.h"

static struct dt_ip ip_of(const char *text)
{
	struct dt_ip ip;

	cr_assert_eq(dt_ip_parse(&ip, text), 0, "%s", text);
	return ip;
}

Test(tunnel, addresses_of_a_tunnel)
{
	static const struct {
		const char *address;
		bool valid;
	} rows[] = {{"100.63.255.255", false}, {"100.64.0.0", true},	  {"100.127.255.255", true},
		    {"100.128.0.0", false},    {"198.17.255.255", false}, {"198.18.0.0", true},
		    {"198.19.255.255", true},  {"198.20.0.0", false},	  {"9.255.255.255", false},
		    {"10.0.0.0", true},	       {"10.255.255.255", true},  {"11.0.0.0", false},
		    {"192.168.0.1", false},    {"0.0.0.0", false},	  {"::", false},
		    {"fc00::1", false},	       {"fd00::1", true},	  {"fdff:ff::1", true},
		    {"fe80::1", false},	       {"2001:db8::1", false},	  {"fd00::10.0.0.1", true},
		    {"203.0.113.1", false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dt_ip ip = ip_of(rows[i].address);

		cr_assert_eq(dt_tunnel_address_valid(&ip), rows[i].valid, "%s", rows[i].address);
	}
}

Test(tunnel, random_addresses_are_valid_and_of_their_range)
{
	static const char *const ranges[DT_TUNNEL_RANGES] = {"100.64.0.0/10", "198.18.0.0/15", "10.0.0.0/8"};

	cr_assert(sodium_init() >= 0);
	for (int i = 0; i < 1000; i++) {
		struct dt_ip ip = dt_tunnel_address_random(false, 0);

		cr_assert(!dt_ip_is_v4(&ip) && dt_tunnel_address_valid(&ip));
		for (size_t range = 0; range < DT_TUNNEL_RANGES; range++) {
			struct dt_prefix prefix;

			cr_assert_eq(dt_prefix_parse(&prefix, ranges[range]), 0);
			ip = dt_tunnel_address_random(true, range);
			cr_assert(dt_prefix_contains(&prefix, &ip));
			cr_assert(dt_tunnel_address_valid(&ip));
		}
	}
}

Test(tunnel, mtu)
{
	cr_assert_eq(dt_tunnel_mtu(0), 1420, "not known");
	cr_assert_eq(dt_tunnel_mtu(1500), 1420);
	cr_assert_eq(dt_tunnel_mtu(1492), 1412, "PPPoE");
	cr_assert_eq(dt_tunnel_mtu(1360), 1280);
	cr_assert_eq(dt_tunnel_mtu(1300), 1280, "IPv6 needs that much");
	cr_assert_eq(dt_tunnel_mtu(9000), 8920);
}
