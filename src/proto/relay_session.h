/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The relay's half of protocol v2: it decrypts, checks tokens, sessions and replay windows, and hands on only
 * requests that are authentic, fresh, and from a verified address. Leases are its caller's part. No I/O, no clock, no
 * log: bytes and the time go in, a verdict and bytes come out.
 */
#ifndef DETOURD_PROTO_RELAY_SESSION_H
#define DETOURD_PROTO_RELAY_SESSION_H

#include "base/addr.h"
#include "proto/message.h"

struct dt_relay_proto;
struct dt_relay_peer; /* one [client NAME]; owned by the dt_relay_proto */

enum dt_relay_verdict {
	DT_RELAY_MALFORMED, /* not a v2 datagram: no answer */
	DT_RELAY_AUTH,	    /* unknown key, or not encrypted with it: no answer */
	DT_RELAY_REPLAY,    /* counter seen before under a live token: no answer */
	DT_RELAY_GREEDY,    /* more requests than dt_relay_peer_limit() allows: no answer */
	DT_RELAY_ANSWER,    /* the reply is complete (a token, too many sessions): send it */
	DT_RELAY_ACCEPT,    /* a valid request: act, then dt_relay_proto_reply() */
};

struct dt_relay_request {
	struct dt_relay_peer *peer;
	void *owner; /* as given to dt_relay_proto_peer_add() */
	struct dt_message message;
	struct dt_endpoint from;
	/* for the reply */
	uint8_t session[DT_SESSION_LEN];
	uint64_t counter;
	size_t reply_max;
};

/* -ENOMEM. */
int dt_relay_proto_new(struct dt_relay_proto **out, const struct dt_keypair *keys, uint64_t now_ns);
void dt_relay_proto_free(struct dt_relay_proto *p);
/* -EEXIST: a peer has this key, or its id; -EKEYREJECTED: a weak key; -ENOMEM. */
int dt_relay_proto_peer_add(struct dt_relay_proto *p, const uint8_t public_key[DT_KEY_LEN], void *owner,
			    struct dt_relay_peer **out);
/* With its sessions and windows. */
void dt_relay_proto_peer_remove(struct dt_relay_proto *p, struct dt_relay_peer *peer);
/* Requests a second, and at once; 0, the default: no limit. A request over the limit costs its decryption only. */
void dt_relay_peer_limit(struct dt_relay_peer *peer, unsigned per_second, unsigned at_once);
/* Has nothing of this session been accepted for ten seconds? A client that runs speaks every two. */
bool dt_relay_peer_is_silent(const struct dt_relay_peer *peer, const uint8_t session[DT_SESSION_LEN], uint64_t now_ns);
/* Has a peer this key id? */
bool dt_relay_proto_knows(const struct dt_relay_proto *p, const uint8_t key_id[DT_KEY_ID_LEN]);
uint64_t dt_relay_peer_id(const struct dt_relay_peer *peer);

/*
 * Checks one datagram. *req is written for ANSWER and ACCEPT only. For ANSWER the whole reply is in
 * reply, its length in reply_len (reply has room for DT_WIRE_MAX bytes).
 */
enum dt_relay_verdict dt_relay_proto_input(struct dt_relay_proto *p, uint64_t now_ns, const struct dt_endpoint *from,
					   const uint8_t *in, size_t len, struct dt_relay_request *req, uint8_t *reply,
					   size_t *reply_len);
/*
 * Seals the reply to an accepted request. The caller fills reason, dpt, lifetime_s, server, control*, nat*;
 * op, echo, token and seen are filled here. Returns the length, never above the request's.
 */
size_t dt_relay_proto_reply(struct dt_relay_proto *p, uint64_t now_ns, const struct dt_relay_request *req,
			    struct dt_message *message, uint8_t *reply);

#endif
