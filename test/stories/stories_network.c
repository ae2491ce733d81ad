/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links and addresses that come and go. */
#include "story.h"

#include <linux/if_addr.h>

STORY(network, plain_subflow_from_each_named_interface)
{
	struct connection *c;

	host_link_add("wwan0", "192.0.3.10", 200);
	host_link_add("wlan0", "192.0.4.10", 300);
	host_link_add("docker0", "192.0.5.1", 400);
	story_begin("interfaces = eth*, w*", "");
	c = connection_opens();
	run_ms(500);
	expect_subflows(c, "plain:wwan0 plain:wlan0");
	/* their packets leave by them because of rules of ours */
	expect_told(2, "rule from 192.0.3.10");
	expect_told(2, "rule from 192.0.4.10");
	expect(host_route(&subflow(c, "plain:wwan0")->local.ip, &server->at.ip) == host_link_find("wwan0"));
}

STORY(network, interface_that_appears)
{
	struct connection *c;

	story_begin("interfaces = wwan0", "");
	c = connection_opens();
	run_ms(500);
	expect_subflows(c, "");
	host_link_add("wwan0", "192.0.3.10", 200);
	run_ms(500);
	expect_subflows(c, "plain:wwan0");
}

STORY(network, interface_that_disappears_and_returns)
{
	struct connection *c;

	host_link_add("wwan0", "192.0.3.10", 200);
	story_begin("interfaces = wwan0", "");
	c = connection_opens();
	run_ms(500);
	expect_subflows(c, "plain:wwan0");
	host_link_remove(host_link_find("wwan0"));
	run_ms(1000);
	expect_subflows(c, "");
	expect(host_leftovers() == 0); /* rules of addresses that are gone go */
	host_link_add("wwan0", "192.0.3.10", 200);
	run_ms(2000);
	expect_subflows(c, "plain:wwan0");
}

STORY(network, link_that_appears_disturbs_nothing)
{
	struct connection *c;

	relays_are("fra");
	story_begin("choose = order", "");
	c = connection_opens();
	run_ms(500);
	flows(c, "direct", 8 * MBIT, 0);
	flows(c, "fra", 8 * MBIT, 0);
	run_ms(3000);
	mark();
	host_link_add("wwan0", "192.0.3.10", 200);
	run_ms(3000);
	expect_told(0, "close");
	expect_told(0, "join");
}

/* Data moved on the detour a few seconds ago, and nothing waits on it: a container's link is no reason to end it. */
STORY(network, link_that_appears_leaves_idle_detours_alone)
{
	struct connection *c;

	relays_are("fra");
	story_begin("choose = order", "");
	c = connection_opens();
	run_ms(500);
	flows(c, "direct", 8 * MBIT, 0);
	flows(c, "fra", 8 * MBIT, 0);
	run_ms(8000);
	flows(c, "direct", 0, 0);
	flows(c, "fra", 0, 0);
	run_ms(4000);
	mark();
	host_link_add("docker0", "172.17.0.1", 0)->has_default4 = false;
	run_ms(3000);
	host_link_remove(host_link_find("docker0"));
	run_ms(1000);
	host_link_add("docker0", "172.17.0.1", 0)->has_default4 = false;
	run_ms(3000);
	expect_told(0, "close");
	expect_told(0, "join");
}

/* The server's retransmissions wait longer each time: a new subflow does not. */
STORY(network, what_hung_is_renewed_when_its_link_returns)
{
	struct connection *c;

	world.no_pulse = true; /* nothing else would notice */
	relays_are("fra");
	story_begin("choose = order", "");
	c = connection_opens();
	run_ms(500);
	flows(c, "fra", 8 * MBIT, 0);
	run_ms(8000);
	host_link_up(eth0, false);
	run_ms(2600);
	mark();
	host_link_up(eth0, true);
	run_ms(1000);
	expect_told(1, "close fra");
	expect_told(1, "join fra");
	expect_subflows(c, "fra");
}

STORY(network, what_hangs_waits_for_its_own_link)
{
	struct connection *c;

	relays_are("fra");
	story_begin("choose = order", "");
	c = connection_opens();
	run_ms(500);
	flows(c, "fra", 0, 8 * MBIT);
	run_ms(3000);
	happens(eth0->dark = true);
	run_ms(2000);
	mark();
	host_link_add("docker0", "172.17.0.1", 0)->has_default4 = false;
	run_ms(1000);
	expect_told(0, "close");
}

/* The provider's router gives the same address again, for longer. */
STORY(network, address_whose_lease_is_renewed)
{
	struct connection *c;

	relays_are("fra");
	story_begin("choose = order", "");
	c = connection_opens();
	run_ms(1000);
	mark();
	host_changed();
	run_ms(1000);
	expect_told(0, "close");
	expect_told(0, "join");
	expect_subflows(c, "fra");
}

