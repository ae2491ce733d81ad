/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

#include "cli/why.h"

Test(why, hosts)
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
		char host[DT_WHY_HOST_MAX];
		uint16_t port;

		cr_assert_eq(dt_why_host_parse(rows[i].text, host, &port), rows[i].host != NULL, "%s", rows[i].text);
		if (!rows[i].host)
			continue;
		cr_expect_str_eq(host, rows[i].host);
		cr_expect_eq(port, rows[i].port);
	}
}

Test(why, a_name_too_long)
{
	char text[DT_WHY_HOST_MAX + 1], host[DT_WHY_HOST_MAX];
	uint16_t port;

	memset(text, 'a', DT_WHY_HOST_MAX);
	text[DT_WHY_HOST_MAX] = '\0';
	cr_expect(!dt_why_host_parse(text, host, &port));
	text[DT_WHY_HOST_MAX - 1] = '\0';
	cr_expect(dt_why_host_parse(text, host, &port));
}

/* Of two addresses of a name. A daemon of another version may leave things out. */
Test(why, answers_are_added)
{
	json_t *sum = json_pack("{s:s, s:[i], s:[], s:[i], s:i, s:i}", "server", "x", "connections", 1, "destinations",
				"server_limits", 2, "plain_tcp", 1, "fell_back_open", 0);
	json_t *more = json_pack("{s:s, s:[i, i], s:[i], s:i}", "server", "y", "connections", 3, 4, "destinations", 5,
				 "plain_tcp", 2);
	json_t *expect = json_pack("{s:s, s:[i, i, i], s:[i], s:[i], s:i, s:i}", "server", "x", "connections", 1, 3, 4,
				   "destinations", 5, "server_limits", 2, "plain_tcp", 3, "fell_back_open", 0);

	dt_why_add(sum, more);
	cr_expect(json_equal(sum, expect), "%s", json_dumps(sum, 0));
	json_decref(sum);
	json_decref(more);
	json_decref(expect);
}
