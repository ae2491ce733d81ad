/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a report leaves out. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "cli/redact.h"

static char *redacted(struct dt_redaction *r, const char *text)
{
	char *out = NULL;
	size_t len;
	FILE *to = open_memstream(&out, &len);

	dt_redact(r, text, to);
	fclose(to);
	return out;
}

Test(redact, keys_and_addresses)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{"endpoint = 198.51.100.7:45672", "endpoint = ip1:45672"},
		{"\"remote\":\"[2001:db8::1]:443\"", "\"remote\":\"[ip2]:443\""},
		{"2001:db8::1 and 2001:DB8:0::1", "ip2 and ip2"},
		{"from 203.0.113.9, again 198.51.100.7.", "from ip3, again ip1."},
		{"allow = 10.0.0.0/8", "allow = ip4/8"},
		{"::ffff:10.0.0.0", "ip4"},
		{"0.0.0.0:45672 [::]:1 127.0.0.1 ::1", "0.0.0.0:45672 [::]:1 127.0.0.1 ::1"},
		{"Linux 6.18.44, detourd 0.1.0, 12:30:59, 02:42:ac:11:00:02",
		 "Linux 6.18.44, detourd 0.1.0, 12:30:59, 02:42:ac:11:00:02"},
		{"public-key = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "public-key = [key]"},
		{"=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", "=[key]\n"},
		{"(AAAA+/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=)", "([key])"},
		{"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
		{"0123456789abcdef", "0123456789abcdef"},
		{"x1.2.3.4 face beef 1.2.3", "x1.2.3.4 face beef 1.2.3"},
	};
	struct dt_redaction r = {0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *got = redacted(&r, rows[i].text);

		cr_assert_str_eq(got, rows[i].expected);
		free(got);
	}
	dt_redaction_fini(&r);
}

Test(redact, addresses_stay_if_asked)
{
	struct dt_redaction r = {.keep_addresses = true};
	char *got = redacted(&r, "198.51.100.7 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");

	cr_assert_str_eq(got, "198.51.100.7 [key]");
	free(got);
	dt_redaction_fini(&r);
}
