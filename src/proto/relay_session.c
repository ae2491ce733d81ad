/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/relay_session.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/bucket.h"
#include "base/clock.h"
#include "base/hash.h"
#include "proto/replay.h"

#define SECRET_LEN 32
#define ROTATE_NS (DT_TOKEN_ROTATE_S * DT_SEC)
/* A token lives no longer than this, so a replay window must be kept no longer. */
#define WINDOW_NS (2 * ROTATE_NS)
/* A client that runs sends a PING every 2 s. One that is silent for this long may be gone. */
#define SILENT_NS (10 * DT_SEC)
#define SALT_LEN 16

struct session {
	bool used;
	uint8_t id[DT_SESSION_LEN];
	uint64_t accepted_ns; /* last */
	struct dt_replay replay;
};

struct dt_relay_peer {
	uint8_t key_id[DT_KEY_ID_LEN];
	uint8_t public_key[DT_KEY_LEN];
	bool has_keys; /* derived from its first datagram on: for thousands of peers at once that takes a second */
	struct dt_pair_keys keys;
	void *owner;
	uint8_t salt[SALT_LEN]; /* of its tokens: a new one makes all of them invalid */
	struct session sessions[DT_SESSIONS_PER_CLIENT];
	struct dt_bucket requests;
	UT_hash_handle hh;
};

struct dt_relay_proto {
	struct dt_keypair keys;
	struct dt_relay_peer *peers;
	struct dt_seal_header header;	/* of our next datagram */
	uint8_t secrets[2][SECRET_LEN]; /* newest first */
	uint64_t rotated_ns;
};

int dt_relay_proto_new(struct dt_relay_proto **out, const struct dt_keypair *keys, uint64_t now_ns)
{
	struct dt_relay_proto *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->keys = *keys;
	randombytes_buf(p->header.session, sizeof(p->header.session));
	randombytes_buf(p->secrets, sizeof(p->secrets));
	p->rotated_ns = now_ns;
	*out = p;
	return 0;
}

void dt_relay_proto_free(struct dt_relay_proto *p)
{
	struct dt_relay_peer *peer, *tmp;

	if (!p)
		return;
	HASH_ITER(hh, p->peers, peer, tmp)
		dt_relay_proto_peer_remove(p, peer);
	sodium_memzero(p, sizeof(*p));
	free(p);
}

int dt_relay_proto_peer_add(struct dt_relay_proto *p, const uint8_t public_key[DT_KEY_LEN], void *owner,
			    struct dt_relay_peer **out)
{
	struct dt_relay_peer *peer = calloc(1, sizeof(*peer)), *same;
	int err;

	if (!peer)
		return -ENOMEM;
	dt_pair_key_id(peer->key_id, public_key, p->keys.public);
	HASH_FIND(hh, p->peers, peer->key_id, sizeof(peer->key_id), same);
	err = dt_public_key_is_weak(public_key) ? -EKEYREJECTED : same ? -EEXIST : 0;
	if (err) {
		free(peer);
		return err;
	}
	memcpy(peer->public_key, public_key, sizeof(peer->public_key));
	peer->owner = owner;
	/* a peer that was removed and comes back has lost its windows, so its old tokens must not be valid */
	randombytes_buf(peer->salt, sizeof(peer->salt));
	HASH_ADD(hh, p->peers, key_id, sizeof(peer->key_id), peer);
	*out = peer;
	return 0;
}

void dt_relay_proto_peer_remove(struct dt_relay_proto *p, struct dt_relay_peer *peer)
{
	HASH_DELETE(hh, p->peers, peer);
	sodium_memzero(peer, sizeof(*peer));
	free(peer);
}

void dt_relay_peer_limit(struct dt_relay_peer *peer, unsigned per_second, unsigned at_once)
{
	dt_bucket_limit(&peer->requests, per_second, at_once);
}

bool dt_relay_peer_is_silent(const struct dt_relay_peer *peer, const uint8_t session[DT_SESSION_LEN], uint64_t now_ns)
{
	for (int i = 0; i < DT_SESSIONS_PER_CLIENT; i++) {
		const struct session *s = &peer->sessions[i];

		if (s->used && memcmp(s->id, session, DT_SESSION_LEN) == 0)
			return now_ns >= s->accepted_ns + SILENT_NS;
	}
	return true;
}

