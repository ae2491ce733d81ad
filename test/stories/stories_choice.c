/* SPDX-License-Identifier: GPL-2.0-or-later */
/* choose = measured: detours that pay stay, others make room, and what was learnt is kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "story.h"

/* A connection on which fra, after a comparison, is backup. */
static struct connection *fra_did_not_pay(void)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	flows(c, "direct", 20 * MBIT, 0);
	flows(c, "fra", 100000, 0); /* next to nothing */
	run_ms(30000);
	expect(subflow(c, "fra")->backup);
	return c;
}

STORY(choice, useless_detour_becomes_backup_after_a_comparison)
{
	fra_did_not_pay();
	json_decref(status());
}

STORY(choice, one_that_did_not_pay_begins_as_backup)
{
	struct connection *d;

	fra_did_not_pay();
	mark();
	d = connection_opens();
	run_ms(500);
	expect_told(1, "join fra connection=2 id=1 backup");
	expect(subflow(d, "fra")->backup);
}

STORY(choice, detour_that_pays_stays)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	flows(c, "direct", 10 * MBIT, 0);
	flows(c, "fra", 10 * MBIT, 0);
	run_ms(60000);
	expect_subflows(c, "fra");
	expect(!subflow(c, "fra")->backup);
}

STORY(choice, detour_that_was_idle_is_looked_at_when_it_is_used_again)
{
	struct connection *c = fra_did_not_pay();

	flows(c, "fra", 0, 0);
	run_ms(20000); /* so that it does not count as moving */
	for (int ms = 0; ms < 60000 && subflow(c, "fra")->backup; ms += 100)
		run_ms(100);
	flows(c, "fra", 20 * MBIT, 0);
	mark();
	run_ms(12000);
	expect_told(0, "prio fra connection=1 backup");
	expect(!subflow(c, "fra")->backup);
}

static json_t *gain_of(json_t *object)
{
	return json_object_get(object, "gain");
}

static bool gain_is_known(json_t *object)
{
	return json_is_true(json_object_get(gain_of(object), "known"));
}

/* Between these, in percent, and of this direction. */
static bool gain_is(json_t *object, double least, double most, const char *direction)
{
	double percent = json_real_value(json_object_get(gain_of(object), "percent"));

	return gain_is_known(object) && percent >= least && percent <= most &&
	       strcmp(json_string_value(json_object_get(gain_of(object), "direction")), direction) == 0;
}

STORY(choice, gain_of_a_useless_detour_is_measured)
{
	struct connection *c = fra_did_not_pay();
	json_t *all = status(), *gains = json_object_get(all, "gains");

	expect(gain_is(status_of(all, c), -2, 2, "down"));
	expect(gain_is(json_array_get(json_object_get(all, "relays"), 0), -2, 2, "down"));
	expect(gain_is(json_object_get(all, "total"), -2, 2, "down"));
	expect(json_array_size(gains) == 1 && gain_is(json_array_get(gains, 0), -2, 2, "down"));
	json_decref(all);
}

STORY(choice, gain_is_unknown_until_it_is_measured)
{
	struct connection *c;
	json_t *all, *gain;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	flows(c, "direct", 10 * MBIT, 0);
	flows(c, "fra", 30 * MBIT, 0); /* it carries most, so there is no comparison */
	run_ms(20000);
	all = status();
	expect(!gain_is_known(status_of(all, c)) && !gain_is_known(json_array_get(json_object_get(all, "relays"), 0)));
	gain = gain_of(status_of(all, c));
	expect(strcmp(json_string_value(json_object_get(gain, "text")), "unknown") == 0);
	expect(json_real_value(json_object_get(gain, "at_most_percent")) > 280 &&
	       json_real_value(json_object_get(gain, "at_most_percent")) < 320);
	json_decref(all);
}

