/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The public keys that a configuration names, one a section: usable, each only once, and never the host's own. */
#ifndef DETOURD_BASE_CONFIG_KEYS_H
#define DETOURD_BASE_CONFIG_KEYS_H

#include "base/config.h"
#include "base/index.h"
#include "base/key.h"

/* The one of a section. */
struct dt_config_public_key {
	uint8_t key[DT_KEY_LEN];
	char section[DT_CONFIG_NAME_MAX + 1];
	struct dt_config_pos pos;
};

struct dt_config_public_keys {
	struct dt_config_public_key *list;
	size_t count;
	struct dt_index by_key;
};

/*
 * Takes value as the public key of section. Reports text that is no key, a weak key, and a key that another section
 * has; what names a kind of section ("client").
 */
void dt_config_public_key_take(struct dt_config *c, struct dt_config_public_keys *keys, const char *what,
			       const char *section, const char *value, uint8_t out[DT_KEY_LEN]);
/*
 * Once all is read: reports every section whose key is the host's own, public or private. whose: of whom they are ("the
 * relay's").
 */
void dt_config_public_keys_check_own(struct dt_config *c, const struct dt_config_public_keys *keys,
				     const struct dt_keypair *own, const char *whose);
void dt_config_public_keys_fini(struct dt_config_public_keys *keys);

#endif
