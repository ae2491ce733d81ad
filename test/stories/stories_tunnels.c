/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Detours by WireGuard. */
#include <errno.h>
#include <string.h>

#include "story.h"

static struct relay *fra;

static void begin(const char *carrier, const char *client)
{
	fra = relays_are("fra");
	fra->wireguard = true;
	snprintf(fra->conf, sizeof(fra->conf), "carrier = %s", carrier);
	story_begin(client, "");
	run_ms(2000);
}

STORY(tunnels, join_goes_to_the_server_itself)
{
	struct connection *c;
	struct sock *s;

	begin("wireguard", "");
	c = connection_opens();
	run_ms(500);
	expect_subflows(c, "wg:fra");
	s = subflow(c, "wg:fra");
	expect(dt_endpoint_equal(&s->remote, &c->remote));
	expect(strcmp(host_link_of(&s->local.ip)->rt.name, "dt-fra") == 0);
	expect_told(0, "fra: LEASE");
}

STORY(tunnels, device_rules_and_addresses)
{
	begin("wireguard", "");
	expect_told(1, "device dt-fra mtu=1420");
	expect_told(2, "rule from");
	expect_told(1, "route 4 table 45672 dev dt-fra");
	expect_told(1, "route 6 table 45672 dev dt-fra");
	story_stop();
	expect_told(1, "device dt-fra removed");
	expect(fra->tunnels_ended == 1);
	expect(host_leftovers() == 0);
}

/* The new relay's place in the configuration is the old one's, whose table is in use. */
STORY(tunnels, relay_added_before_another_takes_another_table)
{
	struct relay *par = relays_are("par fra");

	fra = par->next;
	par->wireguard = fra->wireguard = par->omitted = true;
	strcpy(par->conf, "carrier = wireguard");
	strcpy(fra->conf, "carrier = wireguard");
	story_begin("", "");
	run_ms(2000);
	expect_told(1, "route 4 table 45672 dev dt-fra");
	mark();
	happens(par->omitted = false);
	story_reload("", "");
	run_ms(2000);
	expect_told(1, "device dt-par mtu");
	expect_told(0, "rule delete");
	expect_told(0, "purged table 45672");
	expect_told(0, "table 45672 dev dt-par");
	expect_told(1, "route 4 table 45673 dev dt-par");
	story_stop();
	expect(host_leftovers() == 0);
}

/* The file named fra and par, and now names par and lon: par has another place, and keeps what it has. */
STORY(tunnels, places_in_the_configuration_shift)
{
	struct relay *par, *lon;
	struct connection *c;
	struct dt_ip old, kept;

	fra = relays_are("fra par lon");
	par = fra->next;
	lon = par->next;
	fra->wireguard = par->wireguard = lon->wireguard = lon->omitted = true;
	strcpy(fra->conf, "carrier = wireguard");
	strcpy(par->conf, "carrier = wireguard");
	strcpy(lon->conf, "carrier = wireguard");
	story_begin("max-detours = 2", "");
	run_ms(2000);
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "wg:fra wg:par");
	old = subflow(c, "wg:fra")->local.ip;
	kept = subflow(c, "wg:par")->local.ip;
	mark();
	happens(fra->omitted = true; lon->omitted = false);
	story_reload("max-detours = 2", "");
	run_ms(3000);
	expect_told(0, "close wg:par");
	expect_told(0, "rules purged table 45673");
	expect_told(0, "device dt-par");
	expect_told(1, "device dt-lon mtu");
	expect_told(0, "route 4 table 45673");
	expect(host_route(&kept, &server->at.ip) == host_link_find("dt-par"));
	expect_subflows(c, "wg:par wg:lon");
	expect(host_route(&subflow(c, "wg:lon")->local.ip, &server->at.ip) == host_link_find("dt-lon"));
	expect(!host_link_of(&old));
	story_stop();
	expect(host_leftovers() == 0);
}

/* What the tunnel would have carried is not to leave in clear, and from an address that means nothing elsewhere. */
STORY(tunnels, nothing_leaves_by_another_way)
{
	struct connection *c;
	struct dt_ip from;

	begin("wireguard", "");
	c = connection_opens();
	run_ms(1000);
	from = subflow(c, "wg:fra")->local.ip;
	expect(host_route(&from, &server->at.ip) == host_link_find("dt-fra"));
	/* somebody removes the device, and no other can be made */
	happens(world.wireguard_error = -EPERM; host_link_remove(host_link_find("dt-fra")));
	expect(!host_route(&from, &server->at.ip));
	run_ms(30000);
	expect(!host_route(&from, &server->at.ip));
	/* or the relay has no tunnels any more */
	happens(world.wireguard_error = 0);
	run_ms(20000);
	expect(host_route(&from, &server->at.ip) == host_link_find("dt-fra"));
	happens(fra->wireguard = false; relay_restart(fra));
	run_ms(5000);
	expect(!host_link_find("dt-fra"));
	expect(!host_route(&from, &server->at.ip));
	/* until the relay is closed, which ends all its detours first */
	story_stop();
	expect(host_leftovers() == 0);
}

