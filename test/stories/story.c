/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's life in a story, and what happens around it. */
#include "story.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "story_parts.h"

#define BEGIN_MS 500
#define STOP_MS 2000

struct world world;
struct dt_keypair story_client_keys;
struct server *server;
struct host_link *eth0;

static uv_loop_t loop;
static void *daemon_;
static char *config_text;
bool story_failed;

/* --- the world --------------------------------------------------------------------------------- */

/* The same in each run, for jitter and what is proposed are part of the story. */
static uint32_t chance(void)
{
	static uint64_t state = 88172645463325252ULL;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16);
}

static void chance_fill(void *const buf, const size_t size)
{
	for (size_t i = 0; i < size; i++)
		((uint8_t *)buf)[i] = (uint8_t)chance();
}

static const char *chance_name(void)
{
	return "story";
}

static struct randombytes_implementation chances = {
	.implementation_name = chance_name, .random = chance, .buf = chance_fill};

const char *story_path(const char *name)
{
	static char path[4][128];
	static unsigned turn;
	char *at = path[turn++ % 4];

	snprintf(at, sizeof(path[0]), "%s/%s", story_dir, name);
	return at;
}

static void file_write(const char *name, const char *text)
{
	FILE *f = fopen(story_path(name), "we");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

void story_init(void)
{
	char key[DT_KEY_BASE64_LEN];

	randombytes_set_implementation(&chances);
	if (sodium_init() < 0)
		abort();
	umask(077);
	memset(&world, 0, sizeof(world));
	world.limits = (struct dt_mptcp_limits){.subflows = 2};
	dt_keypair_generate(&story_client_keys);
	file_write("key", dt_key_format(story_client_keys.secret, key));
	uv_loop_init(&loop);
	host_link_add("lo", "127.0.0.1", 10000);
	world.links[0].has_default4 = false;
	eth0 = host_link_add("eth0", "192.0.2.10", 100);
	server = server_add("203.0.113.5:443");
}

struct relay *relays_are(const char *names)
{
	char copy[256], *save = NULL;
	struct relay *first = NULL;

	snprintf(copy, sizeof(copy), "%s", names);
	for (char *name = strtok_r(copy, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
		struct relay *r = relay_add(name);

		first = first ? first : r;
	}
	return first;
}

/* --- the client's life ------------------------------------------------------------------------- */

static void relay_print(FILE *out, const struct relay *r)
{
	char key[DT_KEY_BASE64_LEN], at[DT_ENDPOINT_STRLEN];
	struct dt_keypair other;

	dt_keypair_generate(&other);
	if (r->weak_key) /* of order four */
		memset(&other, 0, sizeof(other));
	dt_endpoint_format(&r->at, at);
	fprintf(out, "[relay %s]\npublic-key = %s\n", r->name,
		dt_key_format(r->other_key || r->weak_key ? other.public : r->keys.public, key));
	if (*r->host)
		fprintf(out, "endpoint = %s:%u\n", r->host, r->at.port);
	else
		fprintf(out, "endpoint = %s\n", at);
	fprintf(out, "%s\n", r->conf);
}

static void config_compose(const char *client, const char *rest)
{
	size_t len;
	FILE *out;

	free(config_text);
	config_text = NULL;
	out = open_memstream(&config_text, &len);
	if (!out)
		abort();
	fprintf(out, "[client]\n");
	if (!strstr(client, "private-key-file"))
		fprintf(out, "private-key-file = %s\n", story_path("key"));
	if (!strstr(client, "control ="))
		fprintf(out, "control = %s\n", story_path("control"));
	if (!strstr(client, "detour-after"))
		fprintf(out, "detour-after = 0\n");
	if (!strstr(client, "log-level"))
		fprintf(out, "log-level = debug\n");
	fprintf(out, "%s\n", client);
	for (const struct relay *r = world.relays; r; r = r->next)
		if (!r->omitted)
			relay_print(out, r);
	fprintf(out, "%s\n", rest);
	/* stories take place in networks for documentation, of which relays are not told otherwise */
	fprintf(out, "[rule lab]\ndestination = 203.0.113.0/24, 2001:db8::/32\n");
	fclose(out);
	file_write("client.conf", config_text);
}

static void *config_read(const char *file, int line)
{
	void *config = NULL;

	if (dt_client_mode.config_load(&config, story_path("client.conf")) < 0) {
		fprintf(stderr, "%s", config_text);
		story_fails(file, line, "the configuration has errors");
	}
	return config;
}

static int client_start(const char *file, int line)
{
	void *config = config_read(file, line);
	int err;

	tell("= the client begins");
	uv_update_time(&loop);
	err = dt_client_mode.start(&daemon_, &loop, config);
	if (err)
		daemon_ = NULL;
	loop_finish_turn();
	return err;
}

void story_begin_at(const char *file, int line, const char *client, const char *rest)
{
	int err;

	config_compose(client, rest);
	err = client_start(file, line);
	if (err)
		story_fails(file, line, strerror(-err));
	run_ms(BEGIN_MS);
}

void expect_no_start_at(const char *file, int line, int err)
{
	int got;

	config_compose("", "");
	got = client_start(file, line);
	if (got != err)
		story_fails(file, line, got ? strerror(-got) : "it started");
	run_ms(STOP_MS);
}

void story_start_again(void)
{
	file_write("client.conf", config_text);
	if (client_start(__FILE__, __LINE__) != 0)
		story_fails(__FILE__, __LINE__, "it does not start again");
	run_ms(BEGIN_MS);
}

void story_reload_at(const char *file, int line, const char *client, const char *rest, int err)
{
	void *config;
	int got;

	config_compose(client, rest);
	config = config_read(file, line);
	tell("= reload");
	uv_update_time(&loop);
	got = dt_client_mode.reload(daemon_, config);
	loop_finish_turn();
	if (got != err)
		story_fails(file, line, got ? strerror(-got) : "the reload was accepted");
	run_ms(0);
}

void story_reload_with_error_at(const char *file, int line, const char *client, const char *rest)
{
	void *config;

	config_compose(client, rest);
	tell("= reload");
	if (dt_client_mode.config_load(&config, story_path("client.conf")) == 0) {
		dt_client_mode.config_free(config);
		story_fails(file, line, "the configuration has no error");
	}
	run_ms(0);
}

void story_new_key(void)
{
	char key[DT_KEY_BASE64_LEN];
	struct dt_keypair keys;

	dt_keypair_generate(&keys);
	file_write("key", dt_key_format(keys.secret, key));
}

void story_stop(void)
{
	tell("= the client stops");
	uv_update_time(&loop);
	dt_client_mode.stop(daemon_);
	daemon_ = NULL;
	loop_finish_turn();
	run_ms(STOP_MS);
}

void story_crash(void)
{
	tell("= the client is killed");
	world.frozen = true;
	dt_client_mode.stop(daemon_);
	daemon_ = NULL;
	loop_finish_turn();
	for (int i = 0; loop_handles() && i < 100; i++)
		loop_run(&loop, DT_MS);
	world.frozen = false;
}

void run_ms(uint64_t ms)
{
	loop_run(&loop, ms * DT_MS);
}

static void nothing_is_left(void)
{
	expect(loop_handles() == 0);
	expect(fake_fds_open() == 0);
	expect(host_leftovers() == 0);
	for (const struct connection *c = world.connections; c; c = c->hh.next)
		for (const struct sock *s = c->socks; s; s = s->next)
			if (!s->initial && s->relay) {
				char via[48];

				fprintf(stderr, "left: %s of connection %u\n", sock_via(s, via), c->number);
				expect(!"a detour outlives the client");
			}
}

void story_fini(void)
{
	if (!story_failed && daemon_)
		story_stop();
	if (!story_failed && getenv("STORY_PRINT"))
		transcript_print(stderr);
	if (!story_failed)
		nothing_is_left();
	world_forget();
	relays_forget();
	kernel_forget();
	fake_fds_forget();
	loop_forget();
	host_forget();
	tunnels_forget();
	transcript_clear();
	free(config_text);
}

/* --- connections ------------------------------------------------------------------------------- */

static void established_tell(struct connection *c)
{
	struct dt_mptcp_event e = event_of(c->socks, DT_MPTCP_CREATED);

	track_row_add(c->socks);
	event_send(&e);
	e.type = DT_MPTCP_ESTABLISHED;
	e.deny_join_id0 = c->server->deny_join_id0 && !c->server->flag_not_in_event;
	event_send(&e);
}

struct connection *connection_opens_from(const char *local, struct server *to)
{
	struct connection *c = connection_add(to, local);

	established_tell(c);
	run_ms(0);
	return c;
}

struct connection *connection_opens_to(struct server *to)
{
	return connection_opens_from("192.0.2.10", to);
}

struct connection *connection_opens(void)
{
	return connection_opens_to(server);
}

struct connection *connection_opened_by(uint32_t uid, const char *program)
{
	struct connection *c = connection_add(server, "192.0.2.10");

	c->has_origin = true;
	c->origin.uid = uid;
	snprintf(c->origin.program, sizeof(c->origin.program), "%s", program);
	established_tell(c);
	run_ms(0);
	return c;
}

static struct connection *incoming(bool taken)
{
	struct server *peer = server_add("203.0.113.99:51000");
	struct connection *c = connection_add(peer, "192.0.2.10");

	c->accepted = true;
	c->ready = taken;
	established_tell(c);
	run_ms(0);
	return c;
}

struct connection *connection_is_accepted(void)
{
	return incoming(true);
}

struct connection *connection_waits_to_be_accepted(void)
{
	return incoming(false);
}

struct connection *connection_was_there(void)
{
	return connection_add(server, "192.0.2.10");
}

void connection_closes(struct connection *c)
{
	connection_end(c, true);
	run_ms(0);
}

void server_announces(struct connection *c, uint8_t id, const char *at)
{
	struct dt_mptcp_event e = {.type = DT_MPTCP_ANNOUNCED, .token = c->token, .remote_id = id};

	if (dt_endpoint_parse(&e.remote, at) < 0)
		abort();
	c->announced_id = id;
	c->announced = e.remote;
	event_send(&e);
	run_ms(0);
}

void server_takes_back(struct connection *c, uint8_t id)
{
	struct dt_mptcp_event e = {.type = DT_MPTCP_REMOVED, .token = c->token, .remote_id = id};

	if (c->announced_id == id)
		c->announced_id = 0;
	event_send(&e);
	run_ms(0);
}

struct sock *subflow(const struct connection *c, const char *via)
{
	char text[48];

	for (struct sock *s = c->socks; s; s = s->next)
		if (strcmp(sock_via(s, text), via) == 0)
			return s;
	return NULL;
}

void server_closes(struct sock *s)
{
	if (!s)
		story_fails(__FILE__, __LINE__, "there is no such subflow");
	s->connection->halves[s->id] = false;
	sock_close(s, ECONNRESET);
}

void flows(const struct connection *c, const char *via, uint64_t down_bps, uint64_t up_bps)
{
	struct sock *s = subflow(c, via);

	if (!s)
		story_fails(__FILE__, __LINE__, via);
	tell("= connection=%u %s: %llu down, %llu up", c->number, via, (unsigned long long)down_bps,
	     (unsigned long long)up_bps);
	sock_flow(s, down_bps, up_bps);
	run_ms(0);
}
