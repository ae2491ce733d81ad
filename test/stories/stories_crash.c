/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A run that was killed, and the next that takes over what it left. */
#include <errno.h>
#include <string.h>

#include "story.h"

STORY(crash, detours_are_taken_over)
{
	struct connection *c;

	relays_are("fra par");
	story_begin("", "");
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "fra par");
	story_crash();
	mark();
	story_start_again();
	run_ms(10000);
	expect_subflows(c, "fra par");
	expect_told(0, "join");
	expect_told(0, "close");
	expect_counter("taken_over", 1);
	expect_why(c, "");
}

STORY(crash, while_the_client_was_away_a_detour_died)
{
	struct connection *c;

	relays_are("fra par");
	story_begin("", "");
	c = connection_opens();
	run_ms(1000);
	story_crash();
	server_closes(subflow(c, "fra"));
	run_ms(100);
	story_start_again();
	run_ms(3000);
	expect_subflows(c, "fra par");
}

STORY(crash, relays_are_down_at_the_next_start)
{
	struct relay *fra = relays_are("fra par");
	struct connection *c;

	story_begin("max-detours = 1", "");
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "fra");
	story_crash();
	fra->daemon_off = true;
	mark();
	story_start_again();
	/* over which relay is not known: it counts as a detour until it is */
	expect_why(c, "and 1 of an earlier run, not known yet over which relay");
	expect_told(0, "join");
	run_ms(3000);
	expect_told(0, "join");
	happens(fra->daemon_off = false);
	run_ms(3000);
	expect_why(c, "");
	expect_subflows(c, "fra");
	expect_told(0, "join");
}

STORY(crash, ids_of_the_earlier_run_are_not_given_again)
{
	struct connection *c;
	uint8_t id;

	relays_are("fra par");
	story_begin("max-detours = 1", "");
	c = connection_opens();
	run_ms(1000);
	id = subflow(c, "fra")->id;
	story_crash();
	story_start_again();
	story_reload("max-detours = 2", "");
	run_ms(1000);
	expect_subflows(c, "fra par");
	expect(subflow(c, "par")->id != id);
	expect_told(0, "no join");
}

STORY(crash, taken_over_detours_can_be_ended)
{
	struct connection *c;

	relays_are("fra par");
	story_begin("", "");
	c = connection_opens();
	run_ms(1000);
	story_crash();
	story_start_again();
	run_ms(1000);
	story_reload("max-detours = 0", "");
	run_ms(1500);
	expect_subflows(c, "");
	expect(server_halves(c) == 0);
}

STORY(crash, dead_detours_of_the_earlier_run_are_replaced)
{
	struct relay *fra = relays_are("fra par");
	struct connection *c;

	story_begin("max-detours = 1", "");
	c = connection_opens();
	run_ms(1000);
	story_crash();
	relay_reboot(fra); /* its flows are gone */
	story_start_again();
	run_ms(10000);
	expect(subflow(c, "fra") || subflow(c, "par"));
	expect(server_halves(c) == 1);
}

STORY(crash, join_under_way)
{
	struct connection *c;

	relays_are("fra");
	server->silent = true;
	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	story_crash();
	story_start_again();
	run_ms(6000); /* taken over with a clock of its own, and given up */
	expect_counter("join_timeout", 1);
	happens(server->silent = false);
	run_ms(12000);
	expect_subflows(c, "fra");
}

STORY(crash, tunnel_is_made_anew)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	fra->wireguard = true;
	strcpy(fra->conf, "carrier = wireguard");
	story_begin("", "");
	run_ms(2000);
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "wg:fra");
	story_crash();
	story_start_again();
	run_ms(10000);
	expect_subflows(c, "wg:fra");
	expect(server_halves(c) == 1);
}

STORY(crash, plain_subflows_are_taken_over)
{
	struct connection *c;

	host_link_add("wwan0", "192.0.3.10", 200);
	story_begin("interfaces = wwan0", "");
	c = connection_opens();
	run_ms(500);
	story_crash();
	mark();
	story_start_again();
	run_ms(6000);
	expect_subflows(c, "plain:wwan0");
	expect_told(0, "join");
	expect(host_route(&subflow(c, "plain:wwan0")->local.ip, &server->at.ip) == host_link_find("wwan0"));
}

STORY(crash, initial_subflow_had_gone)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(3000);
	story_crash();
	server_closes(subflow(c, "direct"));
	run_ms(100);
	story_start_again();
	run_ms(3000);
	expect_subflows(c, "fra plain");
}

STORY(crash, restart_without_a_crash)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(1000);
	story_stop();
	expect_subflows(c, "");
	expect(server_halves(c) == 0);
	story_start_again();
	run_ms(1000);
	expect_subflows(c, "fra");
}

STORY(crash, another_path_manager)
{
	relays_are("fra");
	world.another_manager = true;
	expect_no_start(-EBUSY);
	expect(loop_handles() == 0);
}

STORY(crash, announced_addresses_of_the_earlier_run)
{
	struct connection *c;

	server_add("203.0.113.9:443");
	world.limits.add_addr_accepted = 1;
	story_begin("", "");
	c = connection_opens();
	server_announces(c, 3, "203.0.113.9:443");
	run_ms(500);
	expect_subflows(c, "plain@203.0.113.9");
	story_crash();
	server_closes(subflow(c, "plain@203.0.113.9"));
	run_ms(100);
	story_start_again();
	run_ms(1000);
	expect_subflows(c, "plain@203.0.113.9");
}
