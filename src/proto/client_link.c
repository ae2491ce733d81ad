/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/client_link.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/hash.h"

#define SENT_MAX 64    /* requests under way; others wait in the queue */
#define FLIGHTS 512    /* transmissions remembered: all retries of SENT_MAX requests, and probes */
#define HASTENED_MAX 2 /* a token reply makes a request repeat at once, so often at most */
#define RTT_MAX_US (DT_LINK_RTT_MAX_MS * 1000U)

enum stage { QUEUED, SENT, DONE };

/* Something that a reply tells and that makes much work: delivered as an event at most once in DT_LINK_TURN_MS. */
struct turn {
	bool pending, due;
	uint64_t next_ns;
};

struct request {
	void *owner;
	struct dt_message message; /* what to ask; once done, the reply */
	enum stage stage;
	bool timed_out;
	unsigned hastened;
	uint64_t since_ns;
	uint64_t next_ns;	     /* next transmission */
	uint64_t wait_ns;	     /* after that, without jitter */
	struct request *prev, *next; /* in queue, sent or done */
	UT_hash_handle hh;
};

/* One datagram that was sent; its reply names its counter. */
struct flight {
	uint64_t counter; /* 0: empty */
	uint64_t sent_ns;
	struct request *request; /* NULL: a probe */
};

struct dt_client_link {
	const struct dt_pair_keys *keys;
	struct dt_client_session *session;
	enum dt_client_link_state state;
	bool has_token;
	uint8_t token[DT_TOKEN_LEN];
	bool has_relay_session;
	uint8_t relay_session[DT_SESSION_LEN];
	uint32_t srtt_us;
	struct dt_message last;
	uint8_t reason;
	bool draining;
	bool converts;
	uint64_t limited_ns; /* when it last said that converted connections are at their limit; 0: never */

	uint64_t probe_ns; /* next probe */
	unsigned probe_hastened;
	uint64_t heard_ns;	/* when the relay last answered; 0: never */
	uint64_t unanswered_ns; /* when the first unanswered probe went out; 0: none */

	struct request *by_owner;
	struct request *queue, *sent, *done;
	unsigned nsent;
	struct flight flights[FLIGHTS];

	bool state_changed, back, drain_changed; /* events to deliver */
	struct turn restarted, moved;
	dt_client_link_check_fn check; /* NULL: none */
	void *check_data;
};

void dt_client_session_init(struct dt_client_session *s)
{
	randombytes_buf(s->id, sizeof(s->id));
	s->counter = 0;
}

int dt_client_link_new(struct dt_client_link **out, const struct dt_pair_keys *keys, struct dt_client_session *session,
		       uint64_t now_ns)
{
	struct dt_client_link *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->keys = keys;
	l->session = session;
	l->probe_ns = now_ns;
	*out = l;
	return 0;
}

void dt_client_link_check_by(struct dt_client_link *l, dt_client_link_check_fn check, void *data)
{
	l->check = check;
	l->check_data = data;
}

static struct request **list_of(struct dt_client_link *l, const struct request *r)
{
	return r->stage == QUEUED ? &l->queue : r->stage == SENT ? &l->sent : &l->done;
}

static void stage_move(struct dt_client_link *l, struct request *r, enum stage to)
{
	struct request **list = list_of(l, r);

	DL_DELETE(*list, r);
	l->nsent -= r->stage == SENT;
	r->stage = to;
	l->nsent += r->stage == SENT;
	list = list_of(l, r);
	DL_APPEND(*list, r);
}

static void flights_forget(struct dt_client_link *l, const struct request *r)
{
	for (int i = 0; i < FLIGHTS; i++)
		if (l->flights[i].request == r)
			memset(&l->flights[i], 0, sizeof(l->flights[i]));
}

static void request_free(struct dt_client_link *l, struct request *r)
{
	struct request **list = list_of(l, r);

	DL_DELETE(*list, r);
	l->nsent -= r->stage == SENT;
	HASH_DELETE(hh, l->by_owner, r);
	free(r);
}

