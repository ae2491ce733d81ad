/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/redact.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/key.h"

#define KEY_LEN (DT_KEY_BASE64_LEN - 1)

void dt_redaction_fini(struct dt_redaction *r)
{
	free(r->known);
	memset(r, 0, sizeof(*r));
}

static bool is_base64(char c)
{
	return isalnum((unsigned char)c) || c == '+' || c == '/';
}

/* Does a key begin here? Any 32 bytes are one. */
static bool is_key(const char *at)
{
	size_t len = 0;

	while (len < KEY_LEN && is_base64(at[len]))
		len++;
	return len == KEY_LEN - 1 && at[len] == '=' && !is_base64(at[KEY_LEN]) && at[KEY_LEN] != '=';
}

/* The length of the longest address that begins here; 0: none does. */
static size_t address_len(const char *at, struct dt_ip *ip)
{
	size_t len = strspn(at, "0123456789abcdefABCDEF:.");
	char text[DT_IP_STRLEN];

	for (len = len < sizeof(text) ? len : sizeof(text) - 1; len > 1; len--) {
		memcpy(text, at, len);
		text[len] = '\0';
		if (!isalnum((unsigned char)at[len]) && dt_ip_parse(ip, text) == 0)
			return len;
	}
	return 0;
}

static bool is_nobodys(const struct dt_ip *ip)
{
	return dt_ip_is_unset(ip) || dt_ip_is_loopback(ip) || (dt_ip_is_v4(ip) && dt_ip_v4(ip) == 0);
}

/* Its number, from 1; 0: out of memory. */
static size_t number_of(struct dt_redaction *r, const struct dt_ip *ip)
{
	for (size_t i = 0; i < r->nknown; i++)
		if (dt_ip_equal(&r->known[i], ip))
			return i + 1;
	return dt_array_append(&r->known, &r->nknown, sizeof(*ip), ip) ? r->nknown : 0;
}

void dt_redact(struct dt_redaction *r, const char *text, FILE *to)
{
	bool word = false; /* the last character belongs to a word, within which nothing begins */
	struct dt_ip ip;
	size_t len;

	while (*text) {
		if (!word && is_key(text)) {
			fputs("[key]", to);
			text += KEY_LEN;
		} else if (!word && !r->keep_addresses && (len = address_len(text, &ip)) && !is_nobodys(&ip)) {
			fprintf(to, "ip%zu", number_of(r, &ip));
			text += len;
		} else {
			word = isalnum((unsigned char)*text) || *text == '.' || *text == '+';
			fputc(*text++, to);
			continue;
		}
		word = false;
	}
}
