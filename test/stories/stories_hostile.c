/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A relay that lies in every field of every message. Each story is about one message: all its fields and options take
 * one hostile value after the other, while connections come and go. Whatever is said, the client joins and asks only
 * where the user's configuration leads, gives itself only addresses of its own choice, asks and logs little, and is
 * well again once the relay is honest.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "story.h"

/* The relay is one of the Internet. The host has 192.0.2.10 and 2001:db8:1::10. */
#define RELAY "9.10.11.12"
#define RELAY6 "2a00:1::12"
#define ROW_MS 18000	 /* leases have 30 s, so each is renewed while a row lasts */
#define SESSION_MS 31000 /* a relay takes eight sessions in four minutes, and each reload here begins one */
#define REQUESTS_A_ROW 120
#define REQUESTS_CONVERTED 250 /* of three servers in each of so many rows */
#define CONVERTED 2
#define LINES_AT_ONCE 40
#define LINES_A_ROW 12

/* Addresses that a relay of the Internet must not lead to. */
static const char *const forbidden[] = {
	"127.0.0.1",
	"0.0.0.1",
	"192.0.2.10", /* own */
	"192.0.2.1",  /* on link */
	"192.0.2.255",
	"10.0.0.53",
	"172.16.0.1",
	"192.168.1.1",
	"100.100.100.100",
	"169.254.169.254",
	"224.0.0.251",
	"255.255.255.255",
	"198.18.0.1",
	"203.0.113.5", /* the server */
	"::1",
	"fe80::1",
	"ff02::1",
	"fd00::53",
	"2001:db8:1::10",
	"2001:db8:1::1",
	"64:ff9b::7f00:1",
};
#define FORBIDDEN (sizeof(forbidden) / sizeof(forbidden[0]))