/* ... or another one, and takes the old one away later. */
STORY(network, address_that_is_replaced)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(1000);
	mark();
	host_address_add(eth0, "192.0.2.99");
	run_ms(2000);
	expect_told(0, "close");
	host_address_remove(eth0, "192.0.2.10");
	run_ms(3000);
	expect_subflows(c, "plain:eth0 fra");
	expect(!subflow(c, "direct"));
}

/* Packets from the old address would leave by the VPN, which does not let them through. */
STORY(network, default_route_that_goes_to_a_vpn)
{
	struct connection *c;
	struct host_link *tun;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "fra");
	tun = host_link_add("tun0", "10.8.0.2", 50);
	run_ms(2000);
	expect_subflows(c, "plain:tun0 fra");
	expect(dt_ip_equal(&subflow(c, "fra")->local.ip, &tun->addresses[0].ip));
	expect(sock_is_alive(subflow(c, "fra")));
	expect(!subflow(c, "direct"));
	expect(server_halves(c) == 2); /* the server was told of the old ones' end */
	mark();
	host_changed();
	run_ms(1000);
	expect_told(0, "close");
	/* the VPN ends */
	host_link_remove(tun);
	run_ms(3000);
	expect_subflows(c, "plain fra");
	expect(dt_ip_equal(&subflow(c, "fra")->local.ip, &c->local.ip));
}

/* The server takes no more: nothing would be won by waiting. */
STORY(network, vpn_while_the_server_is_at_its_limit)
{
	struct connection *c;

	relays_are("fra par");
	server->limit = 2;
	story_begin("max-detours = 2", "");
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "fra par");
	mark();
	host_link_add("tun0", "10.8.0.2", 50);
	run_ms(5000);
	expect_told(1, "close fra");
	expect_told(1, "close par");
}

/* Rules of ours keep packets of named interfaces where they belong: a better default route is no reason to move. */
STORY(network, two_default_routes)
{
	struct connection *c;

	relays_are("fra");
	story_begin("interfaces = eth0, wlan0", "");
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "fra");
	mark();
	host_link_add("wlan0", "192.0.4.10", 50); /* a better one */
	run_ms(2000);
	expect_told(0, "close");
	expect_subflows(c, "plain:wlan0 fra");
	expect(sock_is_alive(subflow(c, "direct")));
	expect(sock_is_alive(subflow(c, "fra")));
}

/* The program bound its socket to an address whose packets have left by another interface ever since. */
STORY(network, bound_to_an_address_of_another_interface)
{
	struct connection *c;

	relays_are("fra");
	host_link_add("wlan0", "192.0.4.10", 300);
	story_begin("", "");
	c = connection_opens_from("192.0.4.10", server);
	run_ms(1000);
	mark();
	host_link_add("docker0", "172.17.0.1", 0)->has_default4 = false;
	run_ms(2000);
	expect_told(0, "close");
	expect(subflow(c, "direct") != NULL);
}

/* For two hours nothing runs here. Meanwhile the relay has forgotten leases and flows. */
STORY(network, host_that_slept)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	story_begin("", "");
	c = connection_opens();
	run_ms(1000);
	host_link_up(eth0, false);
	run_ms(200);
	relay_forgets(fra);
	world_advance(world_now() + 7200 * DT_SEC);
	host_link_up(eth0, true);
	run_ms(3000);
	expect_relay("fra", "up", "");
	flows(c, "direct", 8 * MBIT, 0);
	flows(c, "fra", 8 * MBIT, 0);
	run_ms(3000);
	expect_subflows(c, "fra");
	expect(sock_is_alive(subflow(c, "fra")));
	expect(relay_leases(fra) == 1);
}

/* Every few hours the kernel makes another temporary address, and uses the old one for nothing new. */
STORY(network, temporary_address_of_six)
{
	struct server *six = server_add("[2001:db8:5::5]:443");
	struct host_link *wlan;
	struct connection *c;

	host_address_add(eth0, "2001:db8:c::10");
	wlan = host_link_add("wlan0", "2001:db8:d::10", 300);
	story_begin("interfaces = wlan0", "");
	c = connection_opens_from("2001:db8:c::10", six);
	run_ms(1000);
	expect_subflows(c, "plain:wlan0");
	mark();
	host_address_add(eth0, "2001:db8:c::11");
	host_address_add(wlan, "2001:db8:d::11");
	eth0->addresses[1].flags = wlan->addresses[0].flags = IFA_F_DEPRECATED;
	host_changed();
	run_ms(3000);
	expect_told(0, "close");
	expect_told(0, "join");
	/* at last the old ones go */
	host_address_remove(eth0, "2001:db8:c::10");
	host_address_remove(wlan, "2001:db8:d::10");
	run_ms(5000);
	expect_subflows(c, "plain:eth0 plain:wlan0");
	expect(subflow(c, "plain:eth0")->local.ip.b[15] == 0x11);
	expect(subflow(c, "plain:wlan0")->local.ip.b[15] == 0x11);
}

