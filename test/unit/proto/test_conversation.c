/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Client and relay talk to each other, in virtual time. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "proto/client_link.h"
#include "proto/relay_session.h"

static struct dt_keypair client_keys, relay_keys;
static struct dt_pair_keys pair;
static struct dt_relay_proto *relay;
static struct dt_relay_peer *peer;
static struct dt_client_session session;
static struct dt_client_link *link_;
static struct dt_endpoint from;
static uint64_t now;
static int owner_a;
static bool draining;
static uint32_t lifetime_s, rtt_us; /* as the relay says; 0: the lifetime as requested */

static void init(void)
{
	cr_assert(sodium_init() >= 0);
	now = 1000 * DT_SEC;
	draining = false;
	lifetime_s = rtt_us = 0;
	dt_keypair_generate(&client_keys);
	dt_keypair_generate(&relay_keys);
	cr_assert_eq(dt_pair_keys_client(&pair, &client_keys, relay_keys.public), 0);
	cr_assert_eq(dt_relay_proto_new(&relay, &relay_keys, now), 0);
	cr_assert_eq(dt_relay_proto_peer_add(relay, client_keys.public, &peer, &peer), 0);
	dt_client_session_init(&session);
	cr_assert_eq(dt_client_link_new(&link_, &pair, &session, now), 0);
	dt_endpoint_parse(&from, "192.0.2.2:40000");
}

static void fini(void)
{
	dt_client_link_free(link_);
	dt_relay_proto_free(relay);
}
TestSuite(conversation, .init = init, .fini = fini);

/* Gives one datagram to the relay; returns the length of its reply, 0: none. */
static size_t relay_hears(const uint8_t *in, size_t len, uint8_t *reply, enum dt_relay_verdict *verdict)
{
	struct dt_relay_request req;
	struct dt_message answer;
	size_t reply_len = 0;

	*verdict = dt_relay_proto_input(relay, now, &from, in, len, &req, reply, &reply_len);
	if (*verdict == DT_RELAY_ANSWER)
		return reply_len;
	if (*verdict != DT_RELAY_ACCEPT)
		return 0;
	memset(&answer, 0, sizeof(answer));
	answer.server = req.message.server;
	answer.draining = draining;
	if (req.message.op == DT_OP_JOIN)
		answer.reason = req.message.key[0] == 9 ? DT_REASON_OK : DT_REASON_USED;
	if (req.message.op == DT_OP_LEASE) {
		answer.dpt = 50123;
		answer.lifetime_s = lifetime_s ? lifetime_s : req.message.lifetime_s;
		answer.rtt_us = rtt_us;
	}
	dt_ip_parse(&answer.nat4, "198.51.100.18");
	return dt_relay_proto_reply(relay, now, &req, &answer, reply);
}

/* Sends everything that is due and takes the replies, unless they get lost; returns the number of datagrams sent. */
static unsigned exchange(bool lose)
{
	uint8_t out[DT_WIRE_MAX], reply[DT_WIRE_MAX];
	enum dt_relay_verdict verdict;
	unsigned sent = 0;
	size_t len;

	dt_client_link_tick(link_, now);
	while ((len = dt_client_link_output(link_, now, out, sizeof(out))) > 0) {
		sent++;
		cr_assert_lt(sent, 100, "the link sends without end");
		if (lose)
			continue;
		len = relay_hears(out, len, reply, &verdict);
		if (len) {
			cr_assert_leq(len, sizeof(out));
			cr_assert_eq(dt_client_link_input(link_, now, reply, len), DT_LINK_ACCEPTED);
		}
	}
	return sent;
}

static unsigned run_until(uint64_t end, bool lose)
{
	unsigned sent = exchange(lose);

	while (dt_client_link_deadline(link_) < end) {
		if (dt_client_link_deadline(link_) > now)
			now = dt_client_link_deadline(link_);
		sent += exchange(lose);
	}
	now = end;
	return sent;
}

