/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An invitation is a pair of keys that a relay answers for one purpose: its holder may name the key of a new client
 * (DT_OP_JOIN). The line that hands it over holds where the relay is, the relay's public key and a secret:
 *
 *     detourd:HOST:PORT/base64url(public key, 32 | secret, 16 | checksum, 4)
 *
 * The pair of keys follows from the secret, so the relay keeps the public half only. The checksum is over all before it;
 * it tells a mistyped line from one that the relay does not take. No I/O.
 */
#ifndef DETOURD_PROTO_INVITATION_H
#define DETOURD_PROTO_INVITATION_H

#include <stddef.h>

#include "base/host.h"
#include "base/key.h"

#define DT_INVITATION_SECRET_LEN 16
#define DT_INVITATION_STRLEN 360 /* of the whole line */

struct dt_invitation_line {
	struct dt_host relay;
	uint8_t relay_public[DT_KEY_LEN];
	uint8_t secret[DT_INVITATION_SECRET_LEN];
};

/* buf holds DT_INVITATION_STRLEN bytes; returns buf. */
const char *dt_invitation_format(const struct dt_invitation_line *line, char *buf);
/*
 * Space in the line, as a terminal may put there, does not count. -EINVAL: this is no such line; -EBADMSG: it is one that
 * was changed or cut. *out is then undefined.
 */
int dt_invitation_parse(struct dt_invitation_line *out, const char *text);
/* The invitation's pair of keys, at this relay. */
void dt_invitation_keys(struct dt_keypair *out, const struct dt_invitation_line *line);

#endif
