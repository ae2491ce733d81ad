/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/keys.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

static const uint8_t key_id_domain[] = "detourd v2 key id";

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

int dt_key_parse(uint8_t out[DT_KEY_LEN], const char *text)
{
	uint8_t key[DT_KEY_LEN];
	char again[DT_KEY_BASE64_LEN];
	size_t len;

	if (strlen(text) != DT_KEY_BASE64_LEN - 1 ||
	    sodium_base642bin(key, sizeof(key), text, strlen(text), NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    len != sizeof(key))
		return -EINVAL;
	/* the last character has two bits to spare: only one spelling is a key */
	if (strcmp(dt_key_format(key, again), text) != 0)
		return -EINVAL;
	memcpy(out, key, sizeof(key));
	return 0;
}

const char *dt_key_format(const uint8_t key[DT_KEY_LEN], char *buf)
{
	return sodium_bin2base64(buf, DT_KEY_BASE64_LEN, key, DT_KEY_LEN, sodium_base64_VARIANT_ORIGINAL);
}

static void key_id(uint8_t out[DT_KEY_ID_LEN], const uint8_t *client_public, const uint8_t *relay_public)
{
	uint8_t both[2 * DT_KEY_LEN], hash[crypto_generichash_BYTES_MIN];

	memcpy(both, client_public, DT_KEY_LEN);
	memcpy(both + DT_KEY_LEN, relay_public, DT_KEY_LEN);
	crypto_generichash(hash, sizeof(hash), both, sizeof(both), key_id_domain, sizeof(key_id_domain) - 1);
	memcpy(out, hash, DT_KEY_ID_LEN);
}

int dt_pair_keys_client(struct dt_pair_keys *out, const struct dt_keypair *client,
			const uint8_t relay_public[DT_KEY_LEN])
{
	if (crypto_kx_client_session_keys(out->rx, out->tx, client->public, client->secret, relay_public) != 0)
		return -EKEYREJECTED;
	key_id(out->key_id, client->public, relay_public);
	return 0;
}

int dt_pair_keys_relay(struct dt_pair_keys *out, const struct dt_keypair *relay,
		       const uint8_t client_public[DT_KEY_LEN])
{
	if (crypto_kx_server_session_keys(out->rx, out->tx, relay->public, relay->secret, client_public) != 0)
		return -EKEYREJECTED;
	key_id(out->key_id, client_public, relay->public);
	return 0;
}

uint64_t dt_key_id_number(const uint8_t key_id_bytes[DT_KEY_ID_LEN])
{
	uint64_t number = 0;

	for (int i = 0; i < DT_KEY_ID_LEN; i++)
		number = number << 8 | key_id_bytes[i];
	return number ? number : 1;
}