static bool event_is(enum dt_client_link_event_type type, struct dt_client_link_event *event)
{
	while (dt_client_link_event(link_, event))
		if (event->type == type)
			return true;
	return false;
}

Test(conversation, comes_up_with_one_token_exchange)
{
	struct dt_client_link_event event;

	cr_assert_eq(dt_client_link_state(link_), DT_LINK_CONNECTING);
	cr_assert_eq(exchange(false), 2, "a probe without a token, one with it");
	cr_assert_eq(dt_client_link_state(link_), DT_LINK_UP);
	cr_assert(event_is(DT_LINK_STATE, &event));
	cr_assert_gt(dt_client_link_rtt_us(link_), 0);
	cr_assert(dt_ip_is_v4(&dt_client_link_last_reply(link_)->nat4));
	cr_assert(dt_endpoint_equal(&dt_client_link_last_reply(link_)->seen, &from));
}

Test(conversation, a_lease_is_asked_and_answered)
{
	struct dt_message m = {.op = DT_OP_LEASE, .lifetime_s = 300};
	struct dt_client_link_event event;

	dt_endpoint_parse(&m.server, "203.0.113.2:443");
	cr_assert_eq(dt_client_link_request(link_, &m, &owner_a, now), 0);
	cr_assert_eq(dt_client_link_request(link_, &m, &owner_a, now), -EBUSY);
	exchange(false);
	cr_assert(event_is(DT_LINK_REPLY, &event));
	cr_assert_eq(event.owner, &owner_a);
	cr_assert_eq(event.message.dpt, 50123);
	cr_assert_eq(dt_client_link_request(link_, &m, &owner_a, now), 0, "free for the next");
	dt_client_link_cancel(link_, &owner_a);
	exchange(false);
	cr_assert(!event_is(DT_LINK_REPLY, &event), "a cancelled one was answered");
}

Test(conversation, a_join_carries_the_key_and_the_reason_comes_back)
{
	struct dt_message m = {.op = DT_OP_JOIN, .key = {9}};
	struct dt_client_link_event event;

	for (int i = 0; i < 2; i++) {
		cr_assert_eq(dt_client_link_request(link_, &m, &owner_a, now), 0);
		exchange(false);
		cr_assert(event_is(DT_LINK_REPLY, &event));
		cr_assert_eq(event.message.reason, i ? DT_REASON_USED : DT_REASON_OK);
		m.key[0] = 8;
	}
	cr_assert_eq(dt_client_link_state(link_), DT_LINK_UP);
}

Test(conversation, retries_with_growing_pauses_then_gives_up)
{
	struct dt_message m = {.op = DT_OP_LEASE, .lifetime_s = 300};
	struct dt_client_link_event event;
	unsigned sent;

	exchange(false);
	dt_endpoint_parse(&m.server, "203.0.113.2:443");
	dt_client_link_request(link_, &m, &owner_a, now);
	/* 250 ms doubling to 2 s, and five probes: not more than a dozen datagrams in 10 s */
	sent = run_until(now + 11 * DT_SEC, true);
	cr_assert(sent >= 8 && sent <= 16, "%u datagrams", sent);
	cr_assert(event_is(DT_LINK_TIMEOUT, &event));
	cr_assert_eq(event.owner, &owner_a);
	cr_assert_eq(dt_client_link_state(link_), DT_LINK_DOWN);
}

Test(conversation, down_after_5_s_and_up_again_within_2)
{
	struct dt_client_link_event event;
	uint64_t lost;

	run_until(now + 10 * DT_SEC, false);
	cr_assert_eq(dt_client_link_state(link_), DT_LINK_UP);
	while (event_is(DT_LINK_STATE, &event))
		;
	lost = now;
	while (dt_client_link_state(link_) == DT_LINK_UP)
		run_until(now + 100 * DT_MS, true);
	cr_assert(now - lost <= 7100 * DT_MS && now - lost >= 5 * DT_SEC, "%llu ms",
		  (unsigned long long)((now - lost) / DT_MS));
	run_until(now + 60 * DT_SEC, true);
	lost = now;
	while (dt_client_link_state(link_) != DT_LINK_UP && now < lost + 10 * DT_SEC)
		run_until(now + 10 * DT_MS, false);
	cr_assert(now - lost <= 2100 * DT_MS, "%llu ms", (unsigned long long)((now - lost) / DT_MS));
}

