/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/addr.h"

Test(addr, endpoints)
{
	static const struct {
		const char *in, *out; /* out NULL: refused */
	} rows[] = {
		{"192.0.2.1:80", "192.0.2.1:80"},
		{"[2001:db8::1]:443", "[2001:db8::1]:443"},
		{"[::ffff:192.0.2.1]:80", "192.0.2.1:80"},
		{"0.0.0.0:1", "0.0.0.0:1"},
		{"[::]:65535", "[::]:65535"},
		{"192.0.2.1", NULL},
		{"192.0.2.1:", NULL},
		{"192.0.2.1:65536", NULL},
		{"192.0.2.1:-1", NULL},
		{"192.0.2.1: 80", NULL},
		{"192.0.2.1:80x", NULL},
		{"192.0.2.256:80", NULL},
		{"192.0.2:80", NULL},
		{"2001:db8::1:443", NULL},
		{"[2001:db8::1]", NULL},
		{"[2001:db8::1]443", NULL},
		{"[2001:db8::1", NULL},
		{"[fe80::1%eth0]:1", NULL},
		{"host:80", NULL},
		{"", NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dt_endpoint e;
		char text[DT_ENDPOINT_STRLEN];
		int err = dt_endpoint_parse(&e, rows[i].in);

		cr_assert_eq(err, rows[i].out ? 0 : -EINVAL, "%s: %d", rows[i].in, err);
		if (rows[i].out)
			cr_assert_str_eq(dt_endpoint_format(&e, text), rows[i].out);
	}
}

Test(addr, prefixes)
{
	static const struct {
		const char *prefix;
		int err;
		const char *in, *not_in;
	} rows[] = {
		{"10.0.0.0/8", 0, "10.255.255.255", "11.0.0.0"},
		{"0.0.0.0/0", 0, "255.1.2.3", "::1"},
		{"::/0", 0, "2001:db8::1", "1.2.3.4"},
		{"192.0.2.1", 0, "192.0.2.1", "192.0.2.2"},
		{"2001:db8::/33", 0, "2001:db8:7fff::1", "2001:db8:8000::1"},
		{"203.0.113.128/25", 0, "203.0.113.128", "203.0.113.127"},
		{"10.0.0.1/8", -EDOM, NULL, NULL},
		{"10.0.0.0/33", -EINVAL, NULL, NULL},
		{"10.0.0.0/", -EINVAL, NULL, NULL},
		{"10.0.0.0/-1", -EINVAL, NULL, NULL},
		{"10.0.0.0/08x", -EINVAL, NULL, NULL},
		{"2001:db8::/129", -EINVAL, NULL, NULL},
		{"/8", -EINVAL, NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dt_prefix p;
		struct dt_ip ip;

		cr_assert_eq(dt_prefix_parse(&p, rows[i].prefix), rows[i].err, "%s", rows[i].prefix);
		if (rows[i].err)
			continue;
		dt_ip_parse(&ip, rows[i].in);
		cr_assert(dt_prefix_contains(&p, &ip), "%s not in %s", rows[i].in, rows[i].prefix);
		dt_ip_parse(&ip, rows[i].not_in);
		cr_assert(!dt_prefix_contains(&p, &ip), "%s in %s", rows[i].not_in, rows[i].prefix);
	}
}

Test(addr, sockaddr_and_back)
{
	static const char *const texts[] = {"192.0.2.1:80", "[2001:db8::1]:443"};

	for (size_t i = 0; i < 2; i++) {
		struct dt_endpoint e, back;
		struct sockaddr_storage sa;
		socklen_t len;

		dt_endpoint_parse(&e, texts[i]);
		len = dt_endpoint_to_sockaddr(&e, &sa);
		cr_assert_eq(len, i ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
		cr_assert_eq(dt_endpoint_from_sockaddr(&back, (struct sockaddr *)&sa), 0);
		cr_assert(dt_endpoint_equal(&e, &back));
	}
	struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
	struct dt_endpoint e, plain;

	inet_pton(AF_INET6, "::ffff:192.0.2.1", &mapped.sin6_addr);
	dt_endpoint_parse(&plain, "192.0.2.1:80");
	cr_assert_eq(dt_endpoint_from_sockaddr(&e, (struct sockaddr *)&mapped), 0);
	cr_assert(dt_endpoint_equal(&e, &plain), "v4-mapped is not made plain");
}
