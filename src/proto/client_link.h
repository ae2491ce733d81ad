/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client's half of protocol v2. One link is the conversation from one local address with one control address of a
 * relay. It probes, proves the local address, repeats requests with growing, jittered back-off, matches replies, and
 * tells whether the relay is up. No I/O, no clock, no log: the owner calls dt_client_link_output() for datagrams to send when
 * dt_client_link_deadline() has come, and dt_client_link_input() with those that arrive.
 */
#ifndef DETOURD_PROTO_CLIENT_LINK_H
#define DETOURD_PROTO_CLIENT_LINK_H

#include "base/addr.h"
#include "proto/message.h"

/* Shared by all links of one process to one relay, so that a host with several addresses is one session there. */
struct dt_client_session {
	uint8_t id[DT_SESSION_LEN];
	uint64_t counter;
};
/* Random id, counter 0. */
void dt_client_session_init(struct dt_client_session *s);

enum dt_client_link_state {
	DT_LINK_CONNECTING, /* no answer yet since the start */
	DT_LINK_UP,
	DT_LINK_DOWN, /* DT_LINK_DOWN_AFTER_MS since the first unanswered probe */
};
#define DT_LINK_PROBE_MS 2000
#define DT_LINK_DOWN_AFTER_MS 5000
/* After an unanswered probe the next follows sooner, so that a relay that is back is noticed early. */
#define DT_LINK_PROBE_UNANSWERED_MS 1500
/* Shortest gap between answers, beyond two round trips, after which DT_LINK_BACK is reported. */
#define DT_LINK_SILENCE_MS 1000
/*
 * A request is repeated after 250 ms, or twice the RTT if that is more; then after twice as long each, at most 2 s;
 * +-20 %.
 */
#define DT_LINK_RETRY_MS 250
#define DT_LINK_RETRY_MAX_MS 2000
/* A request that is unanswered for so long fails with DT_LINK_TIMEOUT. */
#define DT_LINK_GIVE_UP_MS 10000
/*
 * A relay's new session, and our new address as it sees it, are reported at most once in so long, each: all leases are
 * renewed then.
 */
#define DT_LINK_TURN_MS 10000
/* So long the relay's word that converted connections are at their limit is believed. It repeats it while it is so. */
#define DT_LINK_LIMITED_MS 30000
/* Longest round-trip time that is believed. From the relay to a server, a longer one counts as unknown. */
#define DT_LINK_RTT_MAX_MS 10000

struct dt_client_link;

/*
 * What dt_client_link_input() or dt_client_link_tick() found; one call may cause several: call dt_client_link_event()
 * until it is false.
 */
enum dt_client_link_event_type {
	DT_LINK_NONE,
	DT_LINK_STATE,	   /* state changed: see dt_client_link_state() */
	DT_LINK_REPLY,	   /* owner's request was answered: message.reason says how */
	DT_LINK_TIMEOUT,   /* owner's request was given up */
	DT_LINK_MOVED,	   /* the relay sees this client at another address than before: see message.seen */
	DT_LINK_BACK,	   /* the relay answers again after a silence of DT_LINK_SILENCE_MS or more */
	DT_LINK_DRAINING,  /* dt_client_link_draining() changed */
	DT_LINK_RESTARTED, /* the relay was restarted: its session changed (leases normally survive) */
};
struct dt_client_link_event {
	enum dt_client_link_event_type type;
	void *owner;
	struct dt_message message; /* REPLY, MOVED */
};

enum dt_client_link_verdict {
	DT_LINK_ACCEPTED,
	DT_LINK_MALFORMED,
	DT_LINK_AUTH,	   /* not sealed by this relay */
	DT_LINK_UNMATCHED, /* answers no request under way: it is late, duplicate, or replayed */
};

/* keys and session are borrowed and must outlive the link. -ENOMEM. */
int dt_client_link_new(struct dt_client_link **out, const struct dt_pair_keys *keys, struct dt_client_session *session,
		       uint64_t now_ns);
/*
 * check is called with each authentic reply before anything of it is taken, and may remove what it does not believe.
 * What needs no knowledge of the host is limited already: lifetimes to DT_LEASE_LIFETIME_MIN_S..MAX_S, times to
 * DT_LINK_RTT_MAX_MS.
 */
typedef void (*dt_client_link_check_fn)(struct dt_message *reply, void *data);
void dt_client_link_check_by(struct dt_client_link *l, dt_client_link_check_fn check, void *data);
void dt_client_link_free(struct dt_client_link *l);

/*
 * Queues a request that is not a PING, from m's op, server, dpt, lifetime_s, tunnel and key. Unless cancelled, it ends
 * with one event with this owner, REPLY or TIMEOUT. -EBUSY: the owner has a request under way already; -ENOMEM.
 */
int dt_client_link_request(struct dt_client_link *l, const struct dt_message *m, void *owner, uint64_t now_ns);
/* Forgets the owner's request and undelivered events. */
void dt_client_link_cancel(struct dt_client_link *l, const void *owner);

/* Lets time pass: time-outs. To be called at dt_client_link_deadline(), before dt_client_link_output(). */
void dt_client_link_tick(struct dt_client_link *l, uint64_t now_ns);
/* The next datagram due, 0 if none. cap >= DT_WIRE_MAX. */
size_t dt_client_link_output(struct dt_client_link *l, uint64_t now_ns, uint8_t *out, size_t cap);
/* When to call dt_client_link_tick() and dt_client_link_output() next. Never DT_NEVER, since a link always probes. */
uint64_t dt_client_link_deadline(const struct dt_client_link *l);
enum dt_client_link_verdict dt_client_link_input(struct dt_client_link *l, uint64_t now_ns, const uint8_t *in,
						 size_t len);
/* Takes the next event; false when there is none. */
bool dt_client_link_event(struct dt_client_link *l, struct dt_client_link_event *out);
/* Sends a probe with the next dt_client_link_output(): after a network change or a failed send. */
void dt_client_link_probe(struct dt_client_link *l, uint64_t now_ns);

enum dt_client_link_state dt_client_link_state(const struct dt_client_link *l);
/* The word for it in status, events and explanations. */
const char *dt_client_link_state_word(enum dt_client_link_state state);
/* Why a relay that answers is not up (enum dt_reason); DT_REASON_OK: it gave no reason. */
uint8_t dt_client_link_reason(const struct dt_client_link *l);
/* The relay said that it is about to stop and gives no new leases. */
bool dt_client_link_draining(const struct dt_client_link *l);
/* When it last answered; 0: never. */
uint64_t dt_client_link_heard_ns(const struct dt_client_link *l);
/* The relay said that it converts for this client: see DT_OPTION_CONVERTER. */
bool dt_client_link_converts(const struct dt_client_link *l);
/* It said a short while ago that this client has as many converted connections as it may have. */
bool dt_client_link_limited(const struct dt_client_link *l, uint64_t now_ns);
/* Smoothed, microseconds; 0 before the first answer. */
uint32_t dt_client_link_rtt_us(const struct dt_client_link *l);
/* The last full reply, for its addresses (control4/6, nat4/6, seen); all unset before the first. */
const struct dt_message *dt_client_link_last_reply(const struct dt_client_link *l);

#endif