Test(conversation, strangers_get_nothing)
{
	uint8_t out[DT_WIRE_MAX], reply[DT_WIRE_MAX], garbage[600];
	enum dt_relay_verdict verdict;
	struct dt_keypair other;
	struct dt_pair_keys wrong;
	struct dt_client_link *stranger;
	size_t len;

	for (size_t i = 0; i < sizeof(garbage); i++) {
		randombytes_buf(garbage, sizeof(garbage));
		cr_assert_eq(relay_hears(garbage, i, reply, &verdict), 0);
		cr_assert(verdict == DT_RELAY_MALFORMED || verdict == DT_RELAY_AUTH);
	}
	dt_keypair_generate(&other);
	dt_pair_keys_client(&wrong, &other, relay_keys.public);
	dt_client_link_new(&stranger, &wrong, &session, now);
	len = dt_client_link_output(stranger, now, out, sizeof(out));
	cr_assert_eq(relay_hears(out, len, reply, &verdict), 0);
	cr_assert_eq(verdict, DT_RELAY_AUTH);
	/* the right key id, but encrypted with another key */
	memcpy(out + 4, pair.key_id, DT_KEY_ID_LEN);
	cr_assert_eq(relay_hears(out, len, reply, &verdict), 0);
	cr_assert_eq(verdict, DT_RELAY_AUTH);
	dt_client_link_free(stranger);
}

Test(conversation, replays_are_dropped_while_the_token_lives)
{
	uint8_t with[DT_WIRE_MAX], reply[DT_WIRE_MAX];
	enum dt_relay_verdict verdict;
	size_t len;

	exchange(false);
	now += 3 * DT_SEC;
	len = dt_client_link_output(link_, now, with, sizeof(with));
	cr_assert_gt(relay_hears(with, len, reply, &verdict), 0);
	cr_assert_eq(verdict, DT_RELAY_ACCEPT);
	for (int i = 0; i < 100; i++) {
		cr_assert_eq(relay_hears(with, len, reply, &verdict), 0);
		cr_assert_eq(verdict, DT_RELAY_REPLAY);
	}
	/* from another address the token is not valid: only a token comes back, in a reply no longer than the request */
	from.port++;
	cr_assert_leq(relay_hears(with, len, reply, &verdict), len);
	cr_assert_eq(verdict, DT_RELAY_ANSWER);
	from.port--;
	now += 300 * DT_SEC;
	cr_assert_leq(relay_hears(with, len, reply, &verdict), len);
	cr_assert_eq(verdict, DT_RELAY_ANSWER, "an old token was accepted");
}

Test(conversation, a_token_lives_120_to_240_s)
{
	uint8_t out[DT_WIRE_MAX], reply[DT_WIRE_MAX];
	enum dt_relay_verdict verdict;
	uint64_t start = now;
	size_t len;

	exchange(false);
	for (now = start; now < start + 119 * DT_SEC; now += 7 * DT_SEC) {
		/* the client never hears an answer, so it keeps its first token */
		dt_client_link_probe(link_, now);
		len = dt_client_link_output(link_, now, out, sizeof(out));
		relay_hears(out, len, reply, &verdict);
		cr_assert_eq(verdict, DT_RELAY_ACCEPT, "after %llu s", (unsigned long long)((now - start) / DT_SEC));
	}
	now = start + 241 * DT_SEC;
	dt_client_link_probe(link_, now);
	len = dt_client_link_output(link_, now, out, sizeof(out));
	relay_hears(out, len, reply, &verdict);
	cr_assert_eq(verdict, DT_RELAY_ANSWER);
}

