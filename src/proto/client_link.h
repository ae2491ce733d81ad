/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client's half of protocol v2: one link is the conversation with one relay from one local address to one
 * control address of it. It probes, proves the address, retries requests with growing, jittered back-off,
 * matches replies, and says whether the relay is up. No I/O, no clock, no log: the owner asks for datagrams
 * with dt_link_output() whenever dt_link_deadline() has come, and hands in what arrives.
 */
#ifndef DETOURD_PROTO_CLIENT_LINK_H
#define DETOURD_PROTO_CLIENT_LINK_H

#include "base/addr.h"
#include "proto/message.h"

/* Shared by all links of one process to one relay, so that a multi-homed host is one session there. */
struct dt_client_session {
	uint8_t id[DT_SESSION_LEN];
	uint64_t counter;
};
/* Random id, counter 0. */
void dt_client_session_init(struct dt_client_session *s);

enum dt_link_state {
	DT_LINK_CONNECTING, /* since start, nothing heard yet */
	DT_LINK_UP,
	DT_LINK_DOWN, /* DT_LINK_DOWN_AFTER_MS since the first unanswered probe */
};
#define DT_LINK_PROBE_MS 2000
#define DT_LINK_DOWN_AFTER_MS 5000
/* While one is unanswered the next follows sooner, so that a relay that is back is found soon. */
#define DT_LINK_PROBE_UNANSWERED_MS 1500
/* A silence this long is one. */
#define DT_LINK_SILENCE_MS 1000
/* A request is repeated after 250 ms (or twice the RTT if that is more), then doubling up to 2 s, +-20 %. */
#define DT_LINK_RETRY_MS 250
#define DT_LINK_RETRY_MAX_MS 2000
/* Unanswered that long, a request fails with DT_LINK_TIMEOUT. */
#define DT_LINK_GIVE_UP_MS 10000

struct dt_link;

/* What dt_link_input() or dt_link_tick() has to tell; several may come of one call: drain until NONE. */
enum dt_link_event_type {
	DT_LINK_NONE,
	DT_LINK_STATE,	   /* state changed: see dt_link_state() */
	DT_LINK_REPLY,	   /* owner's request was answered, well or not: see message.reason */
	DT_LINK_TIMEOUT,   /* owner's request was given up */
	DT_LINK_MOVED,	   /* the relay sees this client at another address than before: see message.seen */
	DT_LINK_BACK,	   /* it answers again after probes went unanswered */
	DT_LINK_DRAINING,  /* the relay is about to close, or no more: see dt_link_draining() */
	DT_LINK_RESTARTED, /* the relay's session changed: it was restarted (leases normally survive) */
};
struct dt_link_event {
	enum dt_link_event_type type;
	void *owner;
	struct dt_message message; /* REPLY, MOVED */
};

enum dt_link_verdict {
	DT_LINK_ACCEPTED,
	DT_LINK_MALFORMED,
	DT_LINK_AUTH,	   /* not from the relay we know */
	DT_LINK_UNMATCHED, /* echo of no request under way: late, double, or replayed */
};

/* keys and session are borrowed and must outlive the link. -ENOMEM. */
int dt_link_new(struct dt_link **out, const struct dt_pair_keys *keys, struct dt_client_session *session,
		uint64_t now_ns);
void dt_link_free(struct dt_link *l);

/*
 * Queues a request other than a PING; op, server, dpt, lifetime_s and tunnel are used. It is answered once, by REPLY or
 * TIMEOUT with this owner, unless cancelled. An owner has at most one request under way: -EBUSY. -ENOMEM.
 */
int dt_link_request(struct dt_link *l, const struct dt_message *m, void *owner, uint64_t now_ns);
/* Forgets the owner's request and undelivered events. */
void dt_link_cancel(struct dt_link *l, const void *owner);

/* Time-outs and probes due; call at dt_link_deadline() before dt_link_output(). */
void dt_link_tick(struct dt_link *l, uint64_t now_ns);
/* The next datagram due, 0 if none. cap >= DT_WIRE_MAX. */
size_t dt_link_output(struct dt_link *l, uint64_t now_ns, uint8_t *out, size_t cap);
/* When tick and output are to be called next; never DT_NEVER, since links probe for ever. */
uint64_t dt_link_deadline(const struct dt_link *l);
enum dt_link_verdict dt_link_input(struct dt_link *l, uint64_t now_ns, const uint8_t *in, size_t len);
/* Takes the next event; false when there is none. */
bool dt_link_event(struct dt_link *l, struct dt_link_event *out);
/* Send a probe now (a network change, a failed send). */
void dt_link_probe(struct dt_link *l, uint64_t now_ns);

enum dt_link_state dt_link_state(const struct dt_link *l);
/* Why the relay answers and yet is not up (enum dt_reason); DT_REASON_OK: it said nothing of the kind. */
uint8_t dt_link_reason(const struct dt_link *l);
/* The relay said that it is about to close: it takes no new leases. */
bool dt_link_draining(const struct dt_link *l);
/* Smoothed, microseconds; 0 before the first answer. */
uint32_t dt_link_rtt_us(const struct dt_link *l);
/* The last full reply's addresses (control4/6, nat4/6, seen); all unset before one. */
const struct dt_message *dt_link_last_reply(const struct dt_link *l);

#endif