bool dt_relay_proto_knows(const struct dt_relay_proto *p, const uint8_t key_id[DT_KEY_ID_LEN])
{
	struct dt_relay_peer *peer;

	HASH_FIND(hh, p->peers, key_id, DT_KEY_ID_LEN, peer);
	return peer != NULL;
}

uint64_t dt_relay_peer_id(const struct dt_relay_peer *peer)
{
	return dt_key_id_number(peer->key_id);
}

/* --- tokens ------------------------------------------------------------------------------------ */

static void secrets_rotate(struct dt_relay_proto *p, uint64_t now_ns)
{
	uint64_t age = now_ns > p->rotated_ns ? now_ns - p->rotated_ns : 0;

	if (age < ROTATE_NS)
		return;
	if (age < 2 * ROTATE_NS)
		memcpy(p->secrets[1], p->secrets[0], SECRET_LEN);
	else
		randombytes_buf(p->secrets[1], SECRET_LEN);
	randombytes_buf(p->secrets[0], SECRET_LEN);
	p->rotated_ns = age < 2 * ROTATE_NS ? p->rotated_ns + ROTATE_NS : now_ns;
}

static void token_make(uint8_t out[DT_TOKEN_LEN], const uint8_t secret[SECRET_LEN], const struct dt_relay_peer *peer,
		       const uint8_t session[DT_SESSION_LEN], const struct dt_endpoint *from)
{
	uint8_t port[2] = {(uint8_t)(from->port >> 8), (uint8_t)from->port};
	crypto_generichash_state state;

	crypto_generichash_init(&state, secret, SECRET_LEN, DT_TOKEN_LEN);
	crypto_generichash_update(&state, peer->public_key, sizeof(peer->public_key));
	crypto_generichash_update(&state, peer->salt, sizeof(peer->salt));
	crypto_generichash_update(&state, session, DT_SESSION_LEN);
	crypto_generichash_update(&state, from->ip.b, sizeof(from->ip.b));
	crypto_generichash_update(&state, port, sizeof(port));
	crypto_generichash_final(&state, out, DT_TOKEN_LEN);
}

static bool token_valid(const struct dt_relay_proto *p, const struct dt_relay_peer *peer,
			const uint8_t session[DT_SESSION_LEN], const struct dt_endpoint *from,
			const uint8_t token[DT_TOKEN_LEN])
{
	uint8_t expected[DT_TOKEN_LEN];

	if (sodium_is_zero(token, DT_TOKEN_LEN))
		return false;
	for (int i = 0; i < 2; i++) {
		token_make(expected, p->secrets[i], peer, session, from);
		if (sodium_memcmp(expected, token, DT_TOKEN_LEN) == 0)
			return true;
	}
	return false;
}

/* --- datagrams --------------------------------------------------------------------------------- */

static bool keys_derive(const struct dt_relay_proto *p, struct dt_relay_peer *peer)
{
	if (!peer->has_keys)
		peer->has_keys = dt_pair_keys_relay(&peer->keys, &p->keys, peer->public_key) == 0;
	return peer->has_keys;
}

/*
 * The place of a session that is silent; NULL: none is. Its window is forgotten while its tokens could be valid, so all
 * tokens of this client become invalid: the other sessions keep their windows, and get new tokens with their next request.
 */
static struct session *silent_replace(struct dt_relay_peer *peer, uint64_t now_ns)
{
	struct session *oldest = &peer->sessions[0];

	for (int i = 1; i < DT_SESSIONS_PER_CLIENT; i++)
		if (peer->sessions[i].accepted_ns < oldest->accepted_ns)
			oldest = &peer->sessions[i];
	if (now_ns < oldest->accepted_ns + SILENT_NS)
		return NULL;
	randombytes_buf(peer->salt, sizeof(peer->salt));
	return oldest;
}

/* The session, or a place for it; NULL: there is none. */
static struct session *session_find(struct dt_relay_peer *peer, const uint8_t id[DT_SESSION_LEN], uint64_t now_ns)
{
	struct session *unused = NULL;