Test(conversation, eight_sessions_then_a_reason)
{
	uint8_t out[DT_WIRE_MAX], reply[DT_WIRE_MAX];
	enum dt_relay_verdict verdict;
	struct dt_client_session sessions[10];
	struct dt_client_link *links[10];

	for (int i = 0; i < 10; i++) {
		size_t len;

		dt_client_session_init(&sessions[i]);
		dt_client_link_new(&links[i], &pair, &sessions[i], now);
		for (int k = 0; k < 3 && (len = dt_client_link_output(links[i], now, out, sizeof(out))); k++) {
			size_t reply_len = relay_hears(out, len, reply, &verdict);

			cr_assert_leq(reply_len, len);
			if (reply_len)
				dt_client_link_input(links[i], now, reply, reply_len);
		}
		cr_assert_eq(dt_client_link_state(links[i]) == DT_LINK_UP, i < 8, "session %d", i);
		if (i >= 8)
			cr_assert_eq(dt_client_link_reason(links[i]), DT_REASON_SESSIONS);
		now += DT_SEC;
	}
	/* sessions that are silent for longer than a token lives make room */
	now += 250 * DT_SEC;
	for (int k = 0; k < 3; k++) {
		size_t len, reply_len;

		dt_client_link_probe(links[9], now);
		len = dt_client_link_output(links[9], now, out, sizeof(out));
		reply_len = relay_hears(out, len, reply, &verdict);
		dt_client_link_input(links[9], now, reply, reply_len);
	}
	cr_assert_eq(dt_client_link_state(links[9]), DT_LINK_UP);
	for (int i = 0; i < 10; i++)
		dt_client_link_free(links[i]);
}

/* Sends what the link has to send, and takes the answers. The last datagram that went out is in out. */
static size_t talk(struct dt_client_link *l, uint8_t *out, enum dt_relay_verdict *verdict)
{
	uint8_t reply[DT_WIRE_MAX];
	size_t len, last = 0;

	for (int k = 0; k < 3 && (len = dt_client_link_output(l, now, out, DT_WIRE_MAX)); k++) {
		size_t reply_len = relay_hears(out, len, reply, verdict);

		last = len;
		if (reply_len)
			dt_client_link_input(l, now, reply, reply_len);
	}
	return last;
}

/* Nine starts of a client in a row: the first session makes room, and what it sent is worth nothing from then on. */
Test(conversation, a_silent_session_makes_room_and_cannot_be_replayed)
{
	uint8_t out[DT_WIRE_MAX], first[DT_WIRE_MAX], last[DT_WIRE_MAX], reply[DT_WIRE_MAX];
	enum dt_relay_verdict verdict;
	struct dt_client_session sessions[9];
	struct dt_client_link *links[9];
	size_t first_len = 0, last_len = 0;

	for (int i = 0; i < 9; i++) {
		size_t len;

		dt_client_session_init(&sessions[i]);
		dt_client_link_new(&links[i], &pair, &sessions[i], now);
		len = talk(links[i], out, &verdict);
		cr_assert_eq(verdict, DT_RELAY_ACCEPT, "start %d", i);
		cr_assert_eq(dt_client_link_state(links[i]), DT_LINK_UP, "start %d", i);
		if (i == 0)
			memcpy(first, out, first_len = len);
		if (i == 7)
			memcpy(last, out, last_len = len);
		now += 2 * DT_SEC;
	}
	relay_hears(first, first_len, reply, &verdict);
	cr_assert_eq(verdict, DT_RELAY_ANSWER, "a datagram of the session that made room was accepted");
	/* the others go on after a new token; their windows are the old ones */
	dt_client_link_probe(links[7], now);
	talk(links[7], out, &verdict);
	dt_client_link_probe(links[7], now);
	talk(links[7], out, &verdict);
	cr_assert_eq(verdict, DT_RELAY_ACCEPT);
	cr_assert_eq(dt_client_link_state(links[7]), DT_LINK_UP);
	relay_hears(last, last_len, reply, &verdict);
	cr_assert_eq(verdict, DT_RELAY_ANSWER, "an old token was accepted");
	/* a forged start does not make room: it has no token */
	dt_client_session_init(&sessions[0]);
	dt_client_link_free(links[0]);
	dt_client_link_new(&links[0], &pair, &sessions[0], now);
	now += 60 * DT_SEC;
	relay_hears(out, dt_client_link_output(links[0], now, out, sizeof(out)), reply, &verdict);
	cr_assert_eq(verdict, DT_RELAY_ANSWER);
	for (int i = 0; i < 9; i++)
		dt_client_link_free(links[i]);
}