void dt_client_link_free(struct dt_client_link *l)
{
	struct request *r, *tmp;

	if (!l)
		return;
	HASH_ITER(hh, l->by_owner, r, tmp)
		request_free(l, r);
	free(l);
}

static struct request *request_find(const struct dt_client_link *l, const void *owner)
{
	struct request *r;

	HASH_FIND_PTR(l->by_owner, &owner, r);
	return r;
}

int dt_client_link_request(struct dt_client_link *l, const struct dt_message *m, void *owner, uint64_t now_ns)
{
	struct request *r = request_find(l, owner);

	if (r)
		return -EBUSY;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->owner = owner;
	r->message.op = m->op;
	r->message.server = m->server;
	r->message.dpt = m->dpt;
	r->message.lifetime_s = m->lifetime_s;
	r->message.tunnel = m->tunnel;
	memcpy(r->message.key, m->key, sizeof(r->message.key));
	r->since_ns = now_ns;
	DL_APPEND(l->queue, r);
	HASH_ADD_PTR(l->by_owner, owner, r);
	return 0;
}

void dt_client_link_cancel(struct dt_client_link *l, const void *owner)
{
	struct request *r = request_find(l, owner);

	if (!r)
		return;
	if (r->stage == SENT)
		flights_forget(l, r);
	request_free(l, r);
}

/* --- time -------------------------------------------------------------------------------------- */

static void request_finish(struct dt_client_link *l, struct request *r, bool timed_out)
{
	if (r->stage == SENT)
		flights_forget(l, r);
	r->timed_out = timed_out;
	stage_move(l, r, DONE);
}

static void state_set(struct dt_client_link *l, enum dt_client_link_state state)
{
	if (l->state == state)
		return;
	l->state = state;
	l->state_changed = true;
}

void dt_client_link_tick(struct dt_client_link *l, uint64_t now_ns)
{
	struct request *r, *tmp;

	if (l->unanswered_ns && now_ns >= l->unanswered_ns + DT_LINK_DOWN_AFTER_MS * DT_MS)
		state_set(l, DT_LINK_DOWN);
	DL_FOREACH_SAFE(l->sent, r, tmp)
		if (now_ns >= r->since_ns + DT_LINK_GIVE_UP_MS * DT_MS)
			request_finish(l, r, true);
	/* the queue is in order of age */
	while (l->queue && now_ns >= l->queue->since_ns + DT_LINK_GIVE_UP_MS * DT_MS)
		request_finish(l, l->queue, true);
}

uint64_t dt_client_link_deadline(const struct dt_client_link *l)
{
	uint64_t at = l->probe_ns;
	const struct request *r;

	if (l->unanswered_ns && l->state != DT_LINK_DOWN && l->unanswered_ns + DT_LINK_DOWN_AFTER_MS * DT_MS < at)
		at = l->unanswered_ns + DT_LINK_DOWN_AFTER_MS * DT_MS;
	DL_FOREACH(l->sent, r) {
		uint64_t end = r->since_ns + DT_LINK_GIVE_UP_MS * DT_MS;
		uint64_t next = l->has_token && r->next_ns < end ? r->next_ns : end;

		if (next < at)
			at = next;
	}
	if (l->queue) {
		uint64_t next =
			l->has_token && l->nsent < SENT_MAX ? 0 : l->queue->since_ns + DT_LINK_GIVE_UP_MS * DT_MS;

		if (next < at)
			at = next;
	}
	return at;
}

/* --- sending ----------------------------------------------------------------------------------- */

