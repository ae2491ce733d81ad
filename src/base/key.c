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

/* By comparing, since a relay asks for thousands of keys at once, and a multiplication takes 50 us. */
bool dt_public_key_is_weak(const uint8_t key[DT_KEY_LEN])
{
	/* the u coordinates of the points of order 1, 2, 4 and 8 on curve and twist, little endian; p, p + 1 for 0, 1 */
	static const uint8_t weak[][DT_KEY_LEN] = {
		{0},
		{1},
		{0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
		 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
		{0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b,
		 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
		{0xec, [1 ... DT_KEY_LEN - 2] = 0xff, 0x7f},
		{0xed, [1 ... DT_KEY_LEN - 2] = 0xff, 0x7f},
		{0xee, [1 ... DT_KEY_LEN - 2] = 0xff, 0x7f},
	};
	uint8_t masked[DT_KEY_LEN];

	memcpy(masked, key, sizeof(masked));
	masked[DT_KEY_LEN - 1] &= 0x7f; /* the highest bit means nothing */
	for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++)
		if (memcmp(masked, weak[i], sizeof(masked)) == 0)
			return true;
	return false;
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