static json_int_t number(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

STORY(choice, status_tells_rates_and_shares)
{
	struct connection *c;
	json_t *all, *relay, *connection, *total;

	relays_are("fra");
	story_begin("", "[rule bulk]\ndestination = 203.0.113.0/24\n");
	c = connection_opened_by(1000, "curl\x1b[2J\xff");
	run_ms(500);
	flows(c, "direct", 10 * MBIT, 1 * MBIT);
	flows(c, "fra", 30 * MBIT, 3 * MBIT);
	run_ms(10000);
	all = status();
	relay = json_array_get(json_object_get(all, "relays"), 0);
	connection = status_of(all, c);
	total = json_object_get(all, "total");
	expect(number(relay, "receive_bps") > 29 * 1000 * 1000 && number(relay, "receive_bps") < 31 * 1000 * 1000);
	expect(number(relay, "send_bps") > 2900 * 1000 && number(relay, "send_bps") < 3100 * 1000);
	expect(json_real_value(json_object_get(relay, "share")) > 0.74);
	expect(number(relay, "seen_s_ago") <= 2);
	expect(number(connection, "receive_bps") > 39 * 1000 * 1000 && number(connection, "age_s") == 10);
	expect(number(connection, "uid") == 1000);
	expect(strcmp(json_string_value(json_object_get(connection, "program")), "curl\x1b[2J?") == 0);
	expect(strcmp(json_string_value(json_object_get(connection, "rule")), "bulk") == 0);
	expect(number(total, "connections") == 1 && number(total, "moving") == 1);
	expect(number(total, "receive_bps") == number(connection, "receive_bps"));
	json_decref(all);
}

/* Asked as `status` for people asks. */
static json_t *status_brief(const char *how)
{
	char *text = control_ask("status", how);
	json_t *answer = text ? json_loads(text, 0, NULL) : NULL;

	expect(answer != NULL);
	free(text);
	return answer;
}

STORY(choice, brief_status_has_the_fastest_connections)
{
	struct connection *c[3];
	json_t *all, *list;

	relays_are("fra");
	story_begin("max-detours = 0", "");
	for (int i = 0; i < 3; i++)
		c[i] = connection_opens();
	run_ms(500);
	flows(c[0], "direct", 2 * MBIT, 0);
	flows(c[1], "direct", 1 * MBIT, 0);
	flows(c[2], "direct", 1 * MBIT, 5 * MBIT);
	run_ms(10000);
	all = status_brief("brief 2");
	list = json_object_get(all, "connections");
	expect(json_array_size(list) == 2 && number(json_object_get(all, "total"), "connections") == 3);
	expect(number(json_array_get(list, 0), "id") == 3 && number(json_array_get(list, 1), "id") == 1);
	expect(number(json_array_get(json_object_get(json_array_get(list, 0), "subflows"), 0), "bytes_acked") >
	       5000000);
	json_decref(all);
	all = status_brief("brief");
	expect(json_array_size(json_object_get(all, "connections")) == 3);
	json_decref(all);
	all = status_brief("brief 0");
	expect(json_array_size(json_object_get(all, "connections")) == 0);
	json_decref(all);
	all = status_brief("brief 1 2"); /* the fastest, and number 2 */
	list = json_object_get(all, "connections");
	expect(json_array_size(list) == 2 && number(json_array_get(list, 1), "id") == 2);
	json_decref(all);
	all = status_brief("brief 9 2"); /* it is among them already */
	expect(json_array_size(json_object_get(all, "connections")) == 3);
	json_decref(all);
	all = status_brief("brief 1 99");
	expect(json_array_size(json_object_get(all, "connections")) == 1);
	json_decref(all);
}

STORY(choice, status_changes_nothing)
{
	struct connection *c;
	json_t *first, *second;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	flows(c, "direct", 10 * MBIT, 0);
	flows(c, "fra", 10 * MBIT, 0);
	run_ms(3000);
	mark();
	first = status();
	second = status();
	expect_told(0, "%s", "");
	expect(json_equal(first, second));
	json_decref(second);
	json_decref(first);
}

/* What a relay carries, wherever it is joined; asked for each second, as the scheduler would. */
static void carry(struct connection *c, uint64_t direct_bps, const char *best, uint64_t best_bps, uint64_t rest_bps,
		  unsigned seconds)
{
	while (seconds--) {
		for (struct sock *s = c->socks; s; s = s->next) {
			uint64_t bps = s->initial ? direct_bps : rest_bps;

			if (s->relay && strcmp(s->relay->name, best) == 0)
				bps = best_bps;
			sock_flow(s, s->backup ? 0 : bps, 0);
		}
		run_ms(1000);
	}
}

STORY(choice, better_relay_is_found)
{
	struct connection *c;

	relays_are("fra par");
	story_begin("max-detours = 1", "");
	c = connection_opens();
	run_ms(500);
	expect_subflows(c, "fra");
	carry(c, 10 * MBIT, "par", 30 * MBIT, 3 * MBIT, 240);
	expect_subflows(c, "par");
	expect_counter("join_refused", 0);
}

STORY(choice, in_order_nothing_is_tried)
{
	struct connection *c;

	relays_are("fra par");
	story_begin("max-detours = 1\nchoose = order", "");
	c = connection_opens();
	run_ms(500);
	carry(c, 10 * MBIT, "par", 30 * MBIT, 3 * MBIT, 120);
	expect_subflows(c, "fra");
	expect_counter("decisions", 0);
}

STORY(choice, what_was_learnt_serves_the_next_connection)
{
	struct connection *c, *d;

	relays_are("fra par");
	story_begin("max-detours = 1", "");
	c = connection_opens();
	run_ms(500);
	carry(c, 10 * MBIT, "par", 30 * MBIT, 3 * MBIT, 240);
	expect_subflows(c, "par");
	d = connection_opens();
	run_ms(500);
	expect_subflows(d, "par");
}

static bool file_has(const char *path, const char *words)
{
	char text[4096] = "";
	FILE *f = fopen(path, "re");
	bool found;

	if (!f)
		return false;
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	found = strstr(text, words) != NULL;
	return found;
}

STORY(choice, and_the_next_run)
{
	char lines[256], path[128];
	struct connection *c, *d;

	relays_are("fra par");
	snprintf(path, sizeof(path), "%s", story_path("state"));
	snprintf(lines, sizeof(lines), "max-detours = 1\nstate = %s", path);
	story_begin(lines, "");
	c = connection_opens();
	run_ms(500);
	carry(c, 10 * MBIT, "par", 30 * MBIT, 3 * MBIT, 240);
	connection_closes(c);
	story_stop();
	expect(file_has(path, "203.0.113.0"));
	story_start_again();
	d = connection_opens();
	run_ms(500);
	expect_subflows(d, "par");
}

STORY(choice, state_that_is_damaged_is_put_aside)
{
	char lines[256], path[128], aside[256];
	FILE *f;

	relays_are("fra");
	snprintf(path, sizeof(path), "%s", story_path("state"));
	snprintf(lines, sizeof(lines), "state = %s", path);
	snprintf(aside, sizeof(aside), "%s.damaged", path);
	f = fopen(path, "we");
	fputs("not ours\n", f);
	fclose(f);
	story_begin(lines, "");
	expect(file_has(aside, "not ours"));
}

STORY(choice, state_that_cannot_be_written_is_said_once)
{
	struct connection *c;

	relays_are("fra");
	story_begin("state = /nonexistent/state", "");
	c = connection_opens();
	run_ms(500);
	for (int i = 0; i < 2; i++) {
		flows(c, "direct", 10 * MBIT, 0);
		flows(c, "fra", 10 * MBIT, 0);
		run_ms(305000);
	}
	expect_told(1, "warning: state /nonexistent/state");
}

STORY(choice, unanswered_join_is_held_against_the_relay)
{
	struct relay *fra = relays_are("fra par");
	struct connection *c, *d;

	fra->nat_blocked = true;
	story_begin("max-detours = 1", "");
	c = connection_opens();
	run_ms(10000);
	expect_subflows(c, "par");
	d = connection_opens();
	run_ms(500);
	expect_subflows(d, "par");
}

STORY(choice, upload)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	flows(c, "direct", 0, 10 * MBIT);
	flows(c, "fra", 0, 10 * MBIT);
	run_ms(30000);
	expect_subflows(c, "fra");
	expect(!subflow(c, "fra")->backup);
}

