/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the client says when it is asked, and that asking changes nothing. */
#include <linux/bpf.h>
#include <string.h>

#include "story.h"

static json_int_t number(json_t *of, const char *key)
{
	json_t *value = json_object_get(of, key);

	expect(json_is_integer(value));
	return json_integer_value(value);
}

static const char *text(json_t *of, const char *key)
{
	const char *value = json_string_value(json_object_get(of, key));

	expect(value != NULL);
	return value;
}

STORY(answers, status_of_a_connection)
{
	struct connection *c;
	json_t *all, *one, *subflows, *detour;
	char at[DT_ENDPOINT_STRLEN];

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	flows(c, "fra", 8 * MBIT, 0);
	run_ms(3000);
	all = status();
	expect(number(all, "version") == 1);
	expect(strcmp(text(all, "mode"), "client") == 0);
	one = status_of(all, c);
	expect(number(one, "id") == 1);
	expect(strcmp(text(one, "remote"), "203.0.113.5:443") == 0);
	subflows = json_object_get(one, "subflows");
	expect(json_array_size(subflows) == 2);
	expect(strcmp(text(json_array_get(subflows, 0), "via"), "direct") == 0);
	detour = json_array_get(subflows, 1);
	expect(strcmp(text(detour, "via"), "fra") == 0);
	expect(strcmp(text(detour, "carrier"), "nat") == 0);
	expect(strcmp(text(detour, "state"), "established") == 0);
	expect(strcmp(text(detour, "remote"), dt_endpoint_format(&subflow(c, "fra")->remote, at)) == 0);
	expect(number(detour, "bytes_received") > 2900000);
	expect(number(detour, "srtt_us") == 20000);
	expect(number(detour, "relay_server_rtt_us") == 10000);
	expect(number(detour, "receive_bps") > 7 * (json_int_t)MBIT);
	json_decref(all);
}

STORY(answers, relays)
{
	json_t *all, *relay;

	relays_are("fra");
	story_begin("", "");
	all = status();
	relay = json_array_get(json_object_get(all, "relays"), 0);
	expect(strcmp(text(relay, "endpoint"), "198.51.100.1:45672") == 0);
	expect(number(relay, "rtt_us") == 10000);
	expect(strcmp(text(relay, "carrier"), "nat") == 0);
	json_decref(all);
}

STORY(answers, why_one_server)
{
	struct server *other = server_add("203.0.113.6:22");
	json_t *answer;

	relays_are("fra");
	story_begin("", "");
	connection_opens();
	connection_opens_to(other);
	run_ms(500);
	world.nothers = 2; /* one that is plain TCP, and one that fell back */
	world.others[0].remote = other->at;
	world.others[0].state = BPF_TCP_ESTABLISHED;
	world.others[1] = world.others[0];
	world.others[1].mptcp = true;
	answer = answer_why("203.0.113.6");
	expect(json_array_size(json_object_get(answer, "connections")) == 1);
	expect(number(answer, "plain_tcp") == 1);
	expect(number(answer, "fell_back_open") == 1);
	json_decref(answer);
	answer = answer_why("203.0.113.5:443");
	expect(json_array_size(json_object_get(answer, "connections")) == 1);
	json_decref(answer);
	answer = answer_why("nonsense");
	expect(strstr(text(answer, "error"), "ADDRESS") != NULL);
	json_decref(answer);
}

/* The kernel keeps it until the server closes, too; its subflows look established meanwhile. */
STORY(answers, what_its_program_closed_is_not_counted)
{
	struct dt_tcp_sample *aborted = &world.others[0];
	json_t *answer;

	story_begin("", "");
	dt_endpoint_parse(&aborted->local, "192.0.2.10:5000");
	aborted->remote = server->at;
	aborted->state = BPF_TCP_ESTABLISHED;
	aborted->mptcp = true;
	world.others[1] = world.others[2] = world.others[3] = *aborted;
	world.others[1].local.port = 5001; /* this one has lost MPTCP */
	world.others[2].local.port = 5002;
	world.others[2].mptcp = false;
	world.others[2].state = BPF_TCP_FIN_WAIT2;
	world.others[3].local.port = 5003;
	world.others[3].state = BPF_TCP_FIN_WAIT2;
	world.nothers = 4;
	world.closing[0] = *aborted;
	world.closing[0].state = BPF_TCP_FIN_WAIT2;
	world.nclosing = 1;
	answer = answer_why("203.0.113.5:443");
	expect(number(answer, "fell_back_open") == 1);
	expect(number(answer, "plain_tcp") == 0);
	json_decref(answer);
}

