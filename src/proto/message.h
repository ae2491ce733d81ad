/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Protocol v2 codec: a datagram's plaintext to and from structures, and its encryption. Pure. */
#ifndef DETOURD_PROTO_MESSAGE_H
#define DETOURD_PROTO_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "detourd/wire.h"
#include "proto/keys.h"

/* DT_OPTION_TUNNEL; a key of zeroes: absent. */
struct dt_tunnel {
	uint8_t key[DT_KEY_LEN];
	uint16_t port;
	struct dt_ip ip4, ip6; /* unset: none */
};

/* One body, request or reply; members that an op does not use are zero. */
struct dt_message {
	uint8_t op;	/* enum dt_op, DT_OP_REPLY set in replies */
	uint8_t reason; /* enum dt_reason */
	uint16_t dpt;
	uint32_t lifetime_s;
	struct dt_endpoint server; /* rip, rpt */
	uint8_t token[DT_TOKEN_LEN];
	uint8_t echo_session[DT_SESSION_LEN];
	uint64_t echo_counter;
	/* options; port 0 or unset address: absent */
	struct dt_endpoint seen;
	struct dt_endpoint control4, control6;
	struct dt_ip nat4, nat6;
	struct dt_tunnel tunnel;
	uint32_t rtt_us;	 /* relay to server and back; 0: absent */
	uint32_t resets;	 /* joins under this lease that the server refused by an RST; 0: absent */
	uint8_t key[DT_KEY_LEN]; /* of who joins; zeroes: absent */
	bool draining;
	bool converts;	 /* DT_OPTION_CONVERTER is there */
	uint8_t outcome; /* its value, enum dt_convert_outcome */
};

/*
 * Writes the plaintext into out; requests are padded to DT_WIRE_REQUEST_PLAIN. Options that do not fit into a reply
 * are left out, those written last first. Returns the length, or -ENOSPC: not even the fixed part fits.
 */
int dt_message_encode(const struct dt_message *m, uint8_t *out, size_t cap);
/* -EBADMSG for anything malformed; m is then untouched. */
int dt_message_decode(struct dt_message *m, const uint8_t *in, size_t len);

/* Header fields a sender chooses. */
struct dt_seal_header {
	uint8_t session[DT_SESSION_LEN];
	uint64_t counter;
};

/* Encrypts plaintext into a whole datagram; returns its length or -ENOSPC. */
int dt_seal(const struct dt_pair_keys *keys, const struct dt_seal_header *header, const uint8_t *plain,
	    size_t plain_len, uint8_t *out, size_t cap);
/* Reads the key id from the unencrypted header. -EBADMSG: wrong length, version or reserved bytes. */
int dt_peek_key_id(const uint8_t *in, size_t len, uint8_t key_id[DT_KEY_ID_LEN]);
/*
 * Decrypts into plain (cap >= len); returns the plaintext's length. -EBADMSG: malformed; -EACCES: not for these keys.
 */
int dt_open(const struct dt_pair_keys *keys, const uint8_t *in, size_t len, struct dt_seal_header *header,
	    uint8_t *plain, size_t cap);

/* Words for a user, such as "the relay denies this destination". Never NULL. */
const char *dt_reason_text(uint8_t reason);

#endif
