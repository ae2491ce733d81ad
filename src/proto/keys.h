/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Static Curve25519 keys and what is derived from a pair of them: one key per direction (crypto_kx) and the
 * key id that stands in the clear. Call sodium_init() before anything here.
 */
#ifndef DETOURD_PROTO_KEYS_H
#define DETOURD_PROTO_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detourd/wire.h"

#define DT_KEY_BASE64_LEN 45 /* 44 characters and the end */

struct dt_keypair {
	uint8_t secret[DT_KEY_LEN];
	uint8_t public[DT_KEY_LEN];
};

struct dt_pair_keys {
	uint8_t rx[DT_KEY_LEN];
	uint8_t tx[DT_KEY_LEN];
	uint8_t key_id[DT_KEY_ID_LEN];
};

/* A fresh private key, clamped as wg does it. */
void dt_keypair_generate(struct dt_keypair *out);
/* Fills public from secret. */
int dt_keypair_from_secret(struct dt_keypair *out, const uint8_t secret[DT_KEY_LEN]);
/* -EINVAL unless text is exactly 44 base64 characters of 32 bytes (canonical). */
int dt_key_parse(uint8_t out[DT_KEY_LEN], const char *text);
const char *dt_key_format(const uint8_t key[DT_KEY_LEN], char *buf);
/* -EKEYREJECTED for a public key of small order (the shared secret would be known to all). */
int dt_pair_keys_client(struct dt_pair_keys *out, const struct dt_keypair *client,
			const uint8_t relay_public[DT_KEY_LEN]);
int dt_pair_keys_relay(struct dt_pair_keys *out, const struct dt_keypair *relay,
		       const uint8_t client_public[DT_KEY_LEN]);
/* The key id as the number used in BPF maps (client_id); never 0. */
uint64_t dt_key_id_number(const uint8_t key_id[DT_KEY_ID_LEN]);

#endif
