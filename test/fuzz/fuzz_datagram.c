/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Datagrams at relay and client, by whoever holds the right key. The first byte chooses: raw bytes; a conversation with
 * the relay, with its tokens, sessions, time and replays; one with the client, whose requests are answered; the codec's
 * round trip. Randomness is the same in each run, so that an input does the same again.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sodium.h>

#include "base/clock.h"
#include "fuzz.h"
#include "proto/client_link.h"
#include "proto/relay_session.h"

#define STEPS_MAX 64
#define START_NS DT_SEC

static struct dt_keypair client_keys, relay_keys;
static struct dt_pair_keys at_client, at_relay;
static uint64_t random_state;

static const char *random_name(void)
{
	return "the same in each run";
}
static uint32_t random_next(void)
{
	random_state = random_state * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)(random_state >> 32);
}
static void random_fill(void *const out, const size_t size)
{
	for (size_t i = 0; i < size; i++)
		((uint8_t *)out)[i] = (uint8_t)random_next();
}
static struct randombytes_implementation same_random = {
	.implementation_name = random_name,
	.random = random_next,
	.buf = random_fill,
};

static void prepare(void)
{
	static bool done;

	random_state = 1;
	if (done)
		return;
	done = true;
	randombytes_set_implementation(&same_random);
	fuzz_check(sodium_init() >= 0);
	dt_keypair_generate(&client_keys);
	dt_keypair_generate(&relay_keys);
	fuzz_check(dt_pair_keys_client(&at_client, &client_keys, relay_keys.public) == 0);
	fuzz_check(dt_pair_keys_relay(&at_relay, &relay_keys, client_keys.public) == 0);
}

/* A message of the input: its plaintext, or its members one after the other. */
static bool message_take(struct dt_message *m, struct fuzz_input *in, bool is_plain)
{
	const uint8_t *data;
	size_t len;

	memset(m, 0, sizeof(*m));
	data = fuzz_bytes(in, DT_WIRE_REQUEST_PLAIN, &len);
	if (is_plain)
		return dt_message_decode(m, data, len) == 0;
	struct fuzz_input body = {data, len};

	m->op = fuzz_byte(&body);
	m->reason = fuzz_byte(&body);
	m->dpt = (uint16_t)(fuzz_byte(&body) << 8 | fuzz_byte(&body));
	m->lifetime_s = fuzz_byte(&body);
	dt_endpoint_parse(&m->server, fuzz_byte(&body) & 1 ? "203.0.113.1:443" : "[2001:db8::1]:443");
	m->seen = (struct dt_endpoint){dt_ip_from_v4(htonl(0xc0000200u | fuzz_byte(&body))), fuzz_byte(&body)};
	m->draining = fuzz_byte(&body) & 1;
	memset(m->key, fuzz_byte(&body), sizeof(m->key));
	m->converts = fuzz_byte(&body) & 1;
	m->outcome = fuzz_byte(&body) % (DT_CONVERT_LIMITED + 1);
	return true;
}

static size_t seal(const struct dt_pair_keys *keys, const struct dt_seal_header *header, const struct dt_message *m,
		   uint8_t out[DT_WIRE_MAX])
{
	uint8_t plain[DT_WIRE_REQUEST_PLAIN];
	int len = dt_message_encode(m, plain, sizeof(plain));

	len = len < 0 ? len : dt_seal(keys, header, plain, (size_t)len, out, DT_WIRE_MAX);
	return len > 0 ? (size_t)len : 0;
}

/* --- the relay --------------------------------------------------------------------------------- */

struct datagram {
	uint8_t bytes[DT_WIRE_MAX];
	size_t len;
	struct dt_endpoint from;
	bool is_accepted;
};

struct relay_scene {
	struct dt_relay_proto *relay;
	uint64_t now_ns, counter;
	struct datagram sent[STEPS_MAX];
	size_t nsent;
	struct dt_message answer; /* the last */
};

static struct dt_relay_proto *relay_make(uint64_t now_ns)
{
	struct dt_relay_proto *relay;
	struct dt_relay_peer *peer;

	fuzz_check(dt_relay_proto_new(&relay, &relay_keys, now_ns) == 0);
	fuzz_check(dt_relay_proto_peer_add(relay, client_keys.public, NULL, &peer) == 0);
	dt_relay_peer_limit(peer, 100, 200);
	return relay;
}

static enum dt_relay_verdict relay_take(struct relay_scene *scene, struct datagram *d)
{
	uint8_t reply[DT_WIRE_MAX], plain[DT_WIRE_REQUEST_PLAIN];
	struct dt_relay_request req;
	struct dt_seal_header header;
	size_t reply_len = 0;
	enum dt_relay_verdict verdict;
	int len;

