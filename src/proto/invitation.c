/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/invitation.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#define PREFIX "detourd:"
#define CHECKSUM_LEN 4
#define PAYLOAD_LEN (DT_KEY_LEN + DT_INVITATION_SECRET_LEN + CHECKSUM_LEN)
#define PAYLOAD_STRLEN sodium_base64_ENCODED_LEN(PAYLOAD_LEN, sodium_base64_VARIANT_URLSAFE_NO_PADDING)

_Static_assert(sizeof(PREFIX) + DT_HOST_STRLEN + PAYLOAD_STRLEN < DT_INVITATION_STRLEN, "room for the line");

static const uint8_t keys_domain[] = "detourd v2 invitation keys";
static const uint8_t checksum_domain[] = "detourd v2 invitation checksum";

static void checksum(uint8_t out[CHECKSUM_LEN], const char *relay, size_t relay_len, const uint8_t *payload)
{
	uint8_t hash[crypto_generichash_BYTES_MIN];
	crypto_generichash_state state;

	crypto_generichash_init(&state, checksum_domain, sizeof(checksum_domain) - 1, sizeof(hash));
	crypto_generichash_update(&state, payload, PAYLOAD_LEN - CHECKSUM_LEN);
	crypto_generichash_update(&state, (const uint8_t *)relay, relay_len);
	crypto_generichash_final(&state, hash, sizeof(hash));
	memcpy(out, hash, CHECKSUM_LEN);
}

const char *dt_invitation_format(const struct dt_invitation_line *line, char *buf)
{
	char relay[DT_HOST_STRLEN], text[PAYLOAD_STRLEN];
	uint8_t payload[PAYLOAD_LEN];

	dt_host_format(&line->relay, relay);
	memcpy(payload, line->relay_public, DT_KEY_LEN);
	memcpy(payload + DT_KEY_LEN, line->secret, DT_INVITATION_SECRET_LEN);
	checksum(payload + PAYLOAD_LEN - CHECKSUM_LEN, relay, strlen(relay), payload);
	sodium_bin2base64(text, sizeof(text), payload, sizeof(payload), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	strcpy(buf, PREFIX);
	strcat(buf, relay);
	strcat(buf, "/");
	strcat(buf, text);
	sodium_memzero(payload, sizeof(payload));
	sodium_memzero(text, sizeof(text));
	return buf;
}

/* Copies text without space. False: it is longer than any line. */
static bool squeeze(char out[DT_INVITATION_STRLEN], const char *text)
{
	size_t len = 0;

	for (; *text; text++) {
		if (isspace((unsigned char)*text))
			continue;
		if (len == DT_INVITATION_STRLEN - 1)
			return false;
		out[len++] = *text;
	}
	out[len] = '\0';
	return true;
}

static int payload_take(struct dt_invitation_line *out, const char *relay, const char *text)
{
	char again[PAYLOAD_STRLEN];
	uint8_t payload[PAYLOAD_LEN], expected[CHECKSUM_LEN];
	size_t len;
	int err = 0;

	if (sodium_base642bin(payload, sizeof(payload), text, strlen(text), NULL, &len, NULL,
			      sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
	    len != sizeof(payload))
		return -EBADMSG;
	checksum(expected, relay, strlen(relay), payload);
	/* libsodium takes a byte of 0xc1 for an A */
	sodium_bin2base64(again, sizeof(again), payload, sizeof(payload), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	if (strcmp(again, text) != 0 || memcmp(expected, payload + PAYLOAD_LEN - CHECKSUM_LEN, CHECKSUM_LEN) != 0)
		err = -EBADMSG;
	memcpy(out->relay_public, payload, DT_KEY_LEN);
	memcpy(out->secret, payload + DT_KEY_LEN, DT_INVITATION_SECRET_LEN);
	sodium_memzero(payload, sizeof(payload));
	sodium_memzero(again, sizeof(again));
	return err;
}

int dt_invitation_parse(struct dt_invitation_line *out, const char *text)
{
	char line[DT_INVITATION_STRLEN], *relay = line + strlen(PREFIX), *slash;
	int err;

	if (!squeeze(line, text) || strncmp(line, PREFIX, strlen(PREFIX)) != 0)
		return -EINVAL;
	slash = strchr(relay, '/');
	if (!slash)
		return -EBADMSG;
	*slash = '\0';
	err = payload_take(out, relay, slash + 1);
	/* a relay wrote it, so this is for lines that somebody made up */
	if (err == 0 && (dt_host_parse(&out->relay, relay) < 0 || dt_public_key_is_weak(out->relay_public)))
		err = -EBADMSG;
	sodium_memzero(line, sizeof(line));
	return err;
}

void dt_invitation_keys(struct dt_keypair *out, const struct dt_invitation_line *line)
{
	struct dt_keypair keys;
	crypto_generichash_state state;

	crypto_generichash_init(&state, keys_domain, sizeof(keys_domain) - 1, sizeof(keys.secret));
	crypto_generichash_update(&state, line->secret, sizeof(line->secret));
	crypto_generichash_update(&state, line->relay_public, sizeof(line->relay_public));
	crypto_generichash_final(&state, keys.secret, sizeof(keys.secret));
	keys.secret[0] &= 248;
	keys.secret[31] = (keys.secret[31] & 127) | 64;
	dt_keypair_from_secret(out, keys.secret);
	sodium_memzero(&keys, sizeof(keys));
}
