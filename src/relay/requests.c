/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the relay answers: each accepted request becomes a lease, a renewal, a release or a pong. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/special.h"
#include "relay/relay.h"
#include "relay/report.h"

/* One for each run of the client, and some for runs that crashed. */
#define TUNNELS_PER_CLIENT 8
/* A client asks every 2 s while it runs. */
#define SILENCE_NS (60 * DT_SEC)

/* The `address` line of a family; NULL: there is none. */
static const struct dt_nat_address *address_configured(const struct dt_relay *r, unsigned family)
{
	for (size_t i = 0; i < r->config->naddresses; i++)
		if (dt_ip_family(&r->config->addresses[i].local) == family)
			return &r->config->addresses[i];
	return NULL;
}

bool dt_relay_address(const struct dt_relay *r, unsigned family, struct dt_ip *local, struct dt_ip *public)
{
	const struct dt_nat_address *configured = address_configured(r, family);

	if (configured) {
		*local = configured->local;
		*public = configured->public;
		return true;
	}
	for (size_t i = 0; i < r->config->nlisten; i++) {
		const struct dt_ip *ip = &r->config->listen[i].ip;

		if (dt_ip_family(ip) == family && !dt_ip_is_unset(ip) && !(family == 4 && dt_ip_v4(ip) == 0)) {
			*local = *public = *ip;
			return true;
		}
	}
	if (!dt_network_default_address(&r->network, family, local))
		return false;
	*public = *local;
	return true;
}

static uint16_t control_port(const struct dt_relay *r, unsigned family)
{
	for (size_t i = 0; i < r->config->nlisten; i++)
		if (dt_ip_family(&r->config->listen[i].ip) == family)
			return r->config->listen[i].port;
	return 0;
}

bool dt_relay_endpoint(const struct dt_relay *r, unsigned family, struct dt_endpoint *public)
{
	struct dt_ip local;

	public->port = control_port(r, family);
	return public->port && dt_relay_address(r, family, &local, &public->ip);
}

static void control_put(const struct dt_relay *r, struct dt_message *m, unsigned family, const struct dt_ip *ip)
{
	struct dt_endpoint *control = family == 4 ? &m->control4 : &m->control6;

	control->port = control_port(r, family);
	if (control->port)
		control->ip = *ip;
}

/*
 * Names the relay's addresses. For the family of the request, the address that the client used serves for control,
 * and for NAT too unless an address line names another.
 */
static void addresses_put(const struct dt_relay *r, struct dt_message *m, unsigned asked, const struct dt_ip *to)
{
	for (unsigned family = 4; family <= 6; family += 2) {
		const struct dt_nat_address *configured = address_configured(r, family);
		struct dt_ip local, public;

		if (!dt_relay_address(r, family, &local, &public)) {
			if (family == asked)
				control_put(r, m, family, to);
			continue;
		}
		control_put(r, m, family, family == asked && !configured ? to : &public);
		if (family != asked || configured)
			*(family == 4 ? &m->nat4 : &m->nat6) = public;
	}
}

static void denied(struct dt_relay *r, const struct dt_relay_request *req, enum dt_relay_counter counter,
		   const char *why, uint64_t now_ns)
{
	const struct dt_relay_client *client = req->owner;
	char from[DT_ENDPOINT_STRLEN], server[DT_ENDPOINT_STRLEN];
	char detail[224];
	uint64_t suppressed;

	r->counters[counter]++;
	snprintf(detail, sizeof(detail), "refused: %s", why);
	dt_relay_report(r, "lease", "info", client->conf->name, &req->from, &req->message.server, detail);
	if (dt_log_allowed(&r->denied_log, now_ns, &suppressed))
		dt_log_info("refused a lease: %s client=%s from=%s server=%s suppressed=%llu", why, client->conf->name,
			    dt_endpoint_format(&req->from, from), dt_endpoint_format(&req->message.server, server),
			    (unsigned long long)suppressed);
}

static void destination_denied(struct dt_relay *r, const struct dt_relay_request *req, uint64_t now_ns)
{
	const struct dt_relay_client *client = req->owner;
	char rule[160], why[192] = "no port";

	if (req->message.server.port) {
		dt_acl_explain(&r->acl, client->id, client->conf->name, &req->message.server.ip, rule, sizeof(rule));
		snprintf(why, sizeof(why), "destination denied: %s", rule);
	}
	denied(r, req, DT_RELAY_COUNT_DENIED_DESTINATION, why, now_ns);
}