/* A reload takes a client away and another one brings it back: it has no windows, so its old tokens are worth nothing. */
Test(conversation, a_client_that_comes_back_is_not_replayed)
{
	uint8_t out[DT_WIRE_MAX], reply[DT_WIRE_MAX];
	enum dt_relay_verdict verdict;
	size_t len = talk(link_, out, &verdict);

	cr_assert_eq(verdict, DT_RELAY_ACCEPT);
	dt_relay_proto_peer_remove(relay, peer);
	cr_assert_eq(dt_relay_proto_peer_add(relay, client_keys.public, &peer, &peer), 0);
	relay_hears(out, len, reply, &verdict);
	cr_assert_eq(verdict, DT_RELAY_ANSWER);
}

Test(conversation, replies_without_a_request_are_refused)
{
	uint8_t out[DT_WIRE_MAX], reply[DT_WIRE_MAX];
	enum dt_relay_verdict verdict;
	size_t len = dt_client_link_output(link_, now, out, sizeof(out)), reply_len;

	reply_len = relay_hears(out, len, reply, &verdict);
	cr_assert_eq(dt_client_link_input(link_, now, reply, reply_len), DT_LINK_ACCEPTED);
	cr_assert_eq(dt_client_link_input(link_, now, reply, reply_len), DT_LINK_UNMATCHED, "the same reply twice");
	cr_assert_eq(dt_client_link_input(link_, now, out, len), DT_LINK_AUTH, "its own request");
}

Test(conversation, a_relay_restart_is_noticed)
{
	struct dt_client_link_event event;

	exchange(false);
	while (dt_client_link_event(link_, &event))
		;
	dt_relay_proto_free(relay);
	cr_assert_eq(dt_relay_proto_new(&relay, &relay_keys, now), 0);
	cr_assert_eq(dt_relay_proto_peer_add(relay, client_keys.public, &peer, &peer), 0);
	run_until(now + 3 * DT_SEC, false);
	cr_assert(event_is(DT_LINK_RESTARTED, &event));
	cr_assert_eq(dt_client_link_state(link_), DT_LINK_UP);
}

Test(conversation, a_moved_client_is_told)
{
	struct dt_client_link_event event;

	exchange(false);
	while (dt_client_link_event(link_, &event))
		;
	dt_endpoint_parse(&from, "192.0.2.77:999");
	run_until(now + 3 * DT_SEC, false);
	cr_assert(event_is(DT_LINK_MOVED, &event));
	cr_assert(dt_endpoint_equal(&event.message.seen, &from));
}

/* Counts these events over a time in which the relay seems to change every two seconds. */
static unsigned events_in(uint64_t duration_ns, enum dt_client_link_event_type type, void (*change)(unsigned turn))
{
	struct dt_client_link_event event;
	unsigned count = 0, turn = 0;

	for (uint64_t end = now + duration_ns; now < end;) {
		change(turn++);
		run_until(now + 2 * DT_SEC, false);
		while (dt_client_link_event(link_, &event))
			count += event.type == type;
	}
	return count;
}

static void restart(unsigned turn)
{
	dt_relay_proto_free(relay);
	cr_assert_eq(dt_relay_proto_new(&relay, &relay_keys, now), 0);
	cr_assert_eq(dt_relay_proto_peer_add(relay, client_keys.public, &peer, &peer), 0);
}

