/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Relays at the other end of the path manager's UDP sockets: the product's own protocol (proto/relay_session), with
 * leases in a table and manners that a story sets.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define CONTROL_PORT 45672
#define FIRST_PORT 50000
#define TUNNEL_PORT 51820

struct relay_lease {
	struct {
		struct dt_ip client;
		struct dt_ip server;
		uint16_t port;
		uint16_t pad[3];
	} key;
	uint16_t dpt;
	uint64_t expires_ns;
	UT_hash_handle hh, by_port;
};

static void proto_open(struct relay *r)
{
	if (dt_relay_proto_new(&r->proto, &r->keys, world_now()) < 0 ||
	    dt_relay_proto_peer_add(r->proto, story_client_keys.public, r, &r->peer) < 0)
		abort();
}

struct relay *relay_add(const char *name)
{
	struct relay *r = calloc(1, sizeof(*r)), **at = &world.relays;
	unsigned number = 1;

	if (!r)
		abort();
	for (; *at; at = &(*at)->next)
		number++;
	*at = r;
	snprintf(r->name, sizeof(r->name), "%s", name);
	dt_ip_parse(&r->at.ip, "198.51.100.0");
	r->at.ip.b[15] = (uint8_t)number;
	r->at.port = CONTROL_PORT;
	dt_keypair_generate(&r->keys);
	r->rtt_ms = 10;
	r->server_rtt_ms = 10;
	r->next_port = FIRST_PORT;
	proto_open(r);
	return r;
}

struct relay *relay_named(const char *name)
{
	struct relay *r = world.relays;

	while (r && strcmp(r->name, name) != 0)
		r = r->next;
	return r;
}

/* --- leases ------------------------------------------------------------------------------------ */

static struct relay_lease *lease_find(const struct relay *r, const struct dt_ip *client,
				      const struct dt_endpoint *server)
{
	struct relay_lease probe, *l;

	memset(&probe, 0, sizeof(probe));
	probe.key.client = *client;
	probe.key.server = server->ip;
	probe.key.port = server->port;
	HASH_FIND(hh, r->leases, &probe.key, sizeof(probe.key), l);
	return l;
}

static void lease_drop(struct relay *r, struct relay_lease *l)
{
	HASH_DELETE(hh, r->leases, l);
	HASH_DELETE(by_port, r->by_port, l);
	free(l);
}

static struct relay_lease *lease_make(struct relay *r, const struct dt_ip *client, const struct dt_endpoint *server)
{
	struct relay_lease *l = calloc(1, sizeof(*l));

	if (!l)
		abort();
	l->key.client = *client;
	l->key.server = server->ip;
	l->key.port = server->port;
	l->dpt = (uint16_t)r->next_port++;
	HASH_ADD(hh, r->leases, key, sizeof(l->key), l);
	HASH_ADD(by_port, r->by_port, dpt, sizeof(l->dpt), l);
	return l;
}

size_t relay_leases(const struct relay *r)
{
	return HASH_COUNT(r->leases);
}

static bool is_nat_address(const struct relay *r, const struct dt_ip *ip)
{
	return dt_ip_equal(ip, dt_ip_is_unset(&r->nat) ? &r->at.ip : &r->nat) || dt_ip_equal(ip, &r->nat6) ||
	       (dt_ip_is_unset(&r->nat6) && dt_ip_equal(ip, &r->control6));
}

struct relay *relay_of_join(const struct dt_endpoint *at, struct dt_endpoint *server)
{
	for (struct relay *r = world.relays; r; r = r->next) {
		struct relay_lease *l;

		if (!is_nat_address(r, &at->ip))
			continue;
		memset(server, 0, sizeof(*server));
		HASH_FIND(by_port, r->by_port, &at->port, sizeof(at->port), l);
		if (l && l->expires_ns > world_now())
			*server = (struct dt_endpoint){l->key.server, l->key.port};
		return r;
	}
	return NULL;
}

