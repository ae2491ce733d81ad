/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/message.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

_Static_assert(DT_NONCE_LEN == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(DT_TAG_LEN == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");
_Static_assert(DT_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");

static void put16(uint8_t *out, uint16_t v)
{
	out[0] = (uint8_t)(v >> 8);
	out[1] = (uint8_t)v;
}

static void put32(uint8_t *out, uint32_t v)
{
	put16(out, (uint16_t)(v >> 16));
	put16(out + 2, (uint16_t)v);
}

static void put64(uint8_t *out, uint64_t v)
{
	put32(out, (uint32_t)(v >> 32));
	put32(out + 4, (uint32_t)v);
}

static uint16_t get16(const uint8_t *in)
{
	return (uint16_t)(in[0] << 8 | in[1]);
}

static uint32_t get32(const uint8_t *in)
{
	return (uint32_t)get16(in) << 16 | get16(in + 2);
}

static uint64_t get64(const uint8_t *in)
{
	return (uint64_t)get32(in) << 32 | get32(in + 4);
}

/* --- plaintext --------------------------------------------------------------------------------- */

#define ENDPOINT_LEN 18

struct writer {
	uint8_t *out;
	size_t len, cap;
};

/* An option that does not fit is left out. */
static void option_put(struct writer *w, uint8_t type, const uint8_t *value, uint8_t len)
{
	if (w->cap - w->len < sizeof(struct dt_wire_option) + len)
		return;
	w->out[w->len++] = type;
	w->out[w->len++] = len;
	if (len)
		memcpy(w->out + w->len, value, len);
	w->len += len;
}

static void endpoint_put(struct writer *w, uint8_t type, const struct dt_endpoint *e)
{
	uint8_t value[ENDPOINT_LEN];

	if (e->port == 0)
		return;
	memcpy(value, e->ip.b, sizeof(e->ip.b));
	put16(value + 16, e->port);
	option_put(w, type, value, sizeof(value));
}

static void key_put(struct writer *w, const uint8_t key[DT_KEY_LEN])
{
	if (!sodium_is_zero(key, DT_KEY_LEN))
		option_put(w, DT_OPTION_KEY, key, DT_KEY_LEN);
}

/* 0: nothing to say. */
static void number_put(struct writer *w, uint8_t type, uint32_t number)
{
	uint8_t value[4];

	if (number == 0)
		return;
	put32(value, number);
	option_put(w, type, value, sizeof(value));
}

static void tunnel_put(struct writer *w, const struct dt_tunnel *t)
{
	static const uint8_t no_key[DT_KEY_LEN];
	struct dt_wire_tunnel value;
	uint32_t v4;

	if (memcmp(t->key, no_key, sizeof(no_key)) == 0)
		return;
	memset(&value, 0, sizeof(value));
	memcpy(value.key, t->key, sizeof(value.key));
	put16(value.port, t->port);
	if (dt_ip_is_v4(&t->ip4)) {
		v4 = dt_ip_v4(&t->ip4);
		memcpy(value.ip4, &v4, sizeof(value.ip4));
	}
	memcpy(value.ip6, t->ip6.b, sizeof(value.ip6));
	option_put(w, DT_OPTION_TUNNEL, (const uint8_t *)&value, sizeof(value));
}

static void tunnel_get(struct dt_tunnel *t, const uint8_t *in)
{
	struct dt_wire_tunnel value;
	uint32_t v4;

	memcpy(&value, in, sizeof(value));
	memset(t, 0, sizeof(*t));
	memcpy(t->key, value.key, sizeof(t->key));
	t->port = get16(value.port);
	memcpy(&v4, value.ip4, sizeof(v4));
	if (v4)
		t->ip4 = dt_ip_from_v4(v4);
	memcpy(t->ip6.b, value.ip6, sizeof(t->ip6.b));
	/* a v4-mapped address is not an IPv6 address */
	if (dt_ip_is_v4(&t->ip6))
		memset(&t->ip6, 0, sizeof(t->ip6));
}

static void pad_put(struct writer *w, size_t to)
{
	size_t room = to > w->len ? to - w->len : 0;

	if (room < sizeof(struct dt_wire_option))
		return;
	w->out[w->len++] = DT_OPTION_PAD;
	w->out[w->len++] = (uint8_t)(room - sizeof(struct dt_wire_option));
	memset(w->out + w->len, 0, room - sizeof(struct dt_wire_option));
	w->len += room - sizeof(struct dt_wire_option);
}

int dt_message_encode(const struct dt_message *m, uint8_t *out, size_t cap)
{
	struct dt_wire_body body;
	struct writer w = {out, sizeof(body), cap};

	if (cap < sizeof(body) || (!(m->op & DT_OP_REPLY) && cap < DT_WIRE_REQUEST_PLAIN))
		return -ENOSPC;
	memset(&body, 0, sizeof(body));
	body.op = m->op;
	body.reason = m->reason;
	put16(body.dpt, m->dpt);
	put16(body.rpt, m->server.port);
	memcpy(body.rip, m->server.ip.b, sizeof(body.rip));
	put32(body.lifetime, m->lifetime_s);
	memcpy(body.token, m->token, sizeof(body.token));
	memcpy(body.echo_session, m->echo_session, sizeof(body.echo_session));
	put64(body.echo_counter, m->echo_counter);
	memcpy(out, &body, sizeof(body));
	tunnel_put(&w, &m->tunnel);
	if (!dt_ip_is_unset(&m->nat4))
		option_put(&w, DT_OPTION_NAT, m->nat4.b, sizeof(m->nat4.b));
	if (!dt_ip_is_unset(&m->nat6))
		option_put(&w, DT_OPTION_NAT, m->nat6.b, sizeof(m->nat6.b));
	endpoint_put(&w, DT_OPTION_CONTROL, &m->control4);
	endpoint_put(&w, DT_OPTION_CONTROL, &m->control6);
	endpoint_put(&w, DT_OPTION_SEEN, &m->seen);
	number_put(&w, DT_OPTION_RTT, m->rtt_us);
	number_put(&w, DT_OPTION_RESETS, m->resets);
	key_put(&w, m->key);
	if (m->converts)
		option_put(&w, DT_OPTION_CONVERTER, &m->outcome, sizeof(m->outcome));
	if (m->draining)
		option_put(&w, DT_OPTION_DRAIN, NULL, 0);
	if (!(m->op & DT_OP_REPLY))
		pad_put(&w, DT_WIRE_REQUEST_PLAIN);
	return (int)w.len;
}

static struct dt_endpoint endpoint_get(const uint8_t *value)
{
	struct dt_endpoint e;

	memcpy(e.ip.b, value, sizeof(e.ip.b));
	e.port = get16(value + 16);
	return e;
}

static int option_take(struct dt_message *m, uint8_t type, const uint8_t *value, uint8_t len)
{
	struct dt_endpoint e;
	struct dt_ip ip;

	switch (type) {
	case DT_OPTION_SEEN:
	case DT_OPTION_CONTROL:
		if (len < ENDPOINT_LEN) /* a later version may append */
			return -EBADMSG;
		e = endpoint_get(value);
		if (type == DT_OPTION_SEEN)
			m->seen = e;
		else if (dt_ip_is_v4(&e.ip))
			m->control4 = e;
		else
			m->control6 = e;
		return 0;
	case DT_OPTION_NAT:
		if (len < sizeof(ip.b))
			return -EBADMSG;
		memcpy(ip.b, value, sizeof(ip.b));
		if (dt_ip_is_v4(&ip))
			m->nat4 = ip;
		else
			m->nat6 = ip;
		return 0;
	case DT_OPTION_TUNNEL:
		if (len < sizeof(struct dt_wire_tunnel)) /* a later version may append */
			return -EBADMSG;
		tunnel_get(&m->tunnel, value);
		return 0;
	case DT_OPTION_RTT:
	case DT_OPTION_RESETS:
		if (len < 4)
			return -EBADMSG;
		*(type == DT_OPTION_RTT ? &m->rtt_us : &m->resets) = get32(value);
		return 0;
	case DT_OPTION_KEY:
		if (len < sizeof(m->key))
			return -EBADMSG;
		memcpy(m->key, value, sizeof(m->key));
		return 0;
	case DT_OPTION_DRAIN:
		m->draining = true;
		return 0;
	case DT_OPTION_CONVERTER:
		if (len < 1)
			return -EBADMSG;
		m->converts = true;
		/* one of a later version says nothing to this one */
		m->outcome = *value <= DT_CONVERT_LIMITED ? *value : DT_CONVERT_UNKNOWN;
		return 0;
	default: /* padding, and options newer than this code */
		return 0;
	}
}

int dt_message_decode(struct dt_message *m, const uint8_t *in, size_t len)
{
	struct dt_wire_body body;
	struct dt_message out;
	size_t at = sizeof(body);

	if (len < sizeof(body))
		return -EBADMSG;
	memcpy(&body, in, sizeof(body));
	memset(&out, 0, sizeof(out));
	out.op = body.op;
	out.reason = body.reason;
	out.dpt = get16(body.dpt);
	out.server.port = get16(body.rpt);
	memcpy(out.server.ip.b, body.rip, sizeof(body.rip));
	out.lifetime_s = get32(body.lifetime);
	memcpy(out.token, body.token, sizeof(body.token));
	memcpy(out.echo_session, body.echo_session, sizeof(body.echo_session));
	out.echo_counter = get64(body.echo_counter);
	while (at < len) {
		uint8_t type, size;

		if (len - at < sizeof(struct dt_wire_option))
			return -EBADMSG;
		type = in[at];
		size = in[at + 1];
		at += sizeof(struct dt_wire_option);
		if (len - at < size || option_take(&out, type, in + at, size) < 0)
			return -EBADMSG;
		at += size;
	}
	*m = out;
	return 0;
}

/* --- sealing ----------------------------------------------------------------------------------- */

int dt_seal(const struct dt_pair_keys *keys, const struct dt_seal_header *header, const uint8_t *plain,
	    size_t plain_len, uint8_t *out, size_t cap)
{
	struct dt_wire_header h = {.ver = DT_WIRE_VERSION};
	size_t len = sizeof(h) + plain_len + DT_TAG_LEN;

	if (cap < len)
		return -ENOSPC;
	memcpy(h.key_id, keys->key_id, sizeof(h.key_id));
	memcpy(h.session, header->session, sizeof(h.session));
	put64(h.counter, header->counter);
	randombytes_buf(h.nonce, sizeof(h.nonce));
	memcpy(out, &h, sizeof(h));
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + sizeof(h), NULL, plain, plain_len, out, sizeof(h), NULL,
						   h.nonce, keys->tx);
	return (int)len;
}

int dt_peek_key_id(const uint8_t *in, size_t len, uint8_t key_id[DT_KEY_ID_LEN])
{
	struct dt_wire_header h;

	if (len < sizeof(h) + sizeof(struct dt_wire_body) + DT_TAG_LEN || len > DT_WIRE_MAX)
		return -EBADMSG;
	memcpy(&h, in, sizeof(h));
	if (h.ver != DT_WIRE_VERSION || h.reserved[0] || h.reserved[1] || h.reserved[2])
		return -EBADMSG;
	memcpy(key_id, h.key_id, sizeof(h.key_id));
	return 0;
}

int dt_open(const struct dt_pair_keys *keys, const uint8_t *in, size_t len, struct dt_seal_header *header,
	    uint8_t *plain, size_t cap)
{
	uint8_t id[DT_KEY_ID_LEN];
	struct dt_wire_header h;
	size_t plain_len;

	if (dt_peek_key_id(in, len, id) < 0)
		return -EBADMSG;
	plain_len = len - sizeof(h) - DT_TAG_LEN;
	if (cap < plain_len)
		return -EBADMSG;
	memcpy(&h, in, sizeof(h));
	if (memcmp(id, keys->key_id, sizeof(id)) != 0 ||
	    crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, in + sizeof(h), len - sizeof(h), in,
						       sizeof(h), h.nonce, keys->rx) != 0)
		return -EACCES;
	memcpy(header->session, h.session, sizeof(h.session));
	header->counter = get64(h.counter);
	return (int)plain_len;
}

const char *dt_reason_text(uint8_t reason)
{
	switch ((enum dt_reason)reason) {
	case DT_REASON_OK:
		return "granted";
	case DT_REASON_TOKEN:
		return "the relay has not verified this address yet";
	case DT_REASON_SESSIONS:
		return "too many sessions of this key at the relay; wait until some expire";
	case DT_REASON_DESTINATION:
		return "the relay denies this destination";
	case DT_REASON_QUOTA:
		return "max-leases at the relay is reached";
	case DT_REASON_NO_PORT:
		return "the relay has no free port";
	case DT_REASON_NO_LEASE:
		return "the relay has no such lease";
	case DT_REASON_FAMILY:
		return "the relay has no address of this family";
	case DT_REASON_UNSUPPORTED:
		return "the relay does not know this request";
	case DT_REASON_DRAINING:
		return "the relay is closing and takes no new leases";
	case DT_REASON_NO_TUNNEL:
		return "the relay has no WireGuard (its owner can set wireguard-port)";
	case DT_REASON_USED:
		return "this invitation was used, by another key than this host's";
	case DT_REASON_EXPIRED:
		return "this invitation has expired";
	case DT_REASON_WITHDRAWN:
		return "the relay's owner has withdrawn this invitation";
	case DT_REASON_KEY:
		return "the relay does not take this key: it knows it already, or it is weak";
	case DT_REASON_STORE:
		return "the relay cannot store a new client; its log says why";
	case DT_REASON_NO_CONVERTER:
		return "the relay converts nothing for this client (its owner can set convert = yes)";
	}
	return "refused for a reason that this version does not know";
}
