/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/keys.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

static const uint8_t key_id_domain[] = "detourd v2 key id";

void dt_pair_key_id(uint8_t out[DT_KEY_ID_LEN], const uint8_t client_public[DT_KEY_LEN],
		    const uint8_t relay_public[DT_KEY_LEN])
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
	dt_pair_key_id(out->key_id, client->public, relay_public);
	return 0;
}

int dt_pair_keys_relay(struct dt_pair_keys *out, const struct dt_keypair *relay,
		       const uint8_t client_public[DT_KEY_LEN])
{
	if (crypto_kx_server_session_keys(out->rx, out->tx, relay->public, relay->secret, client_public) != 0)
		return -EKEYREJECTED;
	dt_pair_key_id(out->key_id, client_public, relay->public);
	return 0;
}

uint64_t dt_key_id_number(const uint8_t key_id_bytes[DT_KEY_ID_LEN])
{
	uint64_t number = 0;

	for (int i = 0; i < DT_KEY_ID_LEN; i++)
		number = number << 8 | key_id_bytes[i];
	return number ? number : 1;
}
