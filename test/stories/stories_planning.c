/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many detours a connection gets, and over which relays. */
#include "story.h"

STORY(planning, two_by_default)
{
	struct connection *c;

	relays_are("fra par lon");
	story_begin("", "");
	c = connection_opens();
	run_ms(200);
	expect_subflows(c, "fra par");
	expect_told(1, "join fra");
	expect_told(1, "join par");
	expect_told(0, "join lon");
	expect_why(c, "");
	expect_counter("joins_established", 2);
}

/* N = 0..8, with as many relays as could be wanted. */
static void wants(unsigned detours, const char *vias)
{
	struct connection *c;
	char line[32];

	relays_are("r1 r2 r3 r4 r5 r6 r7 r8 r9");
	snprintf(line, sizeof(line), "max-detours = %u", detours);
	story_begin(line, "");
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, vias);
	expect_counter("joins", detours);
	run_ms(20000);
	expect_subflows(c, vias); /* and it stays so */
	expect_counter("joins", detours);
}

STORY(planning, n_0)
{
	wants(0, "");
}

STORY(planning, n_1)
{
	wants(1, "r1");
}

STORY(planning, n_2)
{
	wants(2, "r1 r2");
}

STORY(planning, n_3)
{
	wants(3, "r1 r2 r3");
}

STORY(planning, n_4)
{
	wants(4, "r1 r2 r3 r4");
}

STORY(planning, n_5)
{
	wants(5, "r1 r2 r3 r4 r5");
}

STORY(planning, n_6)
{
	wants(6, "r1 r2 r3 r4 r5 r6");
}

STORY(planning, n_7)
{
	wants(7, "r1 r2 r3 r4 r5 r6 r7");
}

STORY(planning, n_8)
{
	wants(8, "r1 r2 r3 r4 r5 r6 r7 r8");
}

STORY(planning, at_most_one_a_relay)
{
	struct connection *c;

	relays_are("fra");
	story_begin("max-detours = 4", "");
	c = connection_opens();
	run_ms(10000);
	expect_subflows(c, "fra");
	expect_told(1, "join fra");
	expect_why(c, ""); /* more than one a relay there cannot be */
}

STORY(planning, without_relays)
{
	struct connection *c;

	story_begin("", "");
	c = connection_opens();
	run_ms(5000);
	expect_subflows(c, "");
	expect_why(c, "no relays are configured");
}

STORY(planning, each_has_an_id_and_a_port_of_its_own)
{
	struct connection *c;
	struct sock *a, *b;

	relays_are("fra par");
	story_begin("", "");
	c = connection_opens();
	run_ms(200);
	a = subflow(c, "fra");
	b = subflow(c, "par");
	expect(a && b);
	expect(a->id != 0 && b->id != 0 && a->id != b->id);
	expect(a->local.port != b->local.port && a->local.port != c->local.port);
	expect(dt_ip_equal(&a->local.ip, &c->local.ip));
}

STORY(planning, leases_are_shared_by_connections_to_one_server)
{
	struct relay *fra = relays_are("fra");
	struct connection *a, *b;

	story_begin("", "");
	a = connection_opens();
	b = connection_opens();
	run_ms(200);
	expect_subflows(a, "fra");
	expect_subflows(b, "fra");
	expect(fra->asked == 1);
	expect(subflow(a, "fra")->remote.port == subflow(b, "fra")->remote.port);
}

STORY(planning, rule_changes_number_and_order)
{
	struct connection *c;

	relays_are("fra par lon");
	story_begin("", "[rule bulk]\ndestination = 203.0.113.0/24\nport = 400-500\ndetours = 1\nrelays = lon, fra");
	c = connection_opens();
	run_ms(500);
	expect_subflows(c, "lon");
	expect_why(c, "");
}

STORY(planning, first_matching_rule_wins)
{
	struct server *other = server_add("203.0.113.6:22");
	struct connection *c, *d;

	relays_are("fra par");
	story_begin("", "[rule ssh]\ndestination = 203.0.113.0/24\nport = 22\ndetours = 0\n[rule all]\ndestination = "
			"203.0.113.0/24\ndetours = 1\nrelays = par");
	c = connection_opens();
	d = connection_opens_to(other);
	run_ms(500);
	expect_subflows(c, "par");
	expect_subflows(d, "");
	expect_why(d, "0 of 0 detours by rule ssh");
}

