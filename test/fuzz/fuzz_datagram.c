/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Datagrams at relay and client. The first byte chooses: raw bytes; a plaintext sealed with the right key (what a
 * holder of a key can send); the same at the client. The codec's round trip is checked on what it accepts.
 */
#include <sodium.h>

#include "base/clock.h"
#include "fuzz.h"
#include "proto/client_link.h"
#include "proto/relay_session.h"

static struct dt_keypair client_keys, relay_keys;
static struct dt_pair_keys at_client, at_relay;

static void prepare(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	if (sodium_init() < 0)
		abort();
	dt_keypair_generate(&client_keys);
	dt_keypair_generate(&relay_keys);
	if (dt_pair_keys_client(&at_client, &client_keys, relay_keys.public) < 0 ||
	    dt_pair_keys_relay(&at_relay, &relay_keys, client_keys.public) < 0)
		abort();
}

static size_t seal(const struct dt_pair_keys *keys, uint64_t counter, const uint8_t *data, size_t size, uint8_t *out)
{
	struct dt_seal_header header = {.session = "session", .counter = counter};
	int len = dt_seal(keys, &header, data, size > DT_WIRE_REQUEST_PLAIN ? DT_WIRE_REQUEST_PLAIN : size, out,
			  DT_WIRE_MAX);

	return len > 0 ? (size_t)len : 0;
}

static void relay_take(const uint8_t *in, size_t len)
{
	struct dt_relay_proto *relay;
	struct dt_relay_peer *peer;
	struct dt_relay_request req;
	struct dt_endpoint from;
	struct dt_message answer;
	uint8_t reply[DT_WIRE_MAX];
	size_t reply_len = 0;

	dt_endpoint_parse(&from, "192.0.2.1:1000");
	if (dt_relay_proto_new(&relay, &relay_keys, DT_SEC) < 0 ||
	    dt_relay_proto_peer_add(relay, client_keys.public, NULL, &peer) < 0)
		abort();
	switch (dt_relay_proto_input(relay, DT_SEC, &from, in, len, &req, reply, &reply_len)) {
	case DT_RELAY_ANSWER:
		if (reply_len == 0 || reply_len > len)
			abort();
		break;
	case DT_RELAY_ACCEPT:
		memset(&answer, 0, sizeof(answer));
		dt_ip_parse(&answer.nat4, "198.51.100.1");
		if (dt_relay_proto_reply(relay, DT_SEC, &req, &answer, reply) > len)
			abort();
		break;
	case DT_RELAY_MALFORMED:
	case DT_RELAY_AUTH:
	case DT_RELAY_REPLAY:
	case DT_RELAY_GREEDY:
		break;
	}
	dt_relay_proto_free(relay);
}

static void client_take(const uint8_t *in, size_t len)
{
	struct dt_client_session session = {.id = "session"};
	struct dt_message lease = {.op = DT_OP_LEASE};
	struct dt_link_event event;
	struct dt_link *l;
	uint8_t out[DT_WIRE_MAX];
	int owner;

	if (dt_link_new(&l, &at_client, &session, DT_SEC) < 0)
		abort();
	dt_link_request(l, &lease, &owner, DT_SEC);
	while (dt_link_output(l, DT_SEC, out, sizeof(out)))
		;
	dt_link_input(l, DT_SEC, in, len);
	while (dt_link_event(l, &event))
		;
	dt_link_free(l);
}

static void codec(const uint8_t *data, size_t size)
{
	struct dt_message m, again;
	uint8_t out[4 * DT_WIRE_REQUEST_PLAIN];
	int len;

	if (dt_message_decode(&m, data, size) < 0)
		return;
	len = dt_message_encode(&m, out, sizeof(out));
	if (len < 0 || dt_message_decode(&again, out, (size_t)len) < 0)
		abort();
	if (again.op != m.op || again.dpt != m.dpt || !dt_endpoint_equal(&again.server, &m.server) ||
	    again.echo_counter != m.echo_counter)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t box[DT_WIRE_MAX];
	size_t len;

	prepare();
	if (size < 1)
		return 0;
	switch (data[0] % 4) {
	case 0:
		relay_take(data + 1, size - 1);
		client_take(data + 1, size - 1);
		break;
	case 1:
		len = seal(&at_client, 1, data + 1, size - 1, box);
		relay_take(box, len);
		break;
	case 2:
		len = seal(&at_relay, 1, data + 1, size - 1, box);
		client_take(box, len);
		break;
	case 3:
		codec(data + 1, size - 1);
		break;
	}
	return 0;
}
