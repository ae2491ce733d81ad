/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Relays that are up, down, draining, gone, restarted, moved. */
#include "story.h"

STORY(relays, late_one_joins_when_it_is_up)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	fra->daemon_off = true;
	story_begin("", "");
	expect_relay("fra", "connecting", "no answer yet");
	c = connection_opens();
	run_ms(6000);
	expect_relay("fra", "down", "no answer");
	expect_subflows(c, "");
	expect_why(c, "fra: down");
	happens(fra->daemon_off = false);
	run_ms(2200);
	expect_relay("fra", "up", "");
	expect_subflows(c, "fra");
}

STORY(relays, host_says_that_nobody_listens)
{
	struct relay *fra = relays_are("fra");

	fra->port_closed = true;
	story_begin("", "");
	run_ms(8000);
	expect_relay("fra", "down", "no answer");
	happens(fra->port_closed = false);
	run_ms(2200);
	expect_relay("fra", "up", "");
	happens(fra->port_closed = true); /* once more, after it was up */
	run_ms(8000);
	happens(fra->port_closed = false);
	run_ms(2200);
	expect_relay("fra", "up", "");
}

STORY(relays, one_with_another_key_is_never_up)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	fra->other_key = true;
	story_begin("", "");
	c = connection_opens();
	run_ms(10000);
	expect_relay("fra", "down", "its public key is not the configured one");
	expect_subflows(c, "");
}

STORY(relays, dead_one_is_replaced)
{
	struct relay *fra = relays_are("fra par lon");
	struct connection *c;

	story_begin("", "");
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "fra par");
	happens(fra->dark = true);
	run_ms(9000);
	expect_relay("fra", "down", "no answer");
	expect_subflows(c, "par lon");
	expect(server_halves(c) == 2); /* the server was told */
}

STORY(relays, one_that_comes_back_is_used_again)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	story_begin("", "");
	c = connection_opens();
	run_ms(1000);
	happens(fra->dark = true);
	run_ms(30000);
	expect_subflows(c, "");
	happens(fra->dark = false);
	run_ms(2500);
	expect_relay("fra", "up", "");
	expect_subflows(c, "fra");
}

STORY(relays, without_its_daemon_data_still_comes_through)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	story_begin("", "");
	c = connection_opens();
	run_ms(1000);
	flows(c, "fra", 8 * MBIT, 0);
	happens(fra->daemon_off = true);
	run_ms(10000);
	expect_relay("fra", "down", "no answer");
	expect_subflows(c, "fra"); /* data knows better */
	expect_told(1, "join fra");
}

STORY(relays, without_its_daemon_idle_detours_end)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	story_begin("", "");
	c = connection_opens();
	run_ms(1000);
	happens(fra->daemon_off = true);
	run_ms(10000);
	expect_subflows(c, "");
	expect(server_halves(c) == 0);
}

STORY(relays, draining_one_is_left)
{
	struct relay *fra = relays_are("fra par lon");
	struct connection *c;

	story_begin("", "");
	c = connection_opens();
	run_ms(1000);
	happens(fra->draining = true);
	run_ms(3000);
	expect_subflows(c, "par lon");
	expect_relay("fra", "up", "clos");
	happens(fra->draining = false);
	run_ms(3000);
	expect_relay("fra", "up", "");
	expect_subflows(c, "par lon"); /* what works stays */
}

STORY(relays, draining_one_is_not_used_anew)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	fra->draining = true;
	story_begin("", "");
	run_ms(3000);
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "");
	expect_told(0, "join");
	expect_why(c, "fra: the relay is clos");
	happens(fra->draining = false);
	run_ms(3000);
	expect_subflows(c, "fra");
}

STORY(relays, draining_one_is_held_while_there_is_no_other_way)
{
	struct relay *fra = relays_are("fra par");
	struct connection *c;

	story_begin("max-detours = 1", "");
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "fra");
	happens(relay_named("par")->daemon_off = true);
	happens(server->silent = true);
	sock_close(subflow(c, "direct"), 110);
	run_ms(8000);
	happens(fra->draining = true);
	run_ms(4000);
	expect_subflows(c, "fra");
	happens(server->silent = false);
	run_ms(8000);
	expect_subflows(c, "plain"); /* the direct path works again */
}

STORY(relays, restart_keeps_leases_and_flows)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	story_begin("", "");
	c = connection_opens();
	run_ms(1000);
	mark();
	relay_restart(fra);
	run_ms(5000);
	expect_subflows(c, "fra");
	expect_told(0, "join");
	expect_told(0, "close");
	expect_relay("fra", "up", "");
}

STORY(relays, restart_while_it_is_asked)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	story_begin("", "");
	c = connection_opens();
	run_ms(2);
	relay_restart(fra); /* its secret is another: the token is worth nothing */
	run_ms(1000);
	expect_subflows(c, "fra");
}

STORY(relays, one_named_by_a_name)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	snprintf(fra->host, sizeof(fra->host), "fra.example.net");
	story_begin("", "");
	expect_relay("fra", "connecting", "cannot resolve fra.example.net");
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "");
	expect_why(c, "cannot resolve");
	world.resolves_to = fra->at.ip;
	run_ms(6000);
	expect_relay("fra", "up", "");
	expect_subflows(c, "fra");
}

