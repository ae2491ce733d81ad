/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/config_keys.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

void dt_config_public_key_take(struct dt_config *c, struct dt_config_public_keys *keys, const char *what,
			       const char *section, const char *value, uint8_t out[DT_KEY_LEN])
{
	struct dt_config_public_key fresh = {.pos = c->pos};
	size_t probe = 0, i;
	uint64_t hash;

	if (!dt_config_key32(c, value, fresh.key))
		return;
	memcpy(out, fresh.key, sizeof(fresh.key));
	hash = dt_index_hash(fresh.key, sizeof(fresh.key));
	while (dt_index_next(&keys->by_key, hash, &probe, &i))
		if (memcmp(keys->list[i].key, fresh.key, sizeof(fresh.key)) == 0) {
			dt_config_error(c, "duplicate public key: [%s %s] has the same", what, keys->list[i].section);
			break;
		}
	snprintf(fresh.section, sizeof(fresh.section), "%s", section);
	if (!dt_index_add(&keys->by_key, hash, keys->count))
		dt_config_exhausted(c);
	else
		dt_config_append(c, &keys->list, &keys->count, sizeof(fresh), &fresh);
}

void dt_config_public_keys_check_own(struct dt_config *c, const struct dt_config_public_keys *keys,
				     const struct dt_keypair *own, const char *whose)
{
	if (sodium_is_zero(own->secret, sizeof(own->secret)))
		return; /* it could not be read */
	for (size_t i = 0; i < keys->count; i++)
		if (memcmp(keys->list[i].key, own->public, DT_KEY_LEN) == 0)
			dt_config_error_at(c, keys->list[i].pos, "this is %s own public key, not the other side's",
					   whose);
		else if (sodium_memcmp(keys->list[i].key, own->secret, DT_KEY_LEN) == 0)
			dt_config_error_at(c, keys->list[i].pos,
					   "the private key file holds this same key: one of the two is wrong, and a "
					   "private key belongs only into its file");
}

void dt_config_public_keys_fini(struct dt_config_public_keys *keys)
{
	free(keys->list);
	dt_index_fini(&keys->by_key);
	memset(keys, 0, sizeof(*keys));
}