static void endpoint_add(const char *at, uint32_t flags)
{
	struct dt_mptcp_endpoint *e = &world.endpoints[world.nendpoints++];

	dt_ip_parse(&e->at.ip, at);
	e->id = (uint8_t)world.nendpoints;
	e->flags = flags;
}

/* NetworkManager has set them, and the kernel's path manager used them before. */
STORY(network, endpoints_without_an_effect_are_told_of)
{
	json_t *s, *unused;

	host_link_add("wwan0", "192.0.3.10", 200);
	host_link_add("wlan0", "192.0.4.10", 300);
	endpoint_add("192.0.2.10", DT_MPTCP_ENDPOINT_SUBFLOW); /* connections start from there anyway */
	endpoint_add("192.0.3.10", DT_MPTCP_ENDPOINT_SUBFLOW);
	endpoint_add("192.0.4.10", DT_MPTCP_ENDPOINT_SIGNAL);
	endpoint_add("192.0.9.9", DT_MPTCP_ENDPOINT_SUBFLOW); /* nobody has it */
	story_begin("", "");
	run_ms(20000);
	expect_told(1, "warning: no subflow starts from endpoints of ip mptcp");
	s = status();
	unused = json_object_get(s, "unused_endpoints");
	expect(json_array_size(unused) == 1);
	expect(strcmp(json_string_value(json_object_get(json_array_get(unused, 0), "interface")), "wwan0") == 0);
	json_decref(s);
	story_reload("interfaces = wwan0", "");
	run_ms(6000);
	s = status();
	expect(json_array_size(json_object_get(s, "unused_endpoints")) == 0);
	json_decref(s);
}

STORY(network, rule_of_one_address_goes_with_it)
{
	struct connection *c;
	struct host_link *wwan = host_link_add("wwan0", "192.0.3.10", 200);

	host_address_add(wwan, "192.0.3.11");
	story_begin("interfaces = wwan0", "");
	c = connection_opens();
	run_ms(500);
	expect_told(2, "rule from 192.0.3.10");
	host_address_remove(wwan, "192.0.3.10");
	run_ms(3000);
	expect_told(2, "rule delete from 192.0.3.10");
	expect_told(2, "rule from 192.0.3.11");
	expect_subflows(c, "plain:wwan0");
}

STORY(network, link_without_a_carrier)
{
	struct connection *c;

	host_link_add("wwan0", "192.0.3.10", 200);
	story_begin("interfaces = wwan0", "");
	c = connection_opens();
	run_ms(500);
	host_link_up(host_link_find("wwan0"), false);
	run_ms(1000);
	expect_subflows(c, "");
	host_link_up(host_link_find("wwan0"), true);
	run_ms(2000);
	expect_subflows(c, "plain:wwan0");
}

STORY(network, interface_without_a_way_to_the_server)
{
	struct host_link *lan = host_link_add("lan0", "192.0.7.1", 500);
	struct connection *c;

	lan->has_default4 = false;
	story_begin("interfaces = lan0", "");
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "");
	expect_why(c, "by lan0: it has no route to the server");
	happens(lan->has_default4 = true; host_changed());
	run_ms(1000);
	expect_subflows(c, "plain:lan0");
}

STORY(network, gateway_that_changes)
{
	struct host_link *wwan;
	struct connection *c;

	wwan = host_link_add("wwan0", "192.0.3.10", 200);
	story_begin("interfaces = wwan0", "");
	c = connection_opens();
	run_ms(500);
	mark();
	wwan->gateway4.b[15] = 2;
	host_changed();
	run_ms(500);
	expect_told(1, "route 4 table");
	expect_subflows(c, "plain:wwan0");
}

STORY(network, the_connections_own_address_goes)
{
	struct connection *c;

	relays_are("fra");
	host_link_add("wlan0", "192.0.4.10", 300);
	story_begin("", "");
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "fra");
	host_address_remove(eth0, "192.0.2.10");
	happens(eth0->has_default4 = false);
	run_ms(3000);
	/* all goes on from the other address: a subflow in place of the initial one, and a detour */
	expect_subflows(c, "plain:wlan0 fra");
	expect(dt_ip_equal(&subflow(c, "fra")->local.ip, &host_link_find("wlan0")->addresses[0].ip));
	expect(!subflow(c, "direct"));
}