static void move(unsigned turn)
{
	from.port = (uint16_t)(1000 + turn);
}

/* Each makes the client renew all leases, so a relay must not be able to cause one with every reply. */
Test(conversation, restarts_and_moves_are_told_every_ten_seconds)
{
	struct dt_client_link_event event;

	exchange(false);
	while (dt_client_link_event(link_, &event))
		;
	cr_assert_eq(events_in(100 * DT_SEC, DT_LINK_RESTARTED, restart), 10);
	cr_assert_eq(events_in(100 * DT_SEC, DT_LINK_MOVED, move), 10);
}

/* A second restart soon after the first is not forgotten. */
Test(conversation, a_restart_soon_after_another_is_told_later)
{
	struct dt_client_link_event event;

	exchange(false);
	restart(0);
	run_until(now + 3 * DT_SEC, false);
	cr_assert(event_is(DT_LINK_RESTARTED, &event));
	restart(0);
	run_until(now + 3 * DT_SEC, false);
	cr_assert(!event_is(DT_LINK_RESTARTED, &event));
	run_until(now + 10 * DT_SEC, false);
	cr_assert(event_is(DT_LINK_RESTARTED, &event));
}

static struct dt_message lease_granted(void)
{
	struct dt_message m = {.op = DT_OP_LEASE, .lifetime_s = 300};
	struct dt_client_link_event event;

	dt_endpoint_parse(&m.server, "203.0.113.2:443");
	cr_assert_eq(dt_client_link_request(link_, &m, &owner_a, now), 0);
	exchange(false);
	cr_assert(event_is(DT_LINK_REPLY, &event));
	return event.message;
}

Test(conversation, lifetimes_and_times_are_limited)
{
	exchange(false);
	lifetime_s = 1;
	cr_assert_eq(lease_granted().lifetime_s, DT_LEASE_LIFETIME_MIN_S);
	lifetime_s = UINT32_MAX;
	rtt_us = 10000000;
	cr_assert_eq(lease_granted().lifetime_s, DT_LEASE_LIFETIME_MAX_S);
	cr_assert_eq(lease_granted().rtt_us, 10000000);
	rtt_us = 10000001;
	cr_assert_eq(lease_granted().rtt_us, 0);
}

/* A relay that holds back an answer for a minute cannot make the client wait for minutes between its requests. */
Test(conversation, an_answer_held_back_counts_as_ten_seconds)
{
	uint8_t out[DT_WIRE_MAX], reply[DT_WIRE_MAX];
	enum dt_relay_verdict verdict;
	size_t len = dt_client_link_output(link_, now, out, sizeof(out));

	len = relay_hears(out, len, reply, &verdict);
	now += 60 * DT_SEC;
	cr_assert_eq(dt_client_link_input(link_, now, reply, len), DT_LINK_ACCEPTED);
	cr_assert_eq(dt_client_link_rtt_us(link_), 10000000);
}

static void nat_forget(struct dt_message *reply, void *data)
{
	memset(&reply->nat4, 0, sizeof(reply->nat4));
	++*(unsigned *)data;
}

Test(conversation, what_the_owner_does_not_believe_is_not_taken)
{
	unsigned checked = 0;

	dt_client_link_check_by(link_, nat_forget, &checked);
	exchange(false);
	cr_assert_eq(checked, 2, "the token's reply, and the full one");
	cr_assert_eq(dt_client_link_state(link_), DT_LINK_UP);
	cr_assert(dt_ip_is_unset(&dt_client_link_last_reply(link_)->nat4));
}