STORY(relays, one_whose_name_moves)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	snprintf(fra->host, sizeof(fra->host), "fra.example.net");
	world.resolves_to = fra->at.ip;
	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	expect_subflows(c, "fra");
	socks_settle();
	dt_ip_parse(&fra->at.ip, "198.51.100.99"); /* its old address answers no more */
	happens(world.resolves_to = fra->at.ip);
	run_ms(25000);
	expect_relay("fra", "up", "");
	expect_subflows(c, "fra");
	expect(dt_ip_equal(&subflow(c, "fra")->remote.ip, &fra->at.ip));
}

STORY(relays, one_whose_name_has_an_address_that_does_not_answer)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	snprintf(fra->host, sizeof(fra->host), "fra.example.net");
	dt_ip_parse(&world.resolves_to, "198.51.100.99");
	world.resolves_too = fra->at.ip;
	story_begin("", "");
	c = connection_opens();
	run_ms(2000);
	expect_relay("fra", "up", "");
	expect_subflows(c, "fra");
	/* its host stops: the address that does not answer is tried again, and does no harm */
	happens(fra->dark = true);
	run_ms(30000);
	happens(fra->dark = false);
	run_ms(14000);
	expect_relay("fra", "up", "");
	expect_subflows(c, "fra");
}

/* This host has no IPv6: nobody has to wait for that. */
STORY(relays, one_whose_name_has_an_address_without_a_route)
{
	struct relay *fra = relays_are("fra");

	snprintf(fra->host, sizeof(fra->host), "fra.example.net");
	dt_ip_parse(&world.resolves_to, "2001:db8::99");
	world.resolves_too = fra->at.ip;
	story_begin("", "");
	expect_relay("fra", "up", "");
}

/* A NAT in between gives TCP another address than UDP: the relay has no lease for that one. */
STORY(relays, one_whose_nat_never_answers)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	fra->nat_blocked = true;
	story_begin("", "");
	c = connection_opens();
	run_ms(30000);
	expect_subflows(c, "");
	expect_relay("fra", "up", "gives TCP another address than UDP");
	expect_told(1, "warning: no join through the relay's NAT is answered");
	happens(fra->nat_blocked = false);
	run_ms(60000);
	expect_subflows(c, "fra");
	expect_relay("fra", "up", "");
}

STORY(relays, joins_go_to_the_address_it_names)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	dt_ip_parse(&fra->nat, "198.51.100.200");
	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	expect_subflows(c, "fra");
	expect(dt_ip_equal(&subflow(c, "fra")->remote.ip, &fra->nat));
}

STORY(relays, socket_that_was_destroyed_is_made_anew)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	story_begin("", "");
	fake_udp_disconnect(); /* ss -K */
	run_ms(10000);
	expect_relay("fra", "up", "");
	c = connection_opens();
	run_ms(500);
	expect_subflows(c, "fra");
	expect(fra->pinged > 3);
}

STORY(relays, all_down_and_back)
{
	struct connection *c[5];

	relays_are("fra par");
	story_begin("", "");
	for (int i = 0; i < 5; i++)
		c[i] = connection_opens();
	run_ms(1000);
	happens(relay_named("fra")->dark = true; relay_named("par")->dark = true);
	run_ms(20000);
	for (int i = 0; i < 5; i++)
		expect_subflows(c[i], "");
	happens(relay_named("fra")->dark = false; relay_named("par")->dark = false);
	run_ms(3000);
	for (int i = 0; i < 5; i++)
		expect_subflows(c[i], "fra par");
}

STORY(relays, datagrams_that_are_not_its_own)
{
	struct relay *fra = relays_are("fra");

	story_begin("", "");
	relay_forges(fra, true);
	relay_forges(fra, false);
	relay_forges(fra, false);
	run_ms(100);
	expect_counter("dropped_malformed", 1);
	expect_counter("dropped_auth", 2);
	expect_relay("fra", "up", "");
}

STORY(relays, answers_that_come_twice)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	fra->repeats = true;
	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	expect_subflows(c, "fra");
	json_decref(status());
	expect_told(1, "join fra");
	{
		json_t *all = status();

		expect(json_integer_value(json_object_get(json_object_get(all, "counters"), "dropped_unmatched")) >= 3);
		json_decref(all);
	}
}

STORY(relays, too_many_sessions_of_our_key)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	for (int i = 0; i < 9; i++) { /* each run is a session there, for a while */
		story_crash();
		story_start_again();
	}
	expect_relay("fra", "connecting", "sessions");
	c = connection_opens();
	run_ms(300000); /* the oldest has aged out */
	expect_relay("fra", "up", "");
	expect_subflows(c, "fra");
}

STORY(relays, link_that_returns_renews_what_stalls)
{
	struct connection *c;

	relays_are("fra");
	story_begin("choose = order", "");
	c = connection_opens();
	run_ms(500);
	flows(c, "direct", 0, 8 * MBIT);
	flows(c, "fra", 0, 8 * MBIT);
	run_ms(2000);
	mark();
	host_link_up(eth0, false);
	run_ms(4000);
	expect_told(0, "close");
	host_link_up(eth0, true);
	run_ms(2000);
	expect_subflows(c, "fra");
	expect_told(1, "close fra"); /* the old one would wait for its time-out, which has doubled */
	expect_told(0, "close direct");
}
