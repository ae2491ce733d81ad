/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who asks with an unknown key is remembered, in little room, whatever else comes. */
#include <criterion/criterion.h>
#include <string.h>

#include "relay/strangers.h"

static void key_set(uint8_t key_id[DT_KEY_ID_LEN], uint32_t number)
{
	memset(key_id, 0, DT_KEY_ID_LEN);
	memcpy(key_id, &number, sizeof(number));
}

Test(strangers, counts_each_key)
{
	struct dt_endpoint from = {dt_ip_from_v4(htonl(0xc0000202)), 7}, moved = {from.ip, 8};
	struct dt_strangers s = {0};
	uint8_t key_id[DT_KEY_ID_LEN];

	key_set(key_id, 1);
	cr_assert(dt_strangers_note(&s, key_id, &from, 10)->count == 1);
	cr_assert(dt_strangers_note(&s, key_id, &moved, 20)->count == 2);
	key_set(key_id, 2);
	cr_assert(dt_strangers_note(&s, key_id, &from, 30)->count == 1);
	key_set(key_id, 1);
	cr_assert(dt_strangers_note(&s, key_id, &from, 40)->from.port == 7);
	cr_assert(dt_strangers_note(&s, key_id, &from, 50)->last_ns == 50);
}

Test(strangers, a_flood_of_new_keys_leaves_who_asks_again)
{
	struct dt_endpoint from = {dt_ip_from_v4(htonl(0xc0000202)), 7};
	uint8_t key_id[DT_KEY_ID_LEN], client[DT_KEY_ID_LEN];
	struct dt_strangers s = {0};

	key_set(client, 0xffffffff);
	dt_strangers_note(&s, client, &from, 1);
	dt_strangers_note(&s, client, &from, 2);
	for (uint32_t i = 0; i < 1000; i++) {
		key_set(key_id, i);
		cr_assert(dt_strangers_note(&s, key_id, &from, 10 + i)->count == 1);
	}
	cr_assert(dt_strangers_note(&s, client, &from, 2000)->count == 3);
}