	verdict =
		dt_relay_proto_input(scene->relay, scene->now_ns, &d->from, d->bytes, d->len, &req, reply, &reply_len);
	if (verdict == DT_RELAY_ACCEPT) {
		struct dt_message answer = {0};

		fuzz_check(!d->is_accepted); /* no datagram twice, whatever time went by */
		d->is_accepted = true;
		dt_ip_parse(&answer.nat4, "198.51.100.1");
		reply_len = dt_relay_proto_reply(scene->relay, scene->now_ns, &req, &answer, reply);
	}
	if (verdict != DT_RELAY_ACCEPT && verdict != DT_RELAY_ANSWER)
		return verdict;
	fuzz_check(reply_len > 0 && reply_len <= d->len);
	len = dt_open(&at_client, reply, reply_len, &header, plain, sizeof(plain));
	fuzz_check(len > 0 && dt_message_decode(&scene->answer, plain, (size_t)len) == 0);
	return verdict;
}

/* The session's token for this address, as a client gets it: by asking without one. */
static void token_fetch(struct relay_scene *scene, const struct dt_seal_header *header, const struct dt_endpoint *from,
			uint8_t token[DT_TOKEN_LEN])
{
	struct dt_message ping = {.op = DT_OP_PING};
	struct datagram d = {.from = *from};

	d.len = seal(&at_client, header, &ping, d.bytes);
	fuzz_check(relay_take(scene, &d) == DT_RELAY_ANSWER);
	fuzz_check(scene->answer.reason == DT_REASON_TOKEN);
	memcpy(token, scene->answer.token, DT_TOKEN_LEN);
}

/* kind: 0x80 an old datagram again; 0x40 plaintext; 0x20 no token; 0x18 how much later; 7 which session. */
static void relay_step(struct relay_scene *scene, uint8_t kind, struct fuzz_input *in)
{
	static const uint64_t later_ns[] = {0, DT_MS, DT_SEC, DT_TOKEN_ROTATE_S * DT_SEC};
	struct dt_seal_header header = {.session = "session"};
	struct datagram *d = &scene->sent[scene->nsent];
	uint8_t where = fuzz_byte(in);
	struct dt_message m;

	scene->now_ns += later_ns[kind >> 3 & 3];
	if (kind & 0x80) {
		if (scene->nsent)
			relay_take(scene, &scene->sent[where % scene->nsent]);
		return;
	}
	*d = (struct datagram){0};
	dt_endpoint_parse(&d->from, where & 1 ? "192.0.2.1:1000" : "192.0.2.2:1000");
	header.session[0] = kind & 7;
	header.counter = scene->counter += (uint64_t)(where >> 1) * (where >> 1);
	if (!message_take(&m, in, kind & 0x40))
		return;
	if (!(kind & 0x20))
		token_fetch(scene, &header, &d->from, m.token);
	d->len = seal(&at_client, &header, &m, d->bytes);
	scene->nsent++;
	relay_take(scene, d);
}

static void relay_converse(struct fuzz_input *in)
{
	static struct relay_scene scene;

	scene = (struct relay_scene){.relay = relay_make(START_NS), .now_ns = START_NS};
	while (in->left && scene.nsent < STEPS_MAX)
		relay_step(&scene, fuzz_byte(in), in);
	dt_relay_proto_free(scene.relay);
}

/* --- the client -------------------------------------------------------------------------------- */

#define OWNERS 4

struct client_scene {
	struct dt_client_link *link;
	uint64_t now_ns, relay_counter;
	struct {
		uint64_t counter;
		uint8_t op;
		bool is_answered;
	} requests[STEPS_MAX];
	size_t nrequests;
	int asked[OWNERS]; /* requests of each that await their end */
	bool is_heard;
};

static int owners[OWNERS];

static void events_take(struct client_scene *scene)
{
	struct dt_client_link_event event;

	while (dt_client_link_event(scene->link, &event)) {
		if (event.type != DT_LINK_REPLY && event.type != DT_LINK_TIMEOUT)
			continue;
		/* one end for each request */
		fuzz_check(--scene->asked[(int *)event.owner - owners] == 0);
	}
	fuzz_check(dt_client_link_state(scene->link) != DT_LINK_UP || scene->is_heard);
	fuzz_check(dt_client_link_deadline(scene->link) != DT_NEVER);
}

static void client_speak(struct client_scene *scene)
{
	uint8_t out[DT_WIRE_MAX], plain[DT_WIRE_REQUEST_PLAIN];
	struct dt_seal_header header;
	struct dt_message m;
	size_t len;
	int plain_len;

	dt_client_link_tick(scene->link, scene->now_ns);
	for (int i = 0; i < 16 && (len = dt_client_link_output(scene->link, scene->now_ns, out, sizeof(out))); i++) {
		plain_len = dt_open(&at_relay, out, len, &header, plain, sizeof(plain));
		fuzz_check(plain_len > 0 && dt_message_decode(&m, plain, (size_t)plain_len) == 0);
		scene->requests[scene->nrequests % STEPS_MAX].counter = header.counter;
		scene->requests[scene->nrequests % STEPS_MAX].op = m.op;
		scene->requests[scene->nrequests % STEPS_MAX].is_answered = false;
		scene->nrequests++;
	}
}