/* The fixed part's fields. */
static const struct {
	const char *name;
	size_t at, size;
} fields[] = {
#define FIELD(name)                                                                                  \
	{                                                                                            \
#name, offsetof(struct dt_wire_body, name), sizeof(((struct dt_wire_body *)0)->name) \
	}
	FIELD(op),  FIELD(reason),   FIELD(dpt),   FIELD(rpt),		FIELD(reserved),
	FIELD(rip), FIELD(lifetime), FIELD(token), FIELD(echo_session), FIELD(echo_counter),
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static struct relay *fra;
static uint8_t about; /* which op's replies are false; 0: those that only hand out a token */

/* --- the lies ---------------------------------------------------------------------------------- */

static unsigned lie_number; /* within its kind */
static unsigned said;	    /* replies since the row began */

static bool is_meant(const struct dt_message *m)
{
	if (m->reason == DT_REASON_TOKEN)
		return about == 0;
	return (m->op & ~DT_OP_REPLY) == about;
}

/* What a field may hold: all bits clear or set, one, the highest, something else each time, the others' own. */
#define PATTERNS 5

static void pattern_fill(unsigned pattern, uint8_t *at, size_t size)
{
	memset(at, pattern == 1 ? 0xff : 0, size);
	if (pattern == 2)
		at[size - 1] = 1;
	if (pattern == 3)
		at[0] = 0x80;
	for (size_t i = 0; pattern == 4 && i < size; i++)
		at[i] = (uint8_t)(said * 31 + i * 7 + 5);
}

static void lie_field(struct relay *r, struct relay_reply *reply)
{
	if (!is_meant(&reply->message))
		return;
	said++;
	reply->by_bytes = true;
	pattern_fill(lie_number % PATTERNS, reply->plain + fields[lie_number / PATTERNS].at,
		     fields[lie_number / PATTERNS].size);
}

/* Reasons beside those of pattern_fill(). */
static void lie_reason(struct relay *r, struct relay_reply *reply)
{
	if (is_meant(&reply->message))
		reply->message.reason = (uint8_t)lie_number;
}

/* One address for everything that an address can be said of. */
static void lie_address(struct relay *r, struct relay_reply *reply)
{
	struct dt_message *m = &reply->message;
	struct dt_ip ip;

	if (!is_meant(m))
		return;
	dt_ip_parse(&ip, forbidden[lie_number]);
	m->server.ip = ip;
	m->seen = (struct dt_endpoint){ip, 4500};
	if (dt_ip_is_v4(&ip)) {
		m->nat4 = m->tunnel.ip4 = ip;
		m->control4 = (struct dt_endpoint){ip, 53};
	} else {
		m->nat6 = m->tunnel.ip6 = ip;
		m->control6 = (struct dt_endpoint){ip, 53};
	}
}

/* Each option with each length that could be its, and some that could not; at the end of the box, so cut off. */
static const uint8_t lengths[] = {0, 1, 3, 4, 15, 16, 17, 18, 53, 54, 55, 130, 131, 255};
#define LENGTHS (sizeof(lengths) / sizeof(lengths[0]))
#define OPTION_TYPES 10 /* padding, all that there are, and one more */

static uint8_t option_type(unsigned number)
{
	return number == OPTION_TYPES - 1 ? DT_OPTION_CONVERTER : (uint8_t)number;
}

static void lie_option(struct relay *r, struct relay_reply *reply)
{
	uint8_t *at = reply->plain + sizeof(struct dt_wire_body);
	size_t room = sizeof(reply->plain) - sizeof(struct dt_wire_body) - sizeof(struct dt_wire_option);
	size_t len = lengths[lie_number / 2 % LENGTHS];

	if (!is_meant(&reply->message))
		return;
	said++;
	reply->by_bytes = true;
	at[0] = option_type(lie_number / 2 / LENGTHS);
	at[1] = (uint8_t)len;
	pattern_fill(lie_number % 2 ? 1 : 4, at + 2, room);
	reply->len = sizeof(struct dt_wire_body) + sizeof(struct dt_wire_option) + (len < room ? len : room);
}

/* The tunnel's key and port. */
static void lie_tunnel(struct relay *r, struct relay_reply *reply)
{
	struct dt_tunnel *t = &reply->message.tunnel;

	if (!is_meant(&reply->message))
		return;
	said++;
	if (lie_number == 0)
		memset(t->key, 0, sizeof(t->key));
	else if (lie_number == 1)
		memset(t->key, 0xff, sizeof(t->key));
	else if (lie_number == 2)
		memcpy(t->key, &said, sizeof(said)); /* another one each time */
	else
		t->port = (uint16_t)(lie_number == 3 ? 0 : said);
}

/* What lies by change: another session, another address seen, closing and not closing, the reply cut short. */
static void lie_change(struct relay *r, struct relay_reply *reply)
{
	struct dt_message *m = &reply->message;

	if (!is_meant(m))
		return;
	said++;
	if (lie_number == 0)
		memcpy(reply->session, &said, sizeof(said));
	else if (lie_number == 1)
		m->seen.port = (uint16_t)(1000 + said % 1000);
	else if (lie_number == 2)
		m->draining = said % 2;
	else if (lie_number == 3)
		m->reason = said % 3 ? DT_REASON_TOKEN : DT_REASON_OK;
	else if (lie_number == 4)
		m->reason = said % 2 ? DT_REASON_NO_LEASE : DT_REASON_OK;
	else if (lie_number == 5)
		m->rtt_us = UINT32_MAX;
	else
		reply->len = sizeof(struct dt_wire_body) - 6 + lie_number;
	reply->by_bytes = lie_number > 5;
}

static const struct {
	const char *name;
	void (*lie)(struct relay *r, struct relay_reply *reply);
	unsigned count;
} kinds[] = {
	{"field", lie_field, FIELDS *PATTERNS},
	{"reason", lie_reason, DT_REASON_NO_TUNNEL + 2},
	{"address", lie_address, FORBIDDEN},
	{"option", lie_option, OPTION_TYPES *LENGTHS * 2},
	{"tunnel", lie_tunnel, 5},
	{"change", lie_change, 9},
};

/* --- what must hold ---------------------------------------------------------------------------- */

static unsigned lines_written(void)
{
	return told(0, "warning: ") + told(0, "error: ") + told(0, "info: ");
}

static bool is_forbidden(const struct dt_ip *ip)
{
	struct dt_ip one;

	for (size_t i = 0; i < FORBIDDEN; i++) {
		dt_ip_parse(&one, forbidden[i]);
		if (dt_ip_equal(&one, ip))
			return true;
	}
	return false;
}

static bool is_of_tunnels(const struct dt_ip *ip)
{
	static const char *const ranges[] = {"100.64.0.0/10", "198.18.0.0/15", "10.0.0.0/8", "fd00::/8"};
	struct dt_prefix range;

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (dt_prefix_parse(&range, ranges[i]) == 0 && dt_prefix_contains(&range, ip))
			return true;
	return false;
}

static void judge(enum deed deed, const struct dt_ip *ip)
{
	bool is_server = server_at(&(struct dt_endpoint){*ip, 443}) != NULL;

	switch (deed) {
	case DEED_JOIN:
		expect(is_server || !is_forbidden(ip));
		break;
	case DEED_DATAGRAM:
	case DEED_LEAD:
		expect(!is_forbidden(ip));
		break;
	case DEED_ADDRESS:
		expect(is_of_tunnels(ip) && !is_forbidden(ip));
		break;
	}
}

/* --- the story --------------------------------------------------------------------------------- */

static bool is_about_converters(void)
{
	return about == DT_OP_CONVERT || about == DT_OP_UNCONVERT;
}

static const char *client_lines(void)
{
	return is_about_converters() ? "convert = always" : "";
}

static void row_run(const char *kind)
{
	static unsigned port = 1000;
	struct connection *four, *six, *refused;
	struct server *refuses;
	unsigned requests = fra->datagrams, lines = lines_written();
	char at[64];

	said = 0;
	tell("= lies: %s %u", kind, lie_number);
	/* servers that no lease is there for; a converter's stays for long, so some servers come again */
	port = is_about_converters() ? 1000 + (port + 1) % CONVERTED : port + 1;
	snprintf(at, sizeof(at), "203.0.113.6:%u", port);
	four = connection_opens_to(server_add(at));
	snprintf(at, sizeof(at), "[2001:db8:5::5]:%u", port);
	six = connection_opens_from("2001:db8:1::10", server_add(at));
	snprintf(at, sizeof(at), "203.0.113.7:%u", port);
	refuses = server_add(at);
	refuses->refuse = 1000;
	refused = connection_opens_to(refuses);
	if (about == DT_OP_RELEASE || about == DT_OP_UNCONVERT) {
		/* leases are released when the configuration no longer names the relay */
		run_ms(200);
		fra->omitted = true;
		story_reload(client_lines(), "");
		run_ms(1000);
		fra->omitted = false;
		story_reload(client_lines(), "");
		run_ms(SESSION_MS);
	} else {
		run_ms(ROW_MS);
	}
	connection_closes(four);
	connection_closes(six);
	connection_closes(refused);
	expect(fra->datagrams - requests <= (is_about_converters() ? REQUESTS_CONVERTED : REQUESTS_A_ROW));
	expect(lines_written() - lines <= LINES_AT_ONCE);
}

static void lies_are_told_in(uint8_t op)
{
	unsigned rows = 0;
	struct connection *c;

	about = op;
	host_address_add(eth0, "2001:db8:1::10");
	fra = relays_are("fra");
	dt_ip_parse(&fra->at.ip, RELAY);
	dt_ip_parse(&fra->control6, RELAY6);
	fra->wireguard = true;
	fra->lifetime_s = 30;
	/* addresses that collide are given back (UNTUNNEL) */
	fra->tunnel_collides = op == DT_OP_UNTUNNEL;
	strcpy(fra->conf, "carrier = auto");
	world.witness = judge;
	fra->converter = is_about_converters();
	story_begin(client_lines(), "");
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (lie_number = 0; lie_number < kinds[k].count; lie_number++) {
			fra->lie = kinds[k].lie;
			row_run(kinds[k].name);
			rows++;
		}
	expect(lines_written() <= LINES_AT_ONCE + rows * LINES_A_ROW);
	happens(fra->lie = NULL);
	happens(fra->tunnel_collides = false);
	run_ms(60000);
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "fra");
	expect_relay("fra", "up", "");
}