Test(conversation, a_thousand_requests_are_all_answered_over_a_lossy_path)
{
	static int owners[1000];
	struct dt_client_link_event event;
	unsigned answered = 0, failed = 0, sent = 0, replied = 0;

	exchange(false);
	for (int i = 0; i < 1000; i++) {
		struct dt_message m = {.op = DT_OP_LEASE, .lifetime_s = 300};

		dt_endpoint_parse(&m.server, "203.0.113.2:443");
		m.server.port = (uint16_t)(i + 1);
		cr_assert_eq(dt_client_link_request(link_, &m, &owners[i], now), 0);
	}
	for (int turn = 0; turn < 2000 && answered + failed < 1000; turn++) {
		uint8_t out[DT_WIRE_MAX], reply[DT_WIRE_MAX];
		enum dt_relay_verdict verdict;
		size_t len;

		now += 10 * DT_MS;
		dt_client_link_tick(link_, now);
		while ((len = dt_client_link_output(link_, now, out, sizeof(out))) > 0) {
			/* every tenth datagram in each direction is lost; a random choice might lose a request too often */
			if (++sent % 10 == 0)
				continue;
			len = relay_hears(out, len, reply, &verdict);
			if (len && ++replied % 10)
				dt_client_link_input(link_, now, reply, len);
		}
		while (dt_client_link_event(link_, &event)) {
			answered += event.type == DT_LINK_REPLY;
			failed += event.type == DT_LINK_TIMEOUT;
		}
	}
	cr_assert_eq(answered, 1000, "%u answered, %u failed", answered, failed);
}

Test(conversation, a_relay_that_is_about_to_close_says_so)
{
	struct dt_client_link_event event;

	run_until(now + 3 * DT_SEC, false);
	cr_assert(!event_is(DT_LINK_DRAINING, &event));
	draining = true;
	run_until(now + 3 * DT_SEC, false);
	cr_assert(event_is(DT_LINK_DRAINING, &event), "known with the next probe");
	cr_assert(dt_client_link_draining(link_));
	cr_assert_eq(dt_client_link_state(link_), DT_LINK_UP);
	run_until(now + 3 * DT_SEC, false);
	cr_assert(!event_is(DT_LINK_DRAINING, &event), "but only once");
	draining = false;
	run_until(now + 3 * DT_SEC, false);
	cr_assert(event_is(DT_LINK_DRAINING, &event));
	cr_assert(!dt_client_link_draining(link_));
}

Test(conversation, more_requests_than_allowed_are_dropped)
{
	uint8_t plain[DT_WIRE_REQUEST_PLAIN], out[DT_WIRE_MAX], reply[DT_WIRE_MAX];
	struct dt_client_session other;
	struct dt_seal_header header;
	unsigned heard = 0, greedy = 0;
	struct dt_message m, answer;
	enum dt_relay_verdict verdict;
	int len;

	memset(&m, 0, sizeof(m));
	m.op = DT_OP_PING;
	dt_client_session_init(&other);
	memcpy(header.session, other.id, sizeof(header.session));
	dt_relay_peer_limit(peer, 100, 20);
	for (unsigned i = 1; i <= 5000; i++, now += DT_MS) {
		header.counter = i;
		len = dt_message_encode(&m, plain, sizeof(plain));
		len = dt_seal(&pair, &header, plain, (size_t)len, out, sizeof(out));
		len = (int)relay_hears(out, (size_t)len, reply, &verdict);
		heard += verdict == DT_RELAY_ACCEPT;
		greedy += verdict == DT_RELAY_GREEDY;
		if (len == 0)
			continue;
		len = dt_open(&pair, reply, (size_t)len, &header, plain, sizeof(plain));
		cr_assert_eq(dt_message_decode(&answer, plain, (size_t)len), 0);
		memcpy(m.token, answer.token, sizeof(m.token));
		memcpy(header.session, other.id, sizeof(header.session));
	}
	/* five seconds of 100, and 20 at once */
	cr_assert_geq(heard, 510);
	cr_assert_leq(heard, 521, "%u", heard);
	cr_assert_eq(heard + greedy, 4999, "and one that got only a token");
	now += DT_SEC;
	run_until(now + DT_SEC, false);
	cr_assert_eq(dt_client_link_state(link_), DT_LINK_UP, "requests are accepted again");
}