static uint32_t lifetime_granted(uint32_t asked)
{
	if (asked == 0)
		return DT_LEASE_LIFETIME_DEFAULT_S;
	if (asked < DT_LEASE_LIFETIME_MIN_S)
		return DT_LEASE_LIFETIME_MIN_S;
	return asked > DT_LEASE_LIFETIME_MAX_S ? DT_LEASE_LIFETIME_MAX_S : asked;
}

static uint8_t lease_reason(struct dt_relay *r, const struct dt_relay_request *req, int err, uint64_t now_ns)
{
	switch (err) {
	case 0:
		return DT_REASON_OK;
	case -ENOENT:
	case -EADDRINUSE:
		return DT_REASON_NO_LEASE;
	case -EADDRNOTAVAIL:
		denied(r, req, DT_RELAY_COUNT_DENIED_NO_PORT, "no free port", now_ns);
		return DT_REASON_NO_PORT;
	case -EDQUOT:
	default:
		denied(r, req, DT_RELAY_COUNT_DENIED_QUOTA, err == -EDQUOT ? "max-leases reached" : strerror(-err),
		       now_ns);
		return DT_REASON_QUOTA;
	}
}

static uint8_t lease_release(struct dt_relay *r, const struct dt_relay_request *req, const struct dt_lease_entry *e,
			     uint64_t now_ns)
{
	int err = dt_lease_table_release(r->leases, e);

	r->counters[DT_RELAY_COUNT_LEASES_RELEASED] += err == 0;
	return lease_reason(r, req, err, now_ns);
}

static void given(struct dt_relay *r, const struct dt_relay_request *req, uint16_t port, uint32_t lifetime_s)
{
	const struct dt_relay_client *client = req->owner;
	bool renew = req->message.op == DT_OP_RENEW;
	char detail[64];

	snprintf(detail, sizeof(detail), "%s, port %u for %u s", renew ? "renewed" : "granted", port, lifetime_s);
	dt_relay_report(r, "lease", renew ? "debug" : "info", client->conf->name, &req->from, &req->message.server,
			detail);
}

/* LEASE or RENEW, which may move the lease to another address of this relay. */
static uint8_t lease_give(struct dt_relay *r, const struct dt_relay_request *req, struct dt_lease_entry *e,
			  struct dt_message *m, uint64_t now_ns)
{
	const struct dt_relay_client *client = req->owner;
	bool renew = req->message.op == DT_OP_RENEW;
	uint32_t lifetime_s = lifetime_granted(req->message.lifetime_s);
	int err = dt_dataplane_address(r->dataplane, &e->relay);

	e->expires_ns = now_ns + lifetime_s * DT_SEC;
	if (err == 0)
		err = renew ? dt_lease_table_renew(r->leases, e, client->conf->max_leases)
			    : dt_lease_table_make(r->leases, e, client->conf->max_leases);
	if (err)
		return lease_reason(r, req, err, now_ns);
	r->counters[renew ? DT_RELAY_COUNT_LEASES_RENEWED : DT_RELAY_COUNT_LEASES_MADE]++;
	given(r, req, e->dpt, lifetime_s);
	m->lifetime_s = lifetime_s;
	m->dpt = e->dpt;
	m->rtt_us = e->rtt_us;
	m->resets = e->resets;
	return DT_REASON_OK;
}

static uint8_t lease_answer(struct dt_relay *r, const struct dt_relay_request *req, const struct dt_ip *to,
			    struct dt_message *m, uint64_t now_ns)
{
	const struct dt_relay_client *client = req->owner;
	const struct dt_message *asked = &req->message;
	unsigned family = dt_ip_family(&req->from.ip);
	const struct dt_nat_address *configured = address_configured(r, family);
	struct dt_lease_entry e = {.client_id = client->id,
				   .client = req->from.ip,
				   .relay = configured ? configured->local : *to,
				   .server = asked->server,
				   .dpt = asked->dpt,
				   .created_ns = now_ns};