/* --- requests ---------------------------------------------------------------------------------- */

static uint32_t lifetime_of(const struct relay *r, uint32_t asked)
{
	return r->lifetime_s && r->lifetime_s < asked ? r->lifetime_s : asked;
}

static uint8_t lease_answer(struct relay *r, const struct dt_relay_request *req, struct dt_message *m)
{
	const struct dt_message *asked = &req->message;
	struct relay_lease *l = lease_find(r, &req->from.ip, &asked->server);

	r->asked += asked->op == DT_OP_LEASE;
	r->renewed += asked->op == DT_OP_RENEW;
	r->released += asked->op == DT_OP_RELEASE;
	if (asked->op == DT_OP_RELEASE) {
		if (l)
			lease_drop(r, l);
		return l ? DT_REASON_OK : DT_REASON_NO_LEASE;
	}
	if (asked->op == DT_OP_RENEW && (!l || l->expires_ns <= world_now()))
		return DT_REASON_NO_LEASE;
	if (asked->op == DT_OP_LEASE && r->draining)
		return DT_REASON_DRAINING;
	if (r->reason)
		return r->reason;
	if (dt_ip_family(&asked->server.ip) != dt_ip_family(&req->from.ip))
		return DT_REASON_FAMILY;
	if (!l && r->quota && relay_leases(r) >= r->quota)
		return DT_REASON_QUOTA;
	if (!l)
		l = lease_make(r, &req->from.ip, &asked->server);
	m->lifetime_s = lifetime_of(r, asked->lifetime_s);
	l->expires_ns = world_now() + m->lifetime_s * DT_SEC;
	m->dpt = l->dpt;
	m->rtt_us = r->server_rtt_ms * 1000;
	m->resets = r->resets;
	return DT_REASON_OK;
}

/* By the same table: a server that is converted is no server of the NAT's here. */
static uint8_t converter_answer(struct relay *r, const struct dt_relay_request *req, struct dt_message *m)
{
	const struct dt_message *asked = &req->message;
	struct relay_lease *l = lease_find(r, &req->from.ip, &asked->server);

	if (asked->op == DT_OP_UNCONVERT) {
		if (l)
			lease_drop(r, l);
		return l ? DT_REASON_OK : DT_REASON_NO_LEASE;
	}
	r->converts_asked++;
	if (!r->converter)
		return DT_REASON_NO_CONVERTER;
	if (r->reason)
		return r->reason;
	if (!l)
		l = lease_make(r, &req->from.ip, &asked->server);
	m->lifetime_s = lifetime_of(r, asked->lifetime_s);
	l->expires_ns = world_now() + m->lifetime_s * DT_SEC;
	m->dpt = l->dpt;
	m->outcome = r->limited ? DT_CONVERT_LIMITED : r->outcome;
	return DT_REASON_OK;
}

static uint8_t tunnel_answer(struct relay *r, const struct dt_relay_request *req, struct dt_message *m)
{
	if (!r->wireguard)
		return DT_REASON_NO_TUNNEL;
	if (req->message.op == DT_OP_UNTUNNEL) {
		r->tunnels_ended++;
		return DT_REASON_OK;
	}
	r->tunnels_asked++;
	m->tunnel = req->message.tunnel;
	memcpy(m->tunnel.key, r->keys.public, DT_KEY_LEN);
	m->tunnel.port = TUNNEL_PORT;
	if (r->tunnel_collides)
		dt_ip_parse(&m->tunnel.ip4, "192.0.2.77"); /* of the host's own network */
	if (r->tunnel_family)
		memset(r->tunnel_family == 4 ? &m->tunnel.ip6 : &m->tunnel.ip4, 0, sizeof(struct dt_ip));
	m->lifetime_s = lifetime_of(r, req->message.lifetime_s);
	return DT_REASON_OK;
}