STORY(choice, direct_path_gone_during_a_comparison)
{
	struct connection *c = fra_did_not_pay();

	happens(server->dark = true);
	run_ms(500);
	flows(c, "fra", 5 * MBIT, 0);
	run_ms(5000);
	expect_subflows(c, "fra");
	expect(!subflow(c, "fra")->backup); /* it carries all, and may know it */
}

/* --- a slow direct path ------------------------------------------------------------------------ */

static void slow_direct_run(struct connection *c, uint64_t direct_bps, uint64_t detour_bps, unsigned ms)
{
	for (struct sock *s = c->socks; s; s = s->next)
		sock_flow(s, s->initial ? direct_bps : detour_bps, 0);
	run_ms(ms);
}

/* The detour carries 40 Mbit/s, but pauses for most of the time while the direct path of 1 is used beside it. */
static void slow_direct(struct connection *c, unsigned seconds)
{
	for (unsigned n = 0; n < seconds * 5; n++) {
		bool held_up = !subflow(c, "direct")->backup;

		slow_direct_run(c, held_up * MBIT, 40 * MBIT, 40);
		slow_direct_run(c, held_up * MBIT, held_up ? 0 : 40 * MBIT, 160);
	}
}

static struct connection *direct_became_backup(void)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	slow_direct(c, 12);
	expect(subflow(c, "direct")->backup);
	return c;
}

