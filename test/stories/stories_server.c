/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Joins that are refused, reset or not answered; the server's limit, its C flag, what it announces. */
#include <errno.h>
#include <string.h>

#include "story.h"

STORY(servers, refused_join_backs_off)
{
	struct connection *c;

	relays_are("fra");
	server->refuse = 1;
	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	expect_subflows(c, "");
	expect_why(c, "fra: the join was refused, next try in 1 s");
	expect_counter("join_refused", 1);
	run_ms(1200);
	expect_subflows(c, "fra");
}

STORY(servers, relay_saw_its_reset)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	server->refuse = 100;
	fra->resets = 7; /* of an earlier time */
	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	expect_why(c, "fra: the join was refused, next try");
	happens(fra->resets = 8); /* the client asks 3 s after the refusal */
	run_ms(4000);
	expect_why(c, "fra: the server refused the join, next try");
	run_ms(75000); /* and nothing more is heard of it */
	expect_why(c, "fra: the join was refused, next try");
}

STORY(servers, relay_saw_no_reset)
{
	struct connection *c;

	relays_are("fra");
	server->refuse = 100;
	story_begin("", "");
	c = connection_opens();
	run_ms(20000);
	expect_why(c, "fra: the join was refused, next try");
}

STORY(servers, back_off_doubles)
{
	struct connection *c;

	relays_are("fra");
	server->refuse = 100;
	story_begin("", "");
	c = connection_opens();
	run_ms(64000); /* at 0, 1, 3, 7, 15, 31, 63 s */
	expect_told(7, "join fra");
	expect_subflows(c, "");
	run_ms(120000); /* at most a minute */
	expect_told(9, "join fra");
}

STORY(servers, unanswered_join_times_out)
{
	struct relay *fra = relays_are("fra par");
	struct connection *c;

	fra->nat_blocked = true;
	story_begin("max-detours = 1", "");
	c = connection_opens();
	run_ms(7000);
	expect_counter("join_timeout", 1);
	expect_subflows(c, "par");
	expect_told(1, "close fra");
	expect_told(1, "remove id=1");
}

STORY(servers, answered_just_before_its_time_out)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	fra->nat_blocked = true;
	story_begin("choose = order", "");
	c = connection_opens();
	run_ms(2500);
	happens(fra->nat_blocked = false); /* the third SYN comes through */
	run_ms(1500);
	expect_subflows(c, "fra");
	expect_counter("join_timeout", 0);
}

STORY(servers, limit_is_met_and_remembered)
{
	struct connection *c, *d;

	relays_are("fra par lon");
	server->limit = 1;
	story_begin("max-detours = 3", "");
	c = connection_opens();
	run_ms(15000);
	expect(server_halves(c) == 1);
	expect_why(c, "the server's limit is reached: it took 1 additional subflows");
	mark();
	run_ms(20000);
	expect_told(0, "join"); /* it is not tried again and again */
	d = connection_opens(); /* known from the other */
	run_ms(5000);
	expect(server_halves(d) == 1);
	expect_told(1, "join");
}

STORY(servers, refusals_of_one_that_took_more_are_no_limit)
{
	struct connection *c;

	relays_are("fra par");
	story_begin("", "");
	c = connection_opens();
	run_ms(15000);
	expect_subflows(c, "fra par"); /* so many it takes */
	happens(server->drop_joins = 3);
	server_closes(subflow(c, "par"));
	run_ms(20000);
	expect_counter("join_refused", 3);
	expect_subflows(c, "fra par");
	expect_why(c, "");
}

STORY(servers, limit_is_tried_again_after_a_minute)
{
	struct connection *c;

	relays_are("fra par");
	server->limit = 1;
	story_begin("", "");
	c = connection_opens();
	run_ms(20000);
	expect(server_halves(c) == 1);
	happens(server->limit = 2);
	run_ms(130000);
	expect_subflows(c, "fra par");
}

STORY(servers, a_free_place_is_used)
{
	struct connection *c;

	relays_are("fra par");
	server->limit = 1;
	story_begin("", "");
	c = connection_opens();
	run_ms(20000);
	expect_subflows(c, "fra");
	happens(relay_named("fra")->dark = true);
	run_ms(12000);
	expect_subflows(c, "par"); /* RM_ADDR freed the place of the dead one */
}

STORY(servers, closed_detour_is_made_again)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(3000);
	server_closes(subflow(c, "fra"));
	run_ms(1500);
	expect_subflows(c, "fra");
	expect_told(2, "join fra");
}

STORY(servers, joins_settle_after_an_end)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(3000);
	mark();
	server_closes(subflow(c, "fra"));
	run_ms(400);
	expect_told(0, "join"); /* not in the milliseconds in which the kernel hands over what it held */
	expect_why(c, "another subflow has just ended");
	run_ms(200);
	expect_told(1, "join fra");
}