	if (dt_ip_family(&asked->server.ip) != family) {
		denied(r, req, DT_RELAY_COUNT_DENIED_FAMILY,
		       "the server's address is of another family than the client's", now_ns);
		return DT_REASON_FAMILY;
	}
	if (asked->op == DT_OP_RELEASE)
		return lease_release(r, req, &e, now_ns);
	if (asked->op == DT_OP_LEASE && r->draining) {
		r->counters[DT_RELAY_COUNT_DENIED_DRAINING]++;
		return DT_REASON_DRAINING;
	}
	if (asked->server.port == 0 || !dt_acl_permits(&r->acl, client->id, &asked->server.ip)) {
		destination_denied(r, req, now_ns);
		return DT_REASON_DESTINATION;
	}
	return lease_give(r, req, &e, m, now_ns);
}

static void converter_report(struct dt_relay *r, const struct dt_relay_request *req, const struct dt_message *m,
			     bool is_new)
{
	const struct dt_relay_client *client = req->owner;
	char detail[64];

	snprintf(detail, sizeof(detail), "converter %s, port %u for %u s", is_new ? "granted" : "renewed", m->dpt,
		 m->lifetime_s);
	dt_relay_report(r, "lease", is_new ? "info" : "debug", client->conf->name, &req->from, &req->message.server,
			detail);
}

/* CONVERT or UNCONVERT. The server may be of any family: the relay goes there itself. */
static uint8_t converter_answer(struct dt_relay *r, const struct dt_relay_request *req, const struct dt_ip *to,
				struct dt_message *m, uint64_t now_ns)
{
	const struct dt_relay_client *client = req->owner;
	const struct dt_message *asked = &req->message;
	const struct dt_nat_address *configured = address_configured(r, dt_ip_family(&req->from.ip));
	size_t nat_leases = dt_lease_table_count_client(r->leases, client->id);
	struct dt_converter_granted granted = {0};
	struct dt_lease_entry e = {.client_id = client->id,
				   .client = req->from.ip,
				   .relay = configured ? configured->local : *to,
				   .server = asked->server,
				   .expires_ns = now_ns + lifetime_granted(asked->lifetime_s) * DT_SEC,
				   .created_ns = now_ns};
	int err;

	if (asked->op == DT_OP_UNCONVERT) {
		err = dt_converters_release(r->converters, &e);
		r->counters[DT_RELAY_COUNT_CONVERTERS_RELEASED] += err == 0;
		if (err == 0)
			dt_relay_report(r, "lease", "info", client->conf->name, &req->from, &asked->server,
					"converter given back");
		return err ? DT_REASON_NO_LEASE : DT_REASON_OK;
	}
	if (!m->converts)
		return DT_REASON_NO_CONVERTER;
	if (r->draining) {
		r->counters[DT_RELAY_COUNT_DENIED_DRAINING]++;
		return DT_REASON_DRAINING;
	}
	if (!dt_permission_converts(r, client->id, &asked->server)) {
		denied(r, req, DT_RELAY_COUNT_DENIED_DESTINATION, "destination denied", now_ns);
		return DT_REASON_DESTINATION;
	}
	err = dt_dataplane_address(r->dataplane, &e.relay);
	if (err == 0)
		err = dt_converters_ask(
			r->converters, &e, dt_special_has(&asked->server.ip),
			client->conf->max_leases > nat_leases ? client->conf->max_leases - nat_leases : 0, &granted);
	if (err)
		return lease_reason(r, req, err, now_ns);
	r->counters[DT_RELAY_COUNT_CONVERTERS_MADE]++;
	m->lifetime_s = lifetime_granted(asked->lifetime_s);
	m->dpt = e.dpt;
	m->rtt_us = e.rtt_us;
	if (m->outcome != DT_CONVERT_LIMITED)
		m->outcome = (uint8_t)granted.outcome;
	converter_report(r, req, m, granted.is_new);
	return DT_REASON_OK;
}

struct silence {
	const struct dt_relay_peer *peer;
	uint64_t now_ns;
};

static bool is_over(const uint8_t session[DT_SESSION_LEN], void *data)
{
	const struct silence *s = data;

	return dt_relay_peer_is_silent(s->peer, session, s->now_ns);
}