static size_t transmit(struct dt_client_link *l, struct request *r, const struct dt_message *m, uint64_t now_ns,
		       uint8_t *out, size_t cap)
{
	uint8_t plain[DT_WIRE_REQUEST_PLAIN];
	struct dt_message full = *m;
	struct dt_seal_header header;
	struct flight *flight;
	int len;

	memcpy(full.token, l->token, sizeof(full.token));
	len = dt_message_encode(&full, plain, sizeof(plain));
	if (len < 0)
		return 0;
	memcpy(header.session, l->session->id, sizeof(header.session));
	header.counter = ++l->session->counter;
	len = dt_seal(l->keys, &header, plain, (size_t)len, out, cap);
	if (len < 0)
		return 0;
	flight = &l->flights[header.counter % FLIGHTS];
	flight->counter = header.counter;
	flight->sent_ns = now_ns;
	flight->request = r;
	return (size_t)len;
}

/* Time to the next probe while this one is unanswered. */
static uint64_t probe_wait_ns(const struct dt_client_link *l)
{
	uint64_t least = DT_LINK_PROBE_UNANSWERED_MS * DT_MS, most = DT_LINK_PROBE_MS * DT_MS;
	uint64_t wait_ns = 2 * l->srtt_us * DT_US;

	return wait_ns < least ? least : wait_ns > most ? most : wait_ns;
}

static size_t probe_send(struct dt_client_link *l, uint64_t now_ns, uint8_t *out, size_t cap)
{
	struct dt_message ping;

	memset(&ping, 0, sizeof(ping));
	ping.op = DT_OP_PING;
	l->probe_ns = now_ns + probe_wait_ns(l);
	if (!l->unanswered_ns)
		l->unanswered_ns = now_ns;
	return transmit(l, NULL, &ping, now_ns, out, cap);
}

static uint64_t jittered(uint64_t ns)
{
	/* 80 to 120 % */
	return ns / 100 * (80 + randombytes_uniform(41));
}

static size_t request_send(struct dt_client_link *l, struct request *r, uint64_t now_ns, uint8_t *out, size_t cap)
{
	uint64_t first = DT_LINK_RETRY_MS * DT_MS, last = DT_LINK_RETRY_MAX_MS * DT_MS, twice = 2 * l->srtt_us * DT_US;

	if (r->stage == QUEUED) {
		stage_move(l, r, SENT);
		r->wait_ns = twice > first ? twice : first;
	} else {
		r->wait_ns *= 2;
	}
	if (r->wait_ns > last)
		r->wait_ns = twice > last ? twice : last;
	r->next_ns = now_ns + jittered(r->wait_ns);
	return transmit(l, r, &r->message, now_ns, out, cap);
}

size_t dt_client_link_output(struct dt_client_link *l, uint64_t now_ns, uint8_t *out, size_t cap)
{
	struct request *r;

	if (now_ns >= l->probe_ns)
		return probe_send(l, now_ns, out, cap);
	/* without a token a request could only fetch one, and the probe under way does that */
	if (!l->has_token)
		return 0;
	DL_FOREACH(l->sent, r)
		if (now_ns >= r->next_ns)
			return request_send(l, r, now_ns, out, cap);
	if (l->queue && l->nsent < SENT_MAX)
		return request_send(l, l->queue, now_ns, out, cap);
	return 0;
}

/* --- receiving --------------------------------------------------------------------------------- */

static void rtt_take(struct dt_client_link *l, uint64_t sent_ns, uint64_t now_ns)
{
	uint64_t rtt_us = (now_ns - sent_ns) / DT_US;

	if (rtt_us == 0)
		rtt_us = 1;
	/* an answer that is held back for long must not slow down what is asked later */
	if (rtt_us > RTT_MAX_US)
		rtt_us = RTT_MAX_US;
	/* as TCP does (RFC 6298) */
	l->srtt_us = l->srtt_us ? (uint32_t)((7 * (uint64_t)l->srtt_us + rtt_us) / 8) : (uint32_t)rtt_us;
}

static void token_reply(struct dt_client_link *l, struct request *r, uint64_t now_ns)
{
	/* a relay that never accepts its own tokens must not make us send without end */
	if (r) {
		if (r->hastened++ < HASTENED_MAX)
			r->next_ns = now_ns;
	} else if (l->probe_hastened++ < HASTENED_MAX) {
		l->probe_ns = now_ns;
	}
}