STORY(servers, initial_subflow_that_ends_is_replaced)
{
	struct connection *c;
	json_t *all, *direct;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(3000);
	mark();
	server_closes(subflow(c, "direct"));
	run_ms(400);
	all = status();
	direct = json_array_get(json_object_get(status_of(all, c), "subflows"), 0);
	expect(strcmp(json_string_value(json_object_get(direct, "state")), "closed") == 0);
	json_decref(all);
	expect_told(0, "join"); /* it settles first */
	run_ms(400);
	expect_subflows(c, "fra plain");
	run_ms(3000);
	sock_close(subflow(c, "plain"), ECONNRESET);
	run_ms(6000);
	expect_subflows(c, "fra plain"); /* and again */
}

STORY(servers, c_flag_without_another_address)
{
	struct connection *c;

	relays_are("fra");
	server->deny_join_id0 = true;
	story_begin("", "");
	c = connection_opens();
	run_ms(5000);
	expect_told(0, "join");
	expect_why(c, "the server wants no joins at this address (C flag)");
}

STORY(servers, c_flag_that_the_event_alone_tells)
{
	relays_are("fra");
	server->deny_join_id0 = server->flag_not_by_bpf = true;
	story_begin("", "");
	connection_opens();
	run_ms(1000);
	expect_told(0, "join");
}

STORY(servers, c_flag_that_bpf_alone_tells)
{
	relays_are("fra");
	server->deny_join_id0 = server->flag_not_in_event = true;
	story_begin("", "");
	connection_opens();
	run_ms(1000);
	expect_told(0, "join");
}

STORY(servers, c_flag_with_an_announced_address)
{
	struct connection *c;
	struct sock *s;

	server_add("203.0.113.9:443");
	relays_are("fra");
	server->deny_join_id0 = true;
	story_begin("", "");
	c = connection_opens();
	run_ms(1000);
	server_announces(c, 3, "203.0.113.9:443");
	run_ms(1000);
	s = subflow(c, "fra");
	expect(s && dt_endpoint_equal(&s->server->at, &c->announced));
	expect_told(0, "no join");
}

STORY(servers, announced_addresses_are_joined_as_ip_mptcp_limits_say)
{
	struct connection *c, *d;

	server_add("203.0.113.9:443");
	relays_are("fra");
	world.limits.add_addr_accepted = 1;
	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	server_announces(c, 3, "203.0.113.9:443");
	run_ms(500);
	expect_subflows(c, "fra plain@203.0.113.9");
	server_announces(c, 4, "203.0.113.10:443"); /* one is enough */
	run_ms(500);
	expect_subflows(c, "fra plain@203.0.113.9");
	happens(world.limits.add_addr_accepted = 0);
	run_ms(6000);
	d = connection_opens();
	run_ms(500);
	server_announces(d, 3, "203.0.113.9:443");
	run_ms(500);
	expect_subflows(d, "fra");
}

STORY(servers, announced_address_that_is_taken_back)
{
	struct connection *c;

	server_add("203.0.113.9:443");
	world.limits.add_addr_accepted = 1;
	story_begin("", "");
	c = connection_opens();
	server_announces(c, 3, "203.0.113.9:443");
	run_ms(500);
	expect_subflows(c, "plain@203.0.113.9");
	server_takes_back(c, 3);
	sock_close(subflow(c, "plain@203.0.113.9"), 0); /* the kernel closes it */
	run_ms(10000);
	expect_subflows(c, "");
	expect_told(1, "join plain@203.0.113.9");
}

STORY(servers, announced_addresses_of_our_own_are_not_joined)
{
	struct connection *c;

	world.limits.add_addr_accepted = 8;
	story_begin("", "");
	c = connection_opens();
	server_announces(c, 3, "192.0.2.10:22");
	server_announces(c, 4, "127.0.0.1:22");
	server_announces(c, 5, "224.0.0.1:443");
	server_announces(c, 6, "0.0.0.0:443");
	run_ms(6000);
	expect_told(0, "join");
}

STORY(servers, announcement_by_a_detour_means_the_servers_own_port)
{
	struct connection *c;
	struct sock *s;

	server_add("203.0.113.9:443");
	relays_are("fra");
	world.limits.add_addr_accepted = 1;
	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	{
		char at[64];

		/* the kernel tells the port of the subflow that it came by */
		snprintf(at, sizeof(at), "203.0.113.9:%u", subflow(c, "fra")->remote.port);
		server_announces(c, 3, at);
	}
	run_ms(500);
	s = subflow(c, "plain@203.0.113.9");
	expect(s && s->remote.port == 443);
}

STORY(servers, silent_for_all_joins)
{
	struct connection *c;

	relays_are("fra par");
	server->silent = true;
	story_begin("", "");
	c = connection_opens();
	run_ms(60000);
	expect_subflows(c, "");
	expect_told(0, "close direct"); /* what works is left alone */
	happens(server->silent = false);
	run_ms(61000);
	expect_subflows(c, "fra par");
}
