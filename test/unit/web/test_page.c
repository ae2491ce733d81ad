/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "web/page.h"

/* The hash of what is between these two words, as the policy should name it. */
static char *expected(const char *text, const char *from, const char *to, const char *directive)
{
	const char *begin = strstr(text, from), *end = begin ? strstr(begin, to) : NULL;
	unsigned char digest[crypto_hash_sha256_BYTES];
	char base64[64], *out;

	cr_assert(begin && end);
	begin += strlen(from);
	cr_assert_gt(end - begin, 1000, "nothing is embedded");
	crypto_hash_sha256(digest, (const unsigned char *)begin, (size_t)(end - begin));
	sodium_bin2base64(base64, sizeof(base64), digest, sizeof(digest), sodium_base64_VARIANT_ORIGINAL);
	cr_assert_gt(asprintf(&out, "%s 'sha256-%s'", directive, base64), 0);
	return out;
}

Test(web_page, the_policy_allows_this_script_and_style_alone)
{
	struct dt_page page;
	char *script, *style;

	cr_assert_eq(dt_page_make(&page), 0);
	script = expected(page.text, "<script>", "</script>", "script-src");
	style = expected(page.text, "<style>", "</style>", "style-src");
	cr_expect(strstr(page.headers, script));
	cr_expect(strstr(page.headers, style));
	cr_expect(strstr(page.headers, "default-src 'none'"));
	cr_expect(!strstr(page.headers, "unsafe"));
	cr_expect_null(strstr(strstr(page.text, "<script>") + 1, "<script"), "one script");
	cr_expect_str_eq(page.headers + strlen(page.headers) - 2, "\r\n");
	free(script);
	free(style);
	dt_page_fini(&page);
}