/*
 * RM_ADDR of the detour goes out while the only other subflow stands on the address that is gone: the server does not
 * hear of it, and its half counts against the limit. REMOVE should wait until the new subflow lives.
 */
STORY(network, the_server_hears_of_detours_from_an_address_that_is_gone)
{
	struct connection *c;

	relays_are("fra");
	host_link_add("wlan0", "192.0.4.10", 300);
	server->limit = 2;
	story_begin("", "");
	c = connection_opens();
	run_ms(1000);
	host_address_remove(eth0, "192.0.2.10");
	happens(eth0->has_default4 = false);
	run_ms(3000);
	expect(server_halves(c) == 2);
	expect_subflows(c, "plain:wlan0 fra");
}

/* What tells it again of the detour's end begins with a join, for which it has no room before it hears of that end. */
STORY(network, a_near_server_hears_of_detours_from_an_address_that_is_gone)
{
	struct connection *c;

	relays_are("fra");
	host_link_add("wlan0", "192.0.4.10", 300);
	server->limit = 2;
	server->near = true;
	story_begin("", "");
	c = connection_opens();
	run_ms(1000);
	host_address_remove(eth0, "192.0.2.10");
	happens(eth0->has_default4 = false);
	run_ms(3000);
	expect(server_halves(c) == 2);
	expect_subflows(c, "plain:wlan0 fra");
	expect_counter("ends_told_again", 1);
	expect_counter("join_refused", 0);
}

STORY(network, the_address_comes_back)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(1000);
	host_address_remove(eth0, "192.0.2.10");
	happens(eth0->has_default4 = false);
	run_ms(2000);
	expect_why(c, "this host has no address now from which the server can be reached");
	host_address_add(eth0, "192.0.2.10");
	run_ms(3000);
	expect_subflows(c, "fra");
	expect(subflow(c, "direct") != NULL);
}

STORY(network, another_address_after_a_while_without)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(1000);
	host_address_remove(eth0, "192.0.2.10");
	happens(eth0->has_default4 = false);
	run_ms(5000);
	host_address_add(eth0, "192.0.2.99");
	run_ms(5000);
	expect_subflows(c, "plain:eth0 fra");
}

STORY(network, links_to_relays_follow_the_default_route)
{
	struct relay *fra = relays_are("fra");

	story_begin("", "");
	connection_opens();
	run_ms(1000);
	expect(fra->asked == 1);
	host_link_add("wlan0", "192.0.4.10", 50); /* a better one */
	run_ms(3000);
	expect_relay("fra", "up", "");
	connection_opens_from("192.0.4.10", server);
	run_ms(1000);
	expect(fra->asked == 2); /* a lease is for one address of ours */
}

STORY(network, both_ways_at_once)
{
	struct connection *c;
	struct relay *fra = relays_are("fra");

	host_link_add("wwan0", "192.0.3.10", 200);
	story_begin("interfaces = wwan0", "");
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "plain:wwan0 fra");
	expect(fra->asked == 1);
	expect_counter("joins", 2);
}

STORY(network, bound_to_a_device)
{
	struct connection *c;
	struct dt_mptcp_event e;

	relays_are("fra");
	relay_named("fra")->wireguard = true;
	host_link_add("wwan0", "192.0.3.10", 200);
	story_begin("interfaces = wwan0",
		    "[rule tunnel]\ndestination = 203.0.113.0/24\nport = 8443\ncarrier = wireguard");
	run_ms(3000);
	c = connection_add(server, "192.0.2.10");
	c->device = eth0->rt.index;
	track_row_add(c->socks);
	e = event_of(c->socks, DT_MPTCP_ESTABLISHED);
	event_send(&e);
	run_ms(1000);
	expect_subflows(c, "fra"); /* from no other interface */
	story_reload("interfaces = wwan0", "[rule tunnel]\ndestination = 203.0.113.0/24\ncarrier = wireguard");
	run_ms(2000);
	expect_subflows(c, "");
	expect_why(c, "the socket is bound to a device");
}

STORY(network, rules_of_a_killed_run_are_removed)
{
	struct connection *c;

	host_link_add("wwan0", "192.0.3.10", 200);
	story_begin("interfaces = wwan0", "");
	c = connection_opens();
	run_ms(500);
	expect_subflows(c, "plain:wwan0");
	story_crash();
	expect(host_leftovers() > 0);
	story_start_again();
	story_stop();
	expect(host_leftovers() == 0);
	story_start_again();
	expect(subflow(c, "direct") != NULL);
}