static const char *op_word(uint8_t op)
{
	static const char *const words[] = {"?", "LEASE", "RENEW", "RELEASE", "PING", "TUNNEL", "UNTUNNEL"};

	return op == DT_OP_CONVERT     ? "CONVERT"
	       : op == DT_OP_UNCONVERT ? "UNCONVERT"
				       : words[op <= DT_OP_UNTUNNEL ? op : 0];
}

static size_t request_answer(struct relay *r, const struct dt_relay_request *req, uint8_t *reply)
{
	struct dt_message m;
	char server[DT_ENDPOINT_STRLEN];

	memset(&m, 0, sizeof(m));
	m.server = req->message.server;
	m.draining = r->draining;
	m.converts = r->converter;
	m.outcome = r->limited ? DT_CONVERT_LIMITED : DT_CONVERT_UNKNOWN;
	m.nat4 = r->nat;
	m.nat6 = r->nat6;
	if (!dt_ip_is_unset(&r->control6))
		m.control6 = (struct dt_endpoint){r->control6, CONTROL_PORT};
	switch (req->message.op) {
	case DT_OP_PING:
		r->pinged++;
		return dt_relay_proto_reply(r->proto, world_now(), req, &m, reply);
	case DT_OP_TUNNEL:
	case DT_OP_UNTUNNEL:
		m.reason = tunnel_answer(r, req, &m);
		break;
	case DT_OP_CONVERT:
	case DT_OP_UNCONVERT:
		m.reason = converter_answer(r, req, &m);
		break;
	default:
		if (r->lease_silent)
			return 0;
		m.reason = lease_answer(r, req, &m);
		break;
	}
	tell("< %s: %s %s -> %s port=%u", r->name, op_word(req->message.op),
	     dt_endpoint_format(&req->message.server, server), dt_reason_text(m.reason), m.dpt);
	return dt_relay_proto_reply(r->proto, world_now(), req, &m, reply);
}

/* --- datagrams --------------------------------------------------------------------------------- */

struct flight {
	struct relay *relay;
	struct dt_endpoint client, relay_end;
	size_t len;
	uint8_t bytes[DT_WIRE_MAX + 1];
};

static bool passes(const struct flight *f)
{
	const struct host_link *own = host_link_of(&f->client.ip);

	return !f->relay->dark && own && !own->dark && own->rt.flags & IFF_RUNNING;
}

static void reply_arrives(void *data)
{
	struct flight *f = data;

	for (int times = f->relay->repeats ? 2 : 1; times && passes(f); times--)
		fake_udp_deliver(&f->client, &f->relay_end, f->bytes, f->len);
	free(f);
}

/* The reply that the honest relay made, as a liar sends it. */
static size_t reply_falsify(struct relay *r, uint8_t *reply, size_t len)
{
	struct dt_pair_keys keys, client_keys;
	struct relay_reply out = {.by_bytes = false};
	struct dt_seal_header header;
	int got;

	if (dt_pair_keys_client(&client_keys, &story_client_keys, r->keys.public) < 0 ||
	    dt_pair_keys_relay(&keys, &r->keys, story_client_keys.public) < 0)
		abort();
	got = dt_open(&client_keys, reply, len, &header, out.plain, sizeof(out.plain));
	if (got < 0 || dt_message_decode(&out.message, out.plain, (size_t)got) < 0)
		abort();
	out.len = (size_t)got;
	memcpy(out.session, header.session, sizeof(out.session));
	r->lie(r, &out);
	if (!out.by_bytes) {
		got = dt_message_encode(&out.message, out.plain, sizeof(out.plain));
		out.len = got < 0 ? 0 : (size_t)got;
	}
	memcpy(header.session, out.session, sizeof(out.session));
	got = dt_seal(&keys, &header, out.plain, out.len, reply, DT_WIRE_MAX);
	return got < 0 ? 0 : (size_t)got;
}