static void addresses_take(struct dt_client_link *l, const struct dt_message *m)
{
	bool known = l->last.seen.port != 0;

	if (m->seen.port && known && !dt_endpoint_equal(&m->seen, &l->last.seen))
		l->moved.pending = true;
	l->last = *m;
}

static void draining_take(struct dt_client_link *l, const struct dt_message *m)
{
	/* only a PING's reply has room for certain to say that it is draining */
	if (m->draining == l->draining || (!m->draining && (m->op & ~DT_OP_REPLY) != DT_OP_PING))
		return;
	l->draining = m->draining;
	l->drain_changed = true;
}

/* Likewise. */
static void converts_take(struct dt_client_link *l, const struct dt_message *m, uint64_t now_ns)
{
	if (m->converts && m->outcome == DT_CONVERT_LIMITED)
		l->limited_ns = now_ns;
	if (m->converts || (m->op & ~DT_OP_REPLY) == DT_OP_PING)
		l->converts = m->converts;
}

static void turn_take(struct turn *t, uint64_t now_ns)
{
	if (!t->pending || now_ns < t->next_ns)
		return;
	t->pending = false;
	t->due = true;
	t->next_ns = now_ns + DT_LINK_TURN_MS * DT_MS;
}

static void full_reply(struct dt_client_link *l, const struct dt_seal_header *header, const struct dt_message *m,
		       uint64_t now_ns)
{
	l->probe_hastened = 0;
	if (l->has_relay_session && memcmp(l->relay_session, header->session, DT_SESSION_LEN) != 0)
		l->restarted.pending = true;
	memcpy(l->relay_session, header->session, DT_SESSION_LEN);
	l->has_relay_session = true;
	l->reason = DT_REASON_OK;
	addresses_take(l, m);
	draining_take(l, m);
	converts_take(l, m, now_ns);
	turn_take(&l->restarted, now_ns);
	turn_take(&l->moved, now_ns);
	state_set(l, DT_LINK_UP);
}

/* Limits what a relay may say, whatever it is. */
static void reply_limit(const struct dt_client_link *l, struct dt_message *m)
{
	if (m->lifetime_s < DT_LEASE_LIFETIME_MIN_S)
		m->lifetime_s = DT_LEASE_LIFETIME_MIN_S;
	if (m->lifetime_s > DT_LEASE_LIFETIME_MAX_S)
		m->lifetime_s = DT_LEASE_LIFETIME_MAX_S;
	if (m->rtt_us > RTT_MAX_US)
		m->rtt_us = 0;
	if (l->check)
		l->check(m, l->check_data);
}

/* Takes a reply to what was sent at sent_ns: to r, or to a probe. */
static void reply_take(struct dt_client_link *l, struct request *r, uint64_t sent_ns,
		       const struct dt_seal_header *header, const struct dt_message *m, uint64_t now_ns)
{
	if (l->unanswered_ns && now_ns - l->unanswered_ns > DT_LINK_SILENCE_MS * DT_MS + 2 * l->srtt_us * DT_US)
		l->back = true;
	l->unanswered_ns = 0;
	l->heard_ns = now_ns;
	if (!r)
		l->probe_ns = now_ns + DT_LINK_PROBE_MS * DT_MS;
	rtt_take(l, sent_ns, now_ns);
	if (!sodium_is_zero(m->token, sizeof(m->token))) {
		memcpy(l->token, m->token, sizeof(l->token));
		l->has_token = true;
	}
	if (m->reason == DT_REASON_TOKEN) {
		token_reply(l, r, now_ns);
		return;
	}
	if (m->reason == DT_REASON_SESSIONS)
		l->reason = m->reason;
	else
		full_reply(l, header, m, now_ns);
	if (r) {
		r->message = *m;
		request_finish(l, r, false);
	}
}