STORY(planning, rule_by_user_and_program)
{
	struct connection *c, *d, *e;

	relays_are("fra par");
	story_begin("", "[rule curl]\ndestination = 203.0.113.0/24\nuser = 1000\nprogram = curl\ndetours = 1");
	c = connection_opened_by(1000, "curl");
	d = connection_opened_by(1000, "wget");
	e = connection_opens(); /* who opened it is not known */
	run_ms(500);
	expect_subflows(c, "fra");
	expect_subflows(d, "fra par");
	expect_subflows(e, "fra par");
}

STORY(planning, what_stays_on_this_host_gets_none)
{
	struct server *here = server_add("127.0.0.1:8080"), *own = server_add("192.0.2.10:8080");
	struct connection *c, *d;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens_from("127.0.0.1", here);
	d = connection_opens_to(own);
	run_ms(5000);
	expect_subflows(c, "");
	expect_subflows(d, "");
	expect_told(0, "join");
	expect_why(c, "does not leave this host");
}

/* What the user's own network looks like is none of the relay's business. */
STORY(planning, relays_are_not_told_of_private_destinations)
{
	struct server *private = server_add("10.1.2.3:443");
	struct relay *fra = relays_are("fra");
	struct connection *c;

	host_link_add("wlan0", "192.0.4.10", 300);
	story_begin("interfaces = wlan0", "[rule https]\nport = 443\n");
	c = connection_opens_to(private);
	run_ms(60000);
	expect_subflows(c, "plain:wlan0");
	expect(fra->asked == 0);
	expect_why(c, "no relay is told of private");
	/* a rule whose destination is private says so; one for everything does not */
	story_reload("interfaces = wlan0", "[rule all]\ndestination = 0.0.0.0/0");
	run_ms(5000);
	expect(fra->asked == 0);
	story_reload("interfaces = wlan0", "[rule office]\ndestination = 10.1.0.0/16");
	run_ms(5000);
	expect_subflows(c, "plain:wlan0 fra");
	story_reload("interfaces = wlan0", "");
	run_ms(5000);
	expect_subflows(c, "plain:wlan0");
}

/* Behind the relay, the server's load balancer says: join at 10.1.2.3. */
STORY(planning, relays_are_not_told_of_private_addresses_that_servers_announce)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	server->deny_join_id0 = true;
	story_begin("", "");
	c = connection_opens();
	server_announces(c, 3, "10.1.2.3:443");
	run_ms(5000);
	expect(fra->asked == 0);
	expect_why(c, "the server has announced a private address only");
}

STORY(planning, six_by_the_relays_other_address)
{
	struct server *six = server_add("[2001:db8:5::5]:443");
	struct relay *fra = relays_are("fra");
	struct connection *c;

	host_address_add(eth0, "2001:db8:1::10");
	dt_ip_parse(&fra->control6, "2001:db8:2::1");
	story_begin("", "");
	c = connection_opens_from("2001:db8:1::10", six);
	run_ms(1000);
	expect_subflows(c, "fra");
	expect(!dt_ip_is_v4(&subflow(c, "fra")->remote.ip));
}

STORY(planning, six_without_the_relays_other_address)
{
	struct server *six = server_add("[2001:db8:5::5]:443");
	struct connection *c;

	relays_are("fra");
	host_address_add(eth0, "2001:db8:1::10");
	story_begin("", "");
	c = connection_opens_from("2001:db8:1::10", six);
	run_ms(1000);
	expect_subflows(c, "");
	expect_why(c, "the relay has no IPv6 address");
}

STORY(planning, closed_connections_are_forgotten)
{
	struct connection *c;
	json_t *all;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	connection_closes(c);
	run_ms(100);
	all = status();
	expect(json_array_size(json_object_get(all, "connections")) == 0);
	json_decref(all);
	run_ms(120000);
	expect(track_rows() == 0);
}

STORY(planning, ended_without_a_word)
{
	struct connection *c;
	json_t *all;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	connection_end(c, false); /* the kernel does not always say so: only its sockets are seen to close */
	run_ms(3000);
	all = status();
	expect(json_array_size(json_object_get(all, "connections")) == 0);
	json_decref(all);
}

STORY(planning, a_token_is_used_again)
{
	struct server *other = server_add("203.0.113.6:443");
	struct connection *c, *d;
	dt_mptcp_token token;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	token = c->token;
	connection_end(c, false); /* CLOSED got lost */
	d = connection_add(other, "192.0.2.10");
	HASH_DELETE(hh, world.connections, d);
	d->token = token;
	HASH_ADD(hh, world.connections, token, sizeof(d->token), d);
	{
		struct dt_mptcp_event e = event_of(d->socks, DT_MPTCP_ESTABLISHED);

		event_send(&e);
	}
	run_ms(500);
	expect_subflows(d, "fra");
}
