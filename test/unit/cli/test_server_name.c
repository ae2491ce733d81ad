/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "cli/server_name.h"

Test(server_name, hosts)
{
	static const struct {
		const char *text, *host; /* NULL: refused */
		uint16_t port;
	} rows[] = {
		{"example.org", "example.org", 0},
		{"example.org:443", "example.org", 443},
		{"a:65535", "a", 65535},
		{"", NULL, 0},
		{":80", NULL, 0},
		{"a:", NULL, 0},
		{"a:0", NULL, 0},
		{"a:65536", NULL, 0},
		{"a:-1", NULL, 0},
		{"a: 1", NULL, 0},
		{"a:80x", NULL, 0},
		{"a:80:90", NULL, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char host[DT_SERVER_HOST_MAX];
		uint16_t port;

		cr_assert_eq(dt_server_name_parse(rows[i].text, host, &port), rows[i].host != NULL, "%s", rows[i].text);
		if (!rows[i].host)
			continue;
		cr_expect_str_eq(host, rows[i].host);
		cr_expect_eq(port, rows[i].port);
	}
}

Test(server_name, a_name_too_long)
{
	char text[DT_SERVER_HOST_MAX + 1], host[DT_SERVER_HOST_MAX];
	uint16_t port;

	memset(text, 'a', DT_SERVER_HOST_MAX);
	text[DT_SERVER_HOST_MAX] = '\0';
	cr_expect(!dt_server_name_parse(text, host, &port));
	text[DT_SERVER_HOST_MAX - 1] = '\0';
	cr_expect(dt_server_name_parse(text, host, &port));
}