static void request_arrives(void *data)
{
	struct flight *f = data;
	struct relay *r = f->relay;
	uint8_t reply[DT_WIRE_MAX + 1];
	struct dt_endpoint seen = f->client;
	struct dt_relay_request req;
	unsigned late_ms = 0;
	size_t len = 0;

	if (!dt_ip_is_unset(&world.client_seen) && dt_ip_family(&seen.ip) == dt_ip_family(&world.client_seen))
		seen.ip = world.client_seen;
	if (passes(f) && r->port_closed)
		fake_udp_refuse(&f->client, &f->relay_end);
	if (!passes(f) || r->daemon_off || r->port_closed) {
		free(f);
		return;
	}
	switch (dt_relay_proto_input(r->proto, world_now(), &seen, f->bytes, f->len, &req, reply, &len)) {
	case DT_RELAY_ACCEPT:
		len = request_answer(r, &req, reply);
		late_ms = req.message.op == DT_OP_PING ? 0 : r->late_ms;
		break;
	case DT_RELAY_ANSWER:
		break;
	case DT_RELAY_MALFORMED:
	case DT_RELAY_AUTH:
	case DT_RELAY_REPLAY:
	case DT_RELAY_GREEDY:
		len = 0;
		break;
	}
	if (!len) {
		free(f);
		return;
	}
	if (r->lie)
		len = reply_falsify(r, reply, len);
	memcpy(f->bytes, reply, len);
	f->len = len;
	world_after(r->rtt_ms * DT_MS / 2 + late_ms * DT_MS, reply_arrives, f);
}

void relay_datagram(const struct dt_endpoint *to, const struct dt_endpoint *from, const uint8_t *bytes, size_t len)
{
	struct dt_endpoint six;
	struct flight *f;
	struct relay *r;

	if (world.frozen || len > DT_WIRE_MAX)
		return;
	if (world.witness)
		world.witness(DEED_DATAGRAM, &to->ip);
	for (r = world.relays; r; r = r->next) {
		six = (struct dt_endpoint){r->control6, CONTROL_PORT};
		if (dt_endpoint_equal(&r->at, to) || dt_endpoint_equal(&six, to))
			break;
	}
	if (!r)
		return;
	f = malloc(sizeof(*f));
	if (!f)
		abort();
	r->datagrams++;
	f->relay = r;
	f->client = *from;
	f->relay_end = *to;
	f->len = len;
	memcpy(f->bytes, bytes, len);
	world_after(r->rtt_ms * DT_MS / 2, request_arrives, f);
}

void relay_forges(struct relay *r, bool garbage)
{
	const struct dt_seal_header header = {.counter = 1};
	uint8_t plain[DT_WIRE_REQUEST_PLAIN] = {0}, bytes[DT_WIRE_MAX];
	struct dt_pair_keys keys;
	struct dt_keypair other;
	int len;

	dt_keypair_generate(&other);
	if (dt_pair_keys_relay(&keys, &other, story_client_keys.public) < 0)
		abort();
	len = dt_seal(&keys, &header, plain, sizeof(plain), bytes, sizeof(bytes));
	if (garbage)
		bytes[0] ^= 0xff; /* its version */
	fake_udp_deliver_all(&r->at, bytes, (size_t)len);
}

/* --- its life ---------------------------------------------------------------------------------- */

void relay_restart(struct relay *r)
{
	tell("= relay %s restarts", r->name);
	dt_relay_proto_free(r->proto);
	proto_open(r);
}

static void leases_clear(struct relay *r)
{
	while (r->leases)
		lease_drop(r, r->leases);
}

void relay_forgets(struct relay *r)
{
	tell("= relay %s forgets leases and flows", r->name);
	socks_settle();
	leases_clear(r);
	r->epoch++;
}

void relay_reboot(struct relay *r)
{
	relay_forgets(r);
	r->next_port += 1000; /* ports are random: it will give others */
	relay_restart(r);
}

void relay_forget(struct relay *r)
{
	struct relay **at = &world.relays;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	leases_clear(r);
	dt_relay_proto_free(r->proto);
	free(r);
}

void relays_forget(void)
{
	while (world.relays)
		relay_forget(world.relays);
}
