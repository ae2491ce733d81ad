/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Static Curve25519 key pairs and their base64 form, as WireGuard writes it. Call sodium_init() before anything here.
 */
#ifndef DETOURD_BASE_KEY_H
#define DETOURD_BASE_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "detourd/wire.h"

#define DT_KEY_BASE64_LEN 45 /* 44 characters and the end */

struct dt_keypair {
	uint8_t secret[DT_KEY_LEN];
	uint8_t public[DT_KEY_LEN];
};

/* A fresh private key, clamped as wg does it. */
void dt_keypair_generate(struct dt_keypair *out);
/* Fills public from secret. */
int dt_keypair_from_secret(struct dt_keypair *out, const uint8_t secret[DT_KEY_LEN]);
/* As dt_keypair_generate() and wg genkey make them. Of other 32 bytes, such as public keys, one in 32 is. */
bool dt_secret_is_made(const uint8_t secret[DT_KEY_LEN]);
/* Weak: its shared secret with any key would be known to all (a point of small order, RFC 7748, 6.1). */
bool dt_public_key_is_weak(const uint8_t key[DT_KEY_LEN]);
/* -EINVAL unless text is exactly 44 base64 characters of 32 bytes (canonical). */
int dt_key_parse(uint8_t out[DT_KEY_LEN], const char *text);
const char *dt_key_format(const uint8_t key[DT_KEY_LEN], char *buf);

#endif