/* kind: 8 the relay's other session; 0x10 plaintext; 0x20 the input's op. */
static void client_hear(struct client_scene *scene, uint8_t kind, struct fuzz_input *in)
{
	struct dt_seal_header header = {.session = "relay", .counter = ++scene->relay_counter};
	size_t last = scene->nrequests < STEPS_MAX ? scene->nrequests : STEPS_MAX, which = fuzz_byte(in);
	uint8_t box[DT_WIRE_MAX];
	struct dt_message m;

	if (!last || !message_take(&m, in, kind & 0x10))
		return;
	which = (scene->nrequests - 1 - which % last) % STEPS_MAX;
	header.session[0] ^= kind & 8;
	memcpy(m.echo_session, "session", sizeof("session"));
	m.echo_counter = scene->requests[which].counter;
	if (!(kind & 0x20))
		m.op = scene->requests[which].op | DT_OP_REPLY;
	memset(m.token, kind & 0x40 ? 0 : 1, sizeof(m.token));
	if (dt_client_link_input(scene->link, scene->now_ns, box, seal(&at_relay, &header, &m, box)) !=
	    DT_LINK_ACCEPTED)
		return;
	fuzz_check(!scene->requests[which].is_answered);
	scene->requests[which].is_answered = true;
	scene->is_heard = true;
}

static void client_ask(struct client_scene *scene, struct fuzz_input *in)
{
	static const uint8_t ops[] = {DT_OP_LEASE, DT_OP_RENEW, DT_OP_JOIN, DT_OP_TUNNEL};
	uint8_t what = fuzz_byte(in);
	struct dt_message m = {.op = ops[what & 3], .dpt = 20000, .key = {9}};
	int owner = what >> 2 & 3, err;

	dt_endpoint_parse(&m.server, "203.0.113.1:443");
	err = dt_client_link_request(scene->link, &m, &owners[owner], scene->now_ns);
	fuzz_check((err == -EBUSY) == (scene->asked[owner] > 0));
	if (err == 0)
		scene->asked[owner]++;
}

static void client_step(struct client_scene *scene, uint8_t kind, struct fuzz_input *in)
{
	uint8_t what;

	switch (kind & 3) {
	case 0:
		scene->now_ns += (1ULL << (kind >> 2) % 36);
		client_speak(scene);
		break;
	case 1:
		client_hear(scene, kind, in);
		break;
	case 2:
		client_ask(scene, in);
		break;
	case 3:
		what = fuzz_byte(in);
		if (what & 1) {
			dt_client_link_probe(scene->link, scene->now_ns);
		} else {
			dt_client_link_cancel(scene->link, &owners[what >> 1 & 3]);
			scene->asked[what >> 1 & 3] = 0;
		}
		break;
	}
	events_take(scene);
}

static void client_converse(struct fuzz_input *in)
{
	static struct client_scene scene;
	struct dt_client_session session = {.id = "session"};

	scene = (struct client_scene){.now_ns = START_NS};
	fuzz_check(dt_client_link_new(&scene.link, &at_client, &session, START_NS) == 0);
	for (int i = 0; in->left && i < STEPS_MAX; i++)
		client_step(&scene, fuzz_byte(in), in);
	dt_client_link_free(scene.link);
}

/* --- bytes ------------------------------------------------------------------------------------- */

static void raw(const uint8_t *data, size_t size)
{
	struct relay_scene scene = {.relay = relay_make(START_NS), .now_ns = START_NS};
	struct dt_client_session session = {.id = "session"};
	struct dt_relay_request req;
	struct dt_endpoint from;
	uint8_t reply[DT_WIRE_MAX];
	size_t reply_len;
	struct dt_client_link *l;

	/* nobody has sealed these */
	dt_endpoint_parse(&from, "192.0.2.1:1000");
	fuzz_check(dt_relay_proto_input(scene.relay, DT_SEC, &from, data, size, &req, reply, &reply_len) <=
		   DT_RELAY_AUTH);
	dt_relay_proto_free(scene.relay);
	fuzz_check(dt_client_link_new(&l, &at_client, &session, DT_SEC) == 0);
	fuzz_check(dt_client_link_input(l, DT_SEC, data, size) != DT_LINK_ACCEPTED);
	dt_client_link_free(l);
}

static void codec(const uint8_t *data, size_t size)
{
	struct dt_message m, again;
	uint8_t out[4 * DT_WIRE_REQUEST_PLAIN];
	int len;

	if (dt_message_decode(&m, data, size) < 0)
		return;
	len = dt_message_encode(&m, out, sizeof(out));
	fuzz_check(len >= 0 && dt_message_decode(&again, out, (size_t)len) == 0);
	fuzz_check(again.op == m.op && again.dpt == m.dpt && dt_endpoint_equal(&again.server, &m.server) &&
		   again.echo_counter == m.echo_counter && memcmp(again.key, m.key, sizeof(m.key)) == 0 &&
		   again.converts == m.converts && again.outcome == m.outcome);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data + 1, size - 1};

	prepare();
	if (size < 1)
		return 0;
	switch (data[0] % 4) {
	case 0:
		raw(in.data, in.left);
		break;
	case 1:
		relay_converse(&in);
		break;
	case 2:
		client_converse(&in);
		break;
	case 3:
		codec(in.data, in.left);
		break;
	}
	return 0;
}
