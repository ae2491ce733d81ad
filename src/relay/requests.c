/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the relay answers: each accepted request becomes a lease, a renewal, a release or a pong. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "relay/relay.h"

/* One a run of the client, and some for those that ended without a word. */
#define TUNNELS_PER_CLIENT 8

/* The `address` line of a family, NULL where none was written out. */
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

static void control_put(const struct dt_relay *r, struct dt_message *m, unsigned family, const struct dt_ip *ip)
{
	struct dt_endpoint *control = family == 4 ? &m->control4 : &m->control6;

	control->port = control_port(r, family);
	if (control->port)
		control->ip = *ip;
}

/*
 * Names the relay's addresses. For the family asked by, the address the client used is good for control, and for
 * NAT too unless an address line says otherwise.
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
	uint64_t suppressed;

	r->counters[counter]++;
	if (dt_log_allowed(&r->denied_log, now_ns, &suppressed))
		dt_log_info("refused a lease: %s client=%s from=%s server=%s suppressed=%llu", why, client->conf->name,
			    dt_endpoint_format(&req->from, from), dt_endpoint_format(&req->message.server, server),
			    (unsigned long long)suppressed);
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

static uint8_t lease_answer(struct dt_relay *r, const struct dt_relay_request *req, const struct dt_ip *to,
			    struct dt_message *m, uint64_t now_ns)
{
	const struct dt_relay_client *client = req->owner;
	const struct dt_message *asked = &req->message;
	const struct dt_nat_address *configured;
	struct dt_lease_entry e = {.client_id = client->id,
				   .client = req->from.ip,
				   .server = asked->server,
				   .dpt = asked->dpt,
				   .created_ns = now_ns};
	unsigned family = dt_ip_family(&req->from.ip);
	int err;

	if (dt_ip_family(&asked->server.ip) != family) {
		denied(r, req, DT_RELAY_COUNT_DENIED_FAMILY, "server and client are of different families", now_ns);
		return DT_REASON_FAMILY;
	}
	configured = address_configured(r, family);
	e.relay = configured ? configured->local : *to;
	if (asked->op == DT_OP_RELEASE) {
		err = dt_leases_release(r->leases, &e);
		r->counters[DT_RELAY_COUNT_LEASES_RELEASED] += err == 0;
		return lease_reason(r, req, err, now_ns);
	}
	if (asked->op == DT_OP_LEASE && r->draining) {
		r->counters[DT_RELAY_COUNT_DENIED_DRAINING]++;
		return DT_REASON_DRAINING;
	}
	if (asked->server.port == 0 || !dt_policy_permits(&r->policy, client->id, &asked->server.ip)) {
		denied(r, req, DT_RELAY_COUNT_DENIED_DESTINATION, "destination denied", now_ns);
		return DT_REASON_DESTINATION;
	}
	m->lifetime_s = lifetime_granted(asked->lifetime_s);
	e.expires_ns = now_ns + m->lifetime_s * DT_SEC;
	/* a renewal may move the lease to another address of ours */
	err = dt_dataplane_address(r->dataplane, &e.relay);
	if (err == 0 && asked->op == DT_OP_RENEW) {
		err = dt_leases_renew(r->leases, &e, client->conf->max_leases);
		r->counters[DT_RELAY_COUNT_LEASES_RENEWED] += err == 0;
	} else {
		if (err == 0)
			err = dt_leases_make(r->leases, &e, client->conf->max_leases);
		r->counters[DT_RELAY_COUNT_LEASES_MADE] += err == 0;
	}
	m->dpt = err == 0 ? e.dpt : 0;
	m->rtt_us = err == 0 ? e.rtt_us : 0;
	if (err)
		m->lifetime_s = 0;
	return lease_reason(r, req, err, now_ns);
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
	err = dt_tunnels_ask(r->tunnels, client->id, asked, TUNNELS_PER_CLIENT, now_ns, now_ns + m->lifetime_s * DT_SEC,
			     &m->tunnel);
	if (err == 0) {
		r->counters[DT_RELAY_COUNT_TUNNELS_MADE]++;
		return DT_REASON_OK;
	}
	m->lifetime_s = 0;
	denied(r, req, DT_RELAY_COUNT_DENIED_QUOTA, err == -EDQUOT ? "too many tunnels of this client" : strerror(-err),
	       now_ns);
	return DT_REASON_QUOTA;
}

static size_t request_answer(struct dt_relay *r, const struct dt_relay_request *req, const struct dt_ip *to,
			     uint64_t now_ns, uint8_t *reply)
{
	struct dt_message m;

	memset(&m, 0, sizeof(m));
	m.server = req->message.server;
	m.draining = r->draining;
	addresses_put(r, &m, dt_ip_family(&req->from.ip), to);
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
	case DT_OP_PING:
		m.reason = DT_REASON_OK;
		break;
	default:
		m.reason = DT_REASON_UNSUPPORTED;
		break;
	}
	return dt_relay_proto_reply(r->proto, now_ns, req, &m, reply);
}

size_t dt_relay_datagram(void *data, const struct dt_endpoint *from, const struct dt_ip *to, const uint8_t *in,
			 size_t len, uint8_t *reply)
{
	struct dt_relay *r = data;
	struct dt_relay_request req;
	uint64_t now_ns = dt_now_ns();
	size_t reply_len = 0;

	switch (dt_relay_proto_input(r->proto, now_ns, from, in, len, &req, reply, &reply_len)) {
	case DT_RELAY_MALFORMED:
		r->counters[DT_RELAY_COUNT_DROPPED_MALFORMED]++;
		return 0;
	case DT_RELAY_AUTH:
		r->counters[DT_RELAY_COUNT_DROPPED_AUTH]++;
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
		r->counters[DT_RELAY_COUNT_REQUESTS]++;
		return request_answer(r, &req, to, now_ns, reply);
	}
	return 0;
}
