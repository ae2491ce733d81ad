/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How stories are told: a world is set up, the client begins in it, time passes, and what it commanded the kernel is
 * compared with what it should have. README.md says how to write one.
 *
 * Each test is a world of its own: a host with eth0 (192.0.2.10), a server at 203.0.113.5:443, no relay.
 */
#ifndef STORIES_STORY_H
#define STORIES_STORY_H

#include <errno.h>
#include <jansson.h>

#include "world.h"

/* STORY(suite, name) { ... }: found by the runner. At its end the client stops, and is to leave nothing behind. */
#define STORY(suite, name) STORY_DISABLED(suite, name, NULL)
/* One that shows a fault of the product: why it fails. */
#define STORY_DISABLED(suite, name, why)                                                \
	static void suite##_##name(void);                                               \
	static void __attribute__((constructor)) suite##_##name##_add(void)             \
	{                                                                               \
		static struct story story = {#suite, #name, suite##_##name, why, NULL}; \
		story_add(&story);                                                      \
	}                                                                               \
	static void suite##_##name(void)

struct story {
	const char *suite, *name;
	void (*run)(void);
	const char *disabled;
	struct story *next;
};
void story_add(struct story *s);

#define MBIT 1000000ULL

/* --- the beginning ----------------------------------------------------------------------------- */

extern struct server *server; /* 203.0.113.5:443 */
extern struct host_link *eth0;

/* One relay for each name of the list ("fra par"). Returns the first. */
struct relay *relays_are(const char *names);
/*
 * Starts the client and lets half a second pass. client: further lines of [client], beside the keys' (detour-after = 0
 * is among them, unless client names it); rest: further sections. Either may be "".
 */
#define story_begin(client, rest) story_begin_at(__FILE__, __LINE__, client, rest)
void story_begin_at(const char *file, int line, const char *client, const char *rest);
/* The client's start is to fail so; nothing may be left. */
#define expect_no_start(err) expect_no_start_at(__FILE__, __LINE__, err)
void expect_no_start_at(const char *file, int line, int err);
/* SIGHUP with another file; its relays are those not `omitted`. */
#define story_reload(client, rest) story_reload_at(__FILE__, __LINE__, client, rest, 0)
#define story_reload_refused(client, rest) story_reload_at(__FILE__, __LINE__, client, rest, -EINVAL)
void story_reload_at(const char *file, int line, const char *client, const char *rest, int err);
/* SIGHUP with a file that has an error: the daemon does not get to see it. */
#define story_reload_with_error(client, rest) story_reload_with_error_at(__FILE__, __LINE__, client, rest)
void story_reload_with_error_at(const char *file, int line, const char *client, const char *rest);
/* Another private key is in the file. */
void story_new_key(void);
/* SIGTERM, and all is over. */
void story_stop(void);
/* SIGKILL: what the client had set up stays. */
void story_crash(void);
/* With the last configuration, after story_stop() or story_crash(). */
void story_start_again(void);

void run_ms(uint64_t ms);
/* A file in the story's own folder, which is removed afterwards. Copy it: four live at a time. */
const char *story_path(const char *name);

/* --- what happens ------------------------------------------------------------------------------ */

/* A program connects to the server, from eth0. */
struct connection *connection_opens(void);
struct connection *connection_opens_to(struct server *to);
/* ... or from this address. */
struct connection *connection_opens_from(const char *local, struct server *to);
/* A program of this user and name does. */
struct connection *connection_opened_by(uint32_t uid, const char *program);
/* Somebody connects to this host. */
struct connection *connection_is_accepted(void);
/* ... and the application has not taken it yet: until it is `ready`. */
struct connection *connection_waits_to_be_accepted(void);
/* An MPTCP connection that nobody tells of: made before the client began, or its events got lost. */
struct connection *connection_was_there(void);
void connection_closes(struct connection *c);
/* The server announces an address (ADD_ADDR), or takes it back. */
void server_announces(struct connection *c, uint8_t id, const char *at);
void server_takes_back(struct connection *c, uint8_t id);
/* The subflow by this way, as sock_via() names it; NULL: none. */
struct sock *subflow(const struct connection *c, const char *via);
/* The server resets it, and has forgotten it. */
void server_closes(struct sock *s);
/* So much moves on it: down, up. */
void flows(const struct connection *c, const char *via, uint64_t down_bps, uint64_t up_bps);
/* Something changes that bears on traffic: a flag of the world is set by `change`. */
#define happens(change)             \
	do {                        \
		socks_settle();     \
		tell("= " #change); \
		change;             \
	} while (0)

/* --- what is expected -------------------------------------------------------------------------- */

#define expect(condition) expect_at(__FILE__, __LINE__, condition, #condition)
void expect_at(const char *file, int line, bool holds, const char *what);

/* The established subflows beside the initial one, in any order: "fra par", "wg:fra plain:eth1", "". */
#define expect_subflows(c, vias) expect_subflows_at(__FILE__, __LINE__, c, vias)
void expect_subflows_at(const char *file, int line, const struct connection *c, const char *vias);

/* What is told from here on is counted. */
void mark(void);
/* So many lines since the last mark begin so, after their sign: "join fra", "remove id=1". */
#define expect_told(count, ...) expect_told_at(__FILE__, __LINE__, count, __VA_ARGS__)
void expect_told_at(const char *file, int line, unsigned count, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The status' `why` of the connection has these words in it; "": there is none. */
#define expect_why(c, words) expect_why_at(__FILE__, __LINE__, c, words)
void expect_why_at(const char *file, int line, const struct connection *c, const char *words);
#define expect_counter(name, value) expect_counter_at(__FILE__, __LINE__, name, value)
void expect_counter_at(const char *file, int line, const char *name, json_int_t value);
/* State and reason (words of it) of a relay. */
#define expect_relay(name, state, reason) expect_relay_at(__FILE__, __LINE__, name, state, reason)
void expect_relay_at(const char *file, int line, const char *name, const char *state, const char *reason);
/* The whole status, to be freed by json_decref(). */
json_t *status(void);
/* The answer to `why`. */
json_t *answer_why(const char *about);
/* Of a connection, out of a status; NULL: it is not there. Borrowed. */
json_t *status_of(json_t *status, const struct connection *c);

#endif