static void expect_direct_note(const struct connection *c, const char *words)
{
	json_t *all = status();
	json_t *direct = json_array_get(json_object_get(status_of(all, c), "subflows"), 0);
	const char *note = json_string_value(json_object_get(direct, "note"));

	expect(note && strstr(note, words));
	json_decref(all);
}

STORY(choice, slow_direct_path_becomes_backup)
{
	struct connection *c, *d;

	c = direct_became_backup();
	expect(!subflow(c, "fra")->backup);
	expect_direct_note(c, "holds up the detours");
	/* planning does not undo it */
	story_reload("", "");
	slow_direct(c, 2);
	expect(subflow(c, "direct")->backup);
	/* the next connection does not wait for a comparison */
	d = connection_opens();
	run_ms(500);
	slow_direct(d, 3);
	expect(subflow(d, "direct")->backup);
}

STORY(choice, direct_path_is_used_again_when_the_detour_is_gone)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	slow_direct(c, 12);
	expect(subflow(c, "direct")->backup);
	happens(fra->nat_blocked = true);
	server_closes(subflow(c, "fra"));
	flows(c, "direct", MBIT, 0);
	run_ms(3000);
	expect(!subflow(c, "direct")->backup);
}

STORY(choice, direct_path_that_an_earlier_run_made_backup_is_judged_anew)
{
	struct connection *c = direct_became_backup();

	story_crash();
	mark();
	story_start_again();
	run_ms(1000);
	expect_told(1, "prio direct connection=1 normal");
	expect(!subflow(c, "direct")->backup);
	slow_direct(c, 12);
	expect(subflow(c, "direct")->backup);
}

/* --- limited by the application ---------------------------------------------------------------- */

STORY(choice, limited_application_yields_no_verdict)
{
	struct connection *c, *d;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	/* 5 Mbit/s, in pieces that the path carries at 20 */
	for (int i = 0; i < 120; i++) {
		if (i == 19)
			mark(); /* what happens before is no verdict: early.h */
		flows(c, "direct", 20 * MBIT, 0);
		flows(c, "fra", 90000, 0);
		run_ms(60);
		flows(c, "direct", 0, 0);
		run_ms(190);
	}
	expect(!subflow(c, "fra")->backup);
	expect_told(0, "prio fra");
	d = connection_opens();
	run_ms(500);
	expect(!subflow(d, "fra")->backup);
}

STORY(choice, upload_and_download_are_judged_apart)
{
	struct connection *d;

	fra_did_not_pay();
	/* another connection uploads */
	d = connection_opens();
	flows(d, "direct", 0, 10 * MBIT);
	run_ms(3000);
	expect(!subflow(d, "fra")->backup);
}