STORY(tunnels, relay_without_wireguard)
{
	struct connection *c;

	fra = relays_are("fra");
	strcpy(fra->conf, "carrier = wireguard");
	story_begin("", "");
	run_ms(2000);
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "");
	expect_relay("fra", "up", "WireGuard");
	happens(fra->wireguard = true);
	run_ms(12000);
	expect_subflows(c, "wg:fra");
}

STORY(tunnels, port_that_is_blocked)
{
	struct connection *c;

	fra = relays_are("fra");
	fra->wireguard = fra->tunnel_blocked = true;
	strcpy(fra->conf, "carrier = wireguard");
	story_begin("", "");
	run_ms(8000);
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "");
	expect_told(0, "join");
	expect_why(c, "no handshake");
	happens(fra->tunnel_blocked = false);
	run_ms(3000);
	expect_subflows(c, "wg:fra");
	expect_relay("fra", "up", "");
}

STORY(tunnels, addresses_that_collide_are_given_back)
{
	fra = relays_are("fra");
	fra->wireguard = fra->tunnel_collides = true;
	strcpy(fra->conf, "carrier = wireguard");
	story_begin("", "");
	run_ms(2000);
	expect_relay("fra", "up", "addresses that this host did not propose");
	expect(fra->tunnels_ended >= 1);
	expect_told(0, "device");
	happens(fra->tunnel_collides = false);
	run_ms(5000);
	expect_relay("fra", "up", "");
	expect_told(1, "device dt-fra mtu");
}

STORY(tunnels, device_that_cannot_be_made)
{
	struct connection *c;

	world.wireguard_error = -EOPNOTSUPP;
	begin("wireguard", "");
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "");
	expect_why(c, "cannot make the device");
	happens(world.wireguard_error = 0);
	run_ms(12000);
	expect_subflows(c, "wg:fra");
}

STORY(tunnels, device_that_vanishes)
{
	struct connection *c;

	fra = relays_are("fra");
	fra->wireguard = fra->tunnel_blocked = true;
	strcpy(fra->conf, "carrier = wireguard");
	story_begin("", "");
	run_ms(1000);
	happens(host_link_remove(host_link_find("dt-fra")));
	happens(fra->tunnel_blocked = false);
	run_ms(5000);
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "wg:fra");
	expect_told(2, "device dt-fra mtu");
}

STORY(tunnels, device_that_vanishes_in_use)
{
	struct connection *c;

	begin("wireguard", "");
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "wg:fra");
	happens(host_link_remove(host_link_find("dt-fra")));
	run_ms(5000);
	expect_told(2, "device dt-fra mtu");
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "wg:fra");
}

STORY(tunnels, auto_goes_over_when_joins_are_eaten)
{
	struct connection *c, *d;

	fra = relays_are("fra");
	fra->wireguard = true;
	fra->nat_blocked = true;
	strcpy(fra->conf, "carrier = auto");
	story_begin("", "");
	run_ms(2000);
	c = connection_opens();
	run_ms(8000);
	expect_subflows(c, "wg:fra");
	expect_counter("join_timeout", 1);
	d = connection_opens(); /* known by now */
	run_ms(500);
	expect_subflows(d, "wg:fra");
	expect_told(1, "join fra");
	happens(fra->nat_blocked = false);
	run_ms(601000);
	d = connection_opens();
	run_ms(500);
	expect_subflows(d, "fra");
}

STORY(tunnels, auto_begins_by_nat)
{
	struct connection *c;

	begin("auto", "");
	c = connection_opens();
	run_ms(500);
	expect_subflows(c, "fra");
}

STORY(tunnels, by_rule)
{
	struct server *other = server_add("203.0.113.6:22");
	struct connection *c, *d;

	fra = relays_are("fra");
	fra->wireguard = true;
	story_begin("", "[rule ssh]\ndestination = 203.0.113.0/24\nport = 22\ncarrier = wireguard");
	run_ms(2000);
	c = connection_opens();
	d = connection_opens_to(other);
	run_ms(500);
	expect_subflows(c, "fra");
	expect_subflows(d, "wg:fra");
}

STORY(tunnels, renewed_while_used)
{
	begin("wireguard", "");
	connection_opens();
	run_ms(400000);
	expect(fra->tunnels_asked >= 3);
	expect_told(1, "device dt-fra mtu"); /* the same all the time */
}

