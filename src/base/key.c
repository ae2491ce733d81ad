/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/key.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

void dt_keypair_generate(struct dt_keypair *out)
{
	randombytes_buf(out->secret, sizeof(out->secret));
	out->secret[0] &= 248;
	out->secret[31] = (out->secret[31] & 127) | 64;
	crypto_scalarmult_base(out->public, out->secret);
}

int dt_keypair_from_secret(struct dt_keypair *out, const uint8_t secret[DT_KEY_LEN])
{
	struct dt_keypair keys;

	memcpy(keys.secret, secret, sizeof(keys.secret));
	if (crypto_scalarmult_base(keys.public, keys.secret) != 0)
		return -EKEYREJECTED;
	*out = keys;
	return 0;
}

bool dt_secret_is_made(const uint8_t secret[DT_KEY_LEN])
{
	return (secret[0] & 7) == 0 && (secret[31] & 192) == 64;
}

bool dt_public_key_is_weak(const uint8_t key[DT_KEY_LEN])
{
	static const uint8_t any_secret[crypto_scalarmult_SCALARBYTES] = {8};
	uint8_t shared[crypto_scalarmult_BYTES];

	return crypto_scalarmult(shared, any_secret, key) != 0;
}

int dt_key_parse(uint8_t out[DT_KEY_LEN], const char *text)
{
	uint8_t key[DT_KEY_LEN];
	char again[DT_KEY_BASE64_LEN];
	size_t len;

	if (strlen(text) != DT_KEY_BASE64_LEN - 1 ||
	    sodium_base642bin(key, sizeof(key), text, strlen(text), NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) !=
		    0 ||
	    len != sizeof(key))
		return -EINVAL;
	/* the last character has two bits that mean nothing: only one spelling is a key */
	if (strcmp(dt_key_format(key, again), text) != 0)
		return -EINVAL;
	memcpy(out, key, sizeof(key));
	return 0;
}

const char *dt_key_format(const uint8_t key[DT_KEY_LEN], char *buf)
{
	return sodium_bin2base64(buf, DT_KEY_BASE64_LEN, key, DT_KEY_LEN, sodium_base64_VARIANT_ORIGINAL);
}
