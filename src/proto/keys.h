/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is derived from a pair of static keys: one key for each direction (crypto_kx), and the key id, which is
 * public.
 */
#ifndef DETOURD_PROTO_KEYS_H
#define DETOURD_PROTO_KEYS_H

#include <stdint.h>

#include "base/key.h"

struct dt_pair_keys {
	uint8_t rx[DT_KEY_LEN];
	uint8_t tx[DT_KEY_LEN];
	uint8_t key_id[DT_KEY_ID_LEN];
};

/* -EKEYREJECTED: a weak public key, see dt_public_key_is_weak(). */
int dt_pair_keys_client(struct dt_pair_keys *out, const struct dt_keypair *client,
			const uint8_t relay_public[DT_KEY_LEN]);
int dt_pair_keys_relay(struct dt_pair_keys *out, const struct dt_keypair *relay,
		       const uint8_t client_public[DT_KEY_LEN]);
void dt_pair_key_id(uint8_t out[DT_KEY_ID_LEN], const uint8_t client_public[DT_KEY_LEN],
		    const uint8_t relay_public[DT_KEY_LEN]);
/* The key id as the number used in BPF maps (client_id); never 0. */
uint64_t dt_key_id_number(const uint8_t key_id[DT_KEY_ID_LEN]);

#endif
