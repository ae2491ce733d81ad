/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "web/page.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web_page.h" /* by cmake/embed.cmake: dt_embedded_html, dt_embedded_css, dt_embedded_js */

#define STYLE_MARK "/*STYLE*/"
#define SCRIPT_MARK "/*SCRIPT*/"
#define HASH_STRLEN sodium_base64_ENCODED_LEN(crypto_hash_sha256_BYTES, sodium_base64_VARIANT_ORIGINAL)

static void hash(const char *text, char out[HASH_STRLEN])
{
	unsigned char digest[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(digest, (const unsigned char *)text, strlen(text));
	sodium_bin2base64(out, HASH_STRLEN, digest, sizeof(digest), sodium_base64_VARIANT_ORIGINAL);
}

int dt_page_make(struct dt_page *out)
{
	const char *style_at = strstr(dt_embedded_html, STYLE_MARK), *script_at = strstr(dt_embedded_html, SCRIPT_MARK);
	const char *between = style_at + strlen(STYLE_MARK);
	char style[HASH_STRLEN], script[HASH_STRLEN];

	if (asprintf(&out->text, "%.*s%s%.*s%s%s", (int)(style_at - dt_embedded_html), dt_embedded_html,
		     dt_embedded_css, (int)(script_at - between), between, dt_embedded_js,
		     script_at + strlen(SCRIPT_MARK)) < 0) {
		out->text = NULL;
		return -ENOMEM;
	}
	hash(dt_embedded_css, style);
	hash(dt_embedded_js, script);
	snprintf(out->headers, sizeof(out->headers),
		 "Content-Security-Policy: default-src 'none'; script-src 'sha256-%s'; style-src 'sha256-%s'; "
		 "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
		 "require-trusted-types-for 'script'\r\nCross-Origin-Opener-Policy: same-origin\r\n",
		 script, style);
	return 0;
}

void dt_page_fini(struct dt_page *page)
{
	free(page->text);
	page->text = NULL;
}