STORY(answers, a_pending_join_is_no_detour)
{
	struct connection *c;

	relays_are("fra");
	server->silent = true;
	story_begin("max-detours = 1", "");
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "");
	expect_why(c, "0 of 1 detours by rule lab; fra: the join is under way");
	server->silent = false;
}

STORY(answers, nothing_to_explain)
{
	struct connection *c;

	relays_are("fra par");
	story_begin("", "");
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "fra par");
	expect_why(c, "");
}

STORY(answers, older_connections_are_not_counted_as_fallen_back)
{
	struct connection *c = connection_was_there();
	json_t *answer;

	story_begin("", "");
	dt_track_forget(NULL, &c->local, &c->remote); /* not even adopted */
	answer = answer_why("203.0.113.5:443");
	expect(number(answer, "fell_back_open") == 0);
	json_decref(answer);
}

STORY(answers, servers_without_mptcp)
{
	struct dt_endpoint plain, slow;
	json_t *all, *there;

	dt_endpoint_parse(&plain, "203.0.113.80:80");
	dt_endpoint_parse(&slow, "203.0.113.81:80");
	story_begin("", "");
	track_fallback(&plain, DT_SUBFLOW_FELL_BACK);
	track_fallback(&plain, DT_SUBFLOW_FELL_BACK);
	track_fallback(&slow, DT_SUBFLOW_FELL_BACK_SYN_LOST);
	track_fallback(&slow, DT_SUBFLOW_FELL_BACK_DISABLED);
	track_fallback(&server->at, DT_SUBFLOW_FELL_BACK);
	run_ms(10);
	expect_counter("fell_back", 3);
	expect_counter("fell_back_syn_lost", 1);
	expect_counter("fell_back_disabled", 1);
	connection_opens(); /* that one speaks MPTCP after all */
	all = status();
	there = json_object_get(all, "destinations");
	expect(json_array_size(there) == 2);
	json_decref(all);
	run_ms(10);
	track_fallback(&server->at, DT_SUBFLOW_FELL_BACK); /* it did before: something strips it */
	run_ms(10);
	expect_counter("fell_back_stripped", 1);
}

STORY(answers, server_limits)
{
	json_t *all, *limit;

	relays_are("fra par");
	server->limit = 1;
	story_begin("", "");
	connection_opens();
	run_ms(10000);
	all = status();
	limit = json_array_get(json_object_get(all, "server_limits"), 0);
	expect(number(limit, "took") == 1);
	expect(number(limit, "refused") >= 2);
	json_decref(all);
}

STORY(answers, monitors_hear_of_subflows)
{
	relays_are("fra");
	story_begin("", "");
	connection_opens();
	run_ms(500);
	expect_told(1, "{\"event\":\"connection\",\"detail\":\"established\"");
	expect_told(1, "{\"event\":\"subflow\",\"detail\":\"pending\"");
	expect_told(1, "{\"event\":\"subflow\",\"detail\":\"established\"");
}

/* Tells a story with questions all the time, or without, and returns what was commanded. */
static size_t commands(bool curious)
{
	struct relay *fra = relays_are("fra par");
	struct connection *c;
	size_t from = told_lines();

	server->limit = 1;
	fra->late_ms = 400;
	story_begin("", "");
	c = connection_opens();
	for (int i = 0; i < 700; i++) { /* over the end of what is known of the server's limit */
		if (curious) {
			json_decref(status());
			json_decref(answer_why("203.0.113.5"));
		}
		if (i == 100)
			relay_named("par")->dark = true;
		if (i == 200)
			server->limit = 2;
		if (i == 400)
			relay_named("par")->dark = false;
		run_ms(200);
	}
	expect(c != NULL);
	return told(from, "join") * 1000000 + told(from, "close") * 10000 + fra->asked * 100 + fra->renewed;
}

STORY(answers, asking_changes_nothing)
{
	size_t without = commands(false);

	story_stop();
	connection_end(world.connections, true);
	while (world.relays)
		relay_forget(world.relays);
	expect(commands(true) == without);
}

STORY(answers, asking_opens_no_socket)
{
	struct connection *c;
	size_t open;

	relays_are("fra");
	host_link_add("wlan0", "192.0.4.10", 300);
	server->limit = 0;
	story_begin("", "");
	connection_opens();
	run_ms(10000); /* the server's limit is known */
	c = connection_opens_from("192.0.4.10", server);
	run_ms(100);
	open = fake_fds_open();
	expect_why(c, "0 of 2 detours");
	expect(fake_fds_open() == open);
}
