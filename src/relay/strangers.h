/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who asks with a key that the relay does not know: most are clients that were not added yet, or that have a wrong public
 * key of this relay. They get no answer; the relay's owner learns of them here. Pure.
 */
#ifndef DETOURD_RELAY_STRANGERS_H
#define DETOURD_RELAY_STRANGERS_H

#include "base/addr.h"
#include "detourd/wire.h"

#define DT_STRANGERS 8

struct dt_stranger {
	uint8_t key_id[DT_KEY_ID_LEN];
	struct dt_endpoint from; /* last; anybody can write it into a datagram */
	uint64_t count;		 /* 0: this place is empty */
	uint64_t last_ns;
};

/* Zeroed: none. Whoever sends under ever new key ids takes the places of those who asked least. */
struct dt_strangers {
	struct dt_stranger list[DT_STRANGERS];
};

/* Notes one request, and returns whose it is; its count is 1 if it is new. */
const struct dt_stranger *dt_strangers_note(struct dt_strangers *s, const uint8_t key_id[DT_KEY_ID_LEN],
					    const struct dt_endpoint *from, uint64_t now_ns);

#endif