/* A client that was killed left its tunnels: they make room. */
static int tunnel_ask(struct dt_relay *r, const struct dt_relay_request *req, struct dt_message *m, uint64_t now_ns)
{
	const struct dt_relay_client *client = req->owner;
	struct silence silence = {req->peer, now_ns};
	uint64_t until_ns = now_ns + m->lifetime_s * DT_SEC;
	int err;

	do
		err = dt_tunnels_ask(r->tunnels, client->id, req->session, &req->message.tunnel, TUNNELS_PER_CLIENT,
				     now_ns, until_ns, &m->tunnel);
	while (err == -EDQUOT && dt_tunnels_end_over(r->tunnels, client->id, is_over, &silence));
	return err;
}

static uint8_t tunnel_answer(struct dt_relay *r, const struct dt_relay_request *req, struct dt_message *m,
			     uint64_t now_ns)
{
	static const uint8_t no_key[DT_KEY_LEN];
	const struct dt_relay_client *client = req->owner;
	const struct dt_tunnel *asked = &req->message.tunnel;
	int err;

	if (!r->tunnels || memcmp(asked->key, no_key, sizeof(no_key)) == 0)
		return DT_REASON_NO_TUNNEL;
	if (req->message.op == DT_OP_UNTUNNEL) {
		err = dt_tunnels_end(r->tunnels, client->id, asked->key);
		r->counters[DT_RELAY_COUNT_TUNNELS_ENDED] += err == 0;
		return err ? DT_REASON_NO_TUNNEL : DT_REASON_OK;
	}
	if (r->draining && !dt_tunnels_has(r->tunnels, client->id, asked->key)) {
		r->counters[DT_RELAY_COUNT_DENIED_DRAINING]++;
		return DT_REASON_DRAINING;
	}
	m->lifetime_s = lifetime_granted(req->message.lifetime_s);
	err = tunnel_ask(r, req, m, now_ns);
	if (err == 0) {
		r->counters[DT_RELAY_COUNT_TUNNELS_MADE]++;
		return DT_REASON_OK;
	}
	m->lifetime_s = 0;
	if (err == -ENETUNREACH) {
		denied(r, req, DT_RELAY_COUNT_DENIED_FAMILY, "no address for what comes out of tunnels", now_ns);
		return DT_REASON_FAMILY;
	}
	denied(r, req, DT_RELAY_COUNT_DENIED_QUOTA, err == -EDQUOT ? "too many tunnels of this client" : strerror(-err),
	       now_ns);
	return DT_REASON_QUOTA;
}

/* Of an invitation; else a client. */
static bool is_holder(const struct dt_relay_client *who)
{
	return who->invitation && who->invitation->holder == who;
}

/* What the holder of an invitation may ask. */
static uint8_t holder_answer(struct dt_relay *r, const struct dt_relay_request *req)
{
	switch (req->message.op) {
	case DT_OP_JOIN:
		return dt_relay_client_join(r, req->owner, req->message.key, &req->from);
	case DT_OP_PING:
		return DT_REASON_OK;
	default:
		return DT_REASON_UNSUPPORTED;
	}
}

static size_t request_answer(struct dt_relay *r, const struct dt_relay_request *req, const struct dt_ip *to,
			     uint64_t now_ns, uint8_t *reply)
{
	struct dt_message m;

	memset(&m, 0, sizeof(m));
	m.server = req->message.server;
	m.draining = r->draining;
	m.converts = !r->draining && dt_converters_ready(r->converters) &&
		     dt_relay_client_converts(r, ((const struct dt_relay_client *)req->owner)->id);
	if (m.converts &&
	    dt_converters_limited(r->converters, ((const struct dt_relay_client *)req->owner)->id, now_ns))
		m.outcome = DT_CONVERT_LIMITED;
	addresses_put(r, &m, dt_ip_family(&req->from.ip), to);
	if (is_holder(req->owner)) {
		/* what walks over the clients goes first; the holder asks again */
		if (r->reload.phase != DT_RELOAD_IDLE || r->permission.phase != DT_PERMISSION_IDLE)
			return 0;
		m.reason = holder_answer(r, req);
		return dt_relay_proto_reply(r->proto, now_ns, req, &m, reply);
	}
	switch (req->message.op) {
	case DT_OP_LEASE:
	case DT_OP_RENEW:
	case DT_OP_RELEASE:
		m.reason = lease_answer(r, req, to, &m, now_ns);
		break;
	case DT_OP_TUNNEL:
	case DT_OP_UNTUNNEL:
		m.reason = tunnel_answer(r, req, &m, now_ns);
		break;
	case DT_OP_CONVERT:
	case DT_OP_UNCONVERT:
		m.reason = converter_answer(r, req, to, &m, now_ns);
		break;
	case DT_OP_PING:
		m.reason = DT_REASON_OK;
		break;
	default:
		m.reason = DT_REASON_UNSUPPORTED;
		break;
	}
	return dt_relay_proto_reply(r->proto, now_ns, req, &m, reply);
}