STORY(tunnels, relay_gains_a_family_and_loses_one)
{
	struct connection *c;

	fra = relays_are("fra");
	fra->wireguard = true;
	fra->tunnel_family = 6;
	strcpy(fra->conf, "carrier = wireguard");
	story_begin("", "");
	run_ms(2000);
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "");
	expect_told(1, "route 6 table 45672 dev dt-fra");
	expect_told(0, "route 4 table 45672");
	happens(fra->tunnel_family = 4);
	run_ms(200000);
	expect_subflows(c, "wg:fra");
	expect_told(1, "route 4 table 45672 dev dt-fra");
	expect_told(1, "route 6 table 45672 dev dt-fra"); /* before */
	happens(fra->tunnel_family = 0);
	run_ms(200000);
	expect_told(2, "route 6 table 45672 dev dt-fra");
	mark();
	happens(fra->tunnel_family = 6);
	run_ms(400000);
	expect_subflows(c, "wg:fra");
	expect_told(0, "device dt-fra");
}

STORY(tunnels, relay_restarts)
{
	struct connection *c;

	begin("wireguard", "");
	c = connection_opens();
	run_ms(1000);
	mark();
	relay_restart(fra);
	run_ms(5000);
	expect_subflows(c, "wg:fra");
	expect_told(0, "join");
	expect(fra->tunnels_asked >= 2);
}

STORY(tunnels, named_device_and_six)
{
	struct server *six = server_add("[2001:db8:5::5]:443");
	struct connection *c;

	host_address_add(eth0, "2001:db8:1::10");
	fra = relays_are("fra");
	fra->wireguard = true;
	strcpy(fra->conf, "carrier = wireguard\nwireguard-device = wg-detour");
	story_begin("", "");
	run_ms(2000);
	c = connection_opens_from("2001:db8:1::10", six);
	run_ms(1000);
	expect_subflows(c, "wg:fra");
	expect_told(1, "device wg-detour mtu");
}

STORY(tunnels, backup)
{
	struct connection *c;
	json_t *all, *detour;

	fra = relays_are("fra");
	fra->wireguard = true;
	strcpy(fra->conf, "carrier = wireguard\nbackup = yes");
	story_begin("", "");
	run_ms(2000);
	c = connection_opens();
	run_ms(500);
	expect(subflow(c, "wg:fra")->backup);
	all = status();
	detour = json_array_get(json_object_get(status_of(all, c), "subflows"), 1);
	expect(strcmp(json_string_value(json_object_get(detour, "carrier")), "wireguard") == 0);
	json_decref(all);
}

STORY(tunnels, carrier_that_changes_shows)
{
	struct connection *c;
	json_t *all, *detour;

	begin("wireguard", "");
	c = connection_opens();
	run_ms(500);
	expect_subflows(c, "wg:fra");
	story_reload("", "[rule all]\ndestination = 203.0.113.0/24\ncarrier = nat");
	run_ms(1500);
	expect_subflows(c, "fra");
	all = status();
	detour = json_array_get(json_object_get(status_of(all, c), "subflows"), 1);
	expect(strcmp(json_string_value(json_object_get(detour, "carrier")), "nat") == 0);
	json_decref(all);
}

STORY(tunnels, none_without_its_filter)
{
	struct connection *c;

	world.guard_error = -EPERM;
	begin("wireguard", "");
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "");
	expect_relay("fra", "up", "cannot filter");
	expect(!host_link_find("dt-fra"));
	expect_told(0, "address");
	happens(world.guard_error = 0);
	run_ms(12000);
	expect_subflows(c, "wg:fra");
}

STORY(tunnels, filter_that_somebody_removes)
{
	begin("wireguard", "");
	expect(host_link_find("dt-fra")->guarded);
	happens(host_link_find("dt-fra")->guarded = false);
	run_ms(1500);
	expect(host_link_find("dt-fra")->guarded);
	expect_told(1, "filter back on dt-fra");
	happens(world.guard_error = -EPERM);
	happens(host_link_find("dt-fra")->guarded = false);
	run_ms(1500);
	expect(!host_link_find("dt-fra")); /* it cannot be put back: no tunnel */
	happens(world.guard_error = 0);
	run_ms(12000);
	expect(host_link_find("dt-fra")->guarded);
}

/* wireguard-go waits for a processor, while the direct path goes on. */
STORY(tunnels, a_program_that_waits_is_no_dead_path)
{
	struct connection *c;

	world.wireguard_is_program = true;
	begin("wireguard", "choose = order");
	c = connection_opens();
	run_ms(500);
	flows(c, "direct", 8 * MBIT, 0);
	flows(c, "wg:fra", 8 * MBIT, 0);
	run_ms(3000);
	happens(fra->dark = true);
	run_ms(180);
	happens(fra->dark = false);
	run_ms(1000);
	expect_counter("subflows_given_up", 0);
	happens(fra->dark = true);
	run_ms(600);
	expect_counter("subflows_given_up", 1);
}