	for (int i = 0; i < DT_SESSIONS_PER_CLIENT; i++) {
		struct session *s = &peer->sessions[i];

		if (s->used && memcmp(s->id, id, DT_SESSION_LEN) == 0)
			return s;
		if (!s->used || now_ns > s->accepted_ns + WINDOW_NS)
			unused = s;
	}
	if (!unused)
		unused = silent_replace(peer, now_ns);
	if (!unused)
		return NULL;
	memset(unused, 0, sizeof(*unused));
	memcpy(unused->id, id, DT_SESSION_LEN);
	return unused;
}

static size_t reply_seal(struct dt_relay_proto *p, const struct dt_relay_request *req, struct dt_message *m,
			 uint8_t *reply)
{
	uint8_t plain[DT_WIRE_REQUEST_PLAIN];
	size_t room = req->reply_max - sizeof(struct dt_wire_header) - DT_TAG_LEN;
	int len;

	m->op = req->message.op | DT_OP_REPLY;
	memcpy(m->echo_session, req->session, sizeof(m->echo_session));
	m->echo_counter = req->counter;
	token_make(m->token, p->secrets[0], req->peer, req->session, &req->from);
	len = dt_message_encode(m, plain, room < sizeof(plain) ? room : sizeof(plain));
	if (len < 0)
		return 0;
	p->header.counter++;
	len = dt_seal(&req->peer->keys, &p->header, plain, (size_t)len, reply, DT_WIRE_MAX);
	return len < 0 ? 0 : (size_t)len;
}

static enum dt_relay_verdict answer(struct dt_relay_proto *p, struct dt_relay_request *req, enum dt_reason reason,
				    uint8_t *reply, size_t *reply_len)
{
	struct dt_message m;

	memset(&m, 0, sizeof(m));
	m.reason = (uint8_t)reason;
	*reply_len = reply_seal(p, req, &m, reply);
	return DT_RELAY_ANSWER;
}

enum dt_relay_verdict dt_relay_proto_input(struct dt_relay_proto *p, uint64_t now_ns, const struct dt_endpoint *from,
					   const uint8_t *in, size_t len, struct dt_relay_request *req, uint8_t *reply,
					   size_t *reply_len)
{
	uint8_t key_id[DT_KEY_ID_LEN], plain[DT_WIRE_REQUEST_PLAIN];
	struct dt_relay_request r = {.from = *from, .reply_max = len};
	struct dt_seal_header header;
	struct session *session;
	int plain_len;

	if (dt_peek_key_id(in, len, key_id) < 0)
		return DT_RELAY_MALFORMED;
	HASH_FIND(hh, p->peers, key_id, sizeof(key_id), r.peer);
	if (!r.peer || !keys_derive(p, r.peer))
		return DT_RELAY_AUTH;
	plain_len = dt_open(&r.peer->keys, in, len, &header, plain, sizeof(plain));
	if (plain_len < 0)
		return DT_RELAY_AUTH;
	if (dt_message_decode(&r.message, plain, (size_t)plain_len) < 0 || r.message.op & DT_OP_REPLY)
		return DT_RELAY_MALFORMED;
	memcpy(r.session, header.session, sizeof(r.session));
	r.counter = header.counter;
	r.owner = r.peer->owner;

	secrets_rotate(p, now_ns);
	if (!token_valid(p, r.peer, r.session, from, r.message.token)) {
		*req = r;
		return answer(p, req, DT_REASON_TOKEN, reply, reply_len);
	}
	session = session_find(r.peer, r.session, now_ns);
	if (!session) {
		*req = r;
		return answer(p, req, DT_REASON_SESSIONS, reply, reply_len);
	}
	if (!dt_replay_accept(&session->replay, r.counter))
		return DT_RELAY_REPLAY;
	if (!dt_bucket_take(&r.peer->requests, now_ns))
		return DT_RELAY_GREEDY;
	session->used = true;
	session->accepted_ns = now_ns;
	*req = r;
	return DT_RELAY_ACCEPT;
}

size_t dt_relay_proto_reply(struct dt_relay_proto *p, uint64_t now_ns, const struct dt_relay_request *req,
			    struct dt_message *message, uint8_t *reply)
{
	secrets_rotate(p, now_ns);
	message->seen = req->from;
	return reply_seal(p, req, message, reply);
}