static void seen(struct dt_relay *r, struct dt_relay_client *who, const struct dt_endpoint *from, uint64_t now_ns)
{
	const char *detail = NULL;

	if (!who->from.port)
		detail = "seen";
	else if (!dt_ip_equal(&who->from.ip, &from->ip))
		detail = "seen at another address";
	else if (now_ns - who->seen_ns > SILENCE_NS)
		detail = "seen again";
	if (detail)
		dt_relay_report(r, "client", "info", who->conf->name, from, NULL, detail);
	who->from = *from;
	who->seen_ns = now_ns;
}

/* Nothing that does not open is answered; the owner of this relay learns of keys that it does not know. */
static void stranger_note(struct dt_relay *r, const struct dt_endpoint *from, const uint8_t *in, size_t len,
			  uint64_t now_ns)
{
	char text[DT_ENDPOINT_STRLEN], hex[2 * DT_KEY_ID_LEN + 1];
	uint8_t key_id[DT_KEY_ID_LEN];
	uint64_t suppressed;

	if (dt_peek_key_id(in, len, key_id) < 0 || dt_relay_proto_knows(r->proto, key_id))
		return;
	if (dt_strangers_note(&r->strangers, key_id, from, now_ns)->count > 1 ||
	    !dt_log_allowed(&r->strangers_log, now_ns, &suppressed))
		return;
	dt_log_warn("a request under a key that no client here has: its client is not configured, or has another "
		    "public key of this relay from=%s key-id=%s suppressed=%llu",
		    dt_endpoint_format(from, text), sodium_bin2hex(hex, sizeof(hex), key_id, sizeof(key_id)),
		    (unsigned long long)suppressed);
}

size_t dt_relay_datagram(void *data, const struct dt_endpoint *from, const struct dt_ip *to, const uint8_t *in,
			 size_t len, uint8_t *reply)
{
	struct dt_relay *r = data;
	const struct dt_relay_client *client;
	struct dt_relay_request req;
	uint64_t now_ns = dt_now_ns();
	size_t reply_len = 0;

	switch (dt_relay_proto_input(r->proto, now_ns, from, in, len, &req, reply, &reply_len)) {
	case DT_RELAY_MALFORMED:
		r->counters[DT_RELAY_COUNT_DROPPED_MALFORMED]++;
		return 0;
	case DT_RELAY_AUTH:
		r->counters[DT_RELAY_COUNT_DROPPED_AUTH]++;
		stranger_note(r, from, in, len, now_ns);
		return 0;
	case DT_RELAY_REPLAY:
		r->counters[DT_RELAY_COUNT_DROPPED_REPLAY]++;
		return 0;
	case DT_RELAY_GREEDY:
		r->counters[DT_RELAY_COUNT_DROPPED_GREEDY]++;
		return 0;
	case DT_RELAY_ANSWER:
		r->counters[DT_RELAY_COUNT_TOKENS_SENT]++;
		return reply_len;
	case DT_RELAY_ACCEPT:
		client = req.owner;
		if (client->state != DT_CLIENT_PERMITTED) { /* a reload is about to add or drop it */
			r->counters[DT_RELAY_COUNT_DROPPED_AUTH]++;
			return 0;
		}
		r->counters[DT_RELAY_COUNT_REQUESTS]++;
		seen(r, req.owner, from, now_ns);
		return request_answer(r, &req, to, now_ns, reply);
	}
	return 0;
}