enum dt_client_link_verdict dt_client_link_input(struct dt_client_link *l, uint64_t now_ns, const uint8_t *in,
						 size_t len)
{
	uint8_t plain[DT_WIRE_REQUEST_PLAIN];
	struct dt_seal_header header;
	struct flight *flight, answered;
	struct dt_message m;
	int plain_len = dt_open(l->keys, in, len, &header, plain, sizeof(plain));

	if (plain_len == -EBADMSG)
		return DT_LINK_MALFORMED;
	if (plain_len < 0)
		return DT_LINK_AUTH;
	if (dt_message_decode(&m, plain, (size_t)plain_len) < 0 || !(m.op & DT_OP_REPLY))
		return DT_LINK_MALFORMED;
	flight = &l->flights[m.echo_counter % FLIGHTS];
	if (m.echo_counter == 0 || flight->counter != m.echo_counter ||
	    memcmp(m.echo_session, l->session->id, DT_SESSION_LEN) != 0)
		return DT_LINK_UNMATCHED;
	if ((m.op & ~DT_OP_REPLY) != (flight->request ? flight->request->message.op : DT_OP_PING))
		return DT_LINK_UNMATCHED;
	answered = *flight;
	memset(flight, 0, sizeof(*flight));
	reply_limit(l, &m);
	reply_take(l, answered.request, answered.sent_ns, &header, &m, now_ns);
	return DT_LINK_ACCEPTED;
}

static bool flag_take(bool *flag)
{
	bool was = *flag;

	*flag = false;
	return was;
}

bool dt_client_link_event(struct dt_client_link *l, struct dt_client_link_event *out)
{
	struct request *r = l->done;

	memset(out, 0, sizeof(*out));
	if (flag_take(&l->state_changed)) {
		out->type = DT_LINK_STATE;
	} else if (flag_take(&l->back)) {
		out->type = DT_LINK_BACK;
	} else if (flag_take(&l->restarted.due)) {
		out->type = DT_LINK_RESTARTED;
	} else if (flag_take(&l->moved.due)) {
		out->type = DT_LINK_MOVED;
		out->message = l->last;
	} else if (flag_take(&l->drain_changed)) {
		out->type = DT_LINK_DRAINING;
	} else if (r) {
		out->type = r->timed_out ? DT_LINK_TIMEOUT : DT_LINK_REPLY;
		out->owner = r->owner;
		if (!r->timed_out)
			out->message = r->message;
		request_free(l, r);
	}
	return out->type != DT_LINK_NONE;
}

void dt_client_link_probe(struct dt_client_link *l, uint64_t now_ns)
{
	l->probe_ns = now_ns;
}

enum dt_client_link_state dt_client_link_state(const struct dt_client_link *l)
{
	return l->state;
}

uint8_t dt_client_link_reason(const struct dt_client_link *l)
{
	return l->reason;
}

bool dt_client_link_draining(const struct dt_client_link *l)
{
	return l->draining;
}

uint64_t dt_client_link_heard_ns(const struct dt_client_link *l)
{
	return l->heard_ns;
}

bool dt_client_link_converts(const struct dt_client_link *l)
{
	return l->converts;
}

bool dt_client_link_limited(const struct dt_client_link *l, uint64_t now_ns)
{
	return l->limited_ns && now_ns - l->limited_ns < DT_LINK_LIMITED_MS * DT_MS;
}

uint32_t dt_client_link_rtt_us(const struct dt_client_link *l)
{
	return l->srtt_us;
}

const struct dt_message *dt_client_link_last_reply(const struct dt_client_link *l)
{
	return &l->last;
}

const char *dt_client_link_state_word(enum dt_client_link_state state)
{
	switch (state) {
	case DT_LINK_CONNECTING:
		return "connecting";
	case DT_LINK_UP:
		return "up";
	case DT_LINK_DOWN:
		return "down";
	}
	return "?";
}