STORY(hostile, in_tokens)
{
	lies_are_told_in(0);
}

STORY(hostile, in_ping)
{
	lies_are_told_in(DT_OP_PING);
}

STORY(hostile, in_lease)
{
	lies_are_told_in(DT_OP_LEASE);
}

STORY(hostile, in_renew)
{
	lies_are_told_in(DT_OP_RENEW);
}

STORY(hostile, in_release)
{
	lies_are_told_in(DT_OP_RELEASE);
}

STORY(hostile, in_tunnel)
{
	lies_are_told_in(DT_OP_TUNNEL);
}

STORY(hostile, in_untunnel)
{
	lies_are_told_in(DT_OP_UNTUNNEL);
}

STORY(hostile, in_convert)
{
	lies_are_told_in(DT_OP_CONVERT);
	expect(fra->converts_asked > 0);
}

STORY(hostile, in_unconvert)
{
	lies_are_told_in(DT_OP_UNCONVERT);
	expect(fra->converts_asked > 0);
}

static void many_connections(unsigned count)
{
	char at[64];

	for (unsigned i = 0; i < count; i++) {
		snprintf(at, sizeof(at), "203.0.113.8:%u", 2000 + i);
		connection_opens_to(server_add(at));
	}
}

static void lie_no_time(struct relay *r, struct relay_reply *reply)
{
	reply->message.lifetime_s = 0;
}

STORY(hostile, leases_for_no_time_are_renewed_now_and_then)
{
	fra = relays_are("fra");
	fra->lie = lie_no_time;
	story_begin("", "");
	many_connections(50);
	run_ms(60000);
	expect(fra->asked == 50);
	expect(fra->renewed <= 50 * 4); /* every 15 s */
}

STORY(hostile, lines_of_the_log_are_limited)
{
	fra = relays_are("fra");
	fra->reason = DT_REASON_DESTINATION;
	story_begin("", "");
	mark();
	many_connections(100);
	run_ms(2000);
	expect(fra->asked == 100);
	/* 20 at once, of which the relay that came up took one; none is due again yet */
	expect_told(19, "info: no lease: ");
	relay_restart(fra);
	run_ms(4000);
	expect_told(1, "info: the relay was restarted relay=fra suppressed=81");
}
