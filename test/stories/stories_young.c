/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections that are too young for detours. */
#include "story.h"

STORY(young, by_default_half_a_second)
{
	struct connection *c;

	relays_are("fra");
	story_begin("detour-after = 500ms, 64kB", "");
	c = connection_opens();
	run_ms(450);
	expect_subflows(c, "");
	expect_why(c, "the connection is young");
	expect_told(0, "fra: LEASE"); /* not even a lease */
	run_ms(250);
	expect_subflows(c, "fra");
}

STORY(young, or_so_many_bytes)
{
	struct connection *c;

	relays_are("fra");
	story_begin("detour-after = 10s, 64kB", "");
	c = connection_opens();
	flows(c, "direct", 8 * MBIT, 0); /* 64 kB in 64 ms */
	run_ms(50);
	expect_subflows(c, "");
	run_ms(200);
	expect_subflows(c, "fra");
}

STORY(young, only_by_time)
{
	struct connection *c;

	relays_are("fra");
	story_begin("detour-after = 2s", "");
	c = connection_opens();
	flows(c, "direct", 80 * MBIT, 0);
	run_ms(1900);
	expect_subflows(c, "");
	run_ms(300);
	expect_subflows(c, "fra");
}

STORY(young, only_by_bytes)
{
	struct connection *c;

	relays_are("fra");
	story_begin("detour-after = 1MB", "");
	c = connection_opens();
	run_ms(60000);
	expect_subflows(c, "");
	flows(c, "direct", 0, 80 * MBIT); /* upload counts as well */
	run_ms(300);
	expect_subflows(c, "fra");
}

STORY(young, as_its_rule_says)
{
	struct server *ssh = server_add("203.0.113.6:22");
	struct connection *c, *d;

	relays_are("fra");
	story_begin("detour-after = 1000s", "[rule ssh]\ndestination = 203.0.113.0/24\nport = 22\ndetour-after = 0");
	c = connection_opens();
	d = connection_opens_to(ssh);
	run_ms(500);
	expect_subflows(c, "");
	expect_subflows(d, "fra");
}

STORY(young, that_ends_young)
{
	struct connection *c;

	relays_are("fra");
	story_begin("detour-after = 2s", "");
	c = connection_opens();
	run_ms(300);
	connection_closes(c);
	run_ms(5000);
	expect_told(0, "fra: LEASE");
	expect_counter("joins", 0);
}

STORY(young, six_hundred_at_a_time)
{
	struct connection *c[600];
	unsigned grown = 0;

	relays_are("fra");
	story_begin("detour-after = 1s, 64kB", "");
	for (int i = 0; i < 600; i++)
		c[i] = connection_opens();
	run_ms(900);
	for (int i = 0; i < 600; i++)
		grown += c[i]->socks->next != NULL;
	expect(grown == 0);
	run_ms(400);
	for (int i = 0; i < 600; i++)
		expect_subflows(c[i], "fra");
}

/* Has its detour after 64 kB. */
static struct connection *grows_up(uint64_t down_bps, uint64_t up_bps)
{
	struct connection *c;

	relays_are("fra");
	story_begin("choose = order\ndetour-after = 10s, 64kB", "");
	c = connection_opens();
	flows(c, "direct", down_bps, up_bps);
	return c;
}

/* Some servers put data at the wrong place that comes by a subflow which their program has not let them list yet. */
STORY(young, a_detour_of_an_upload_carries_data_a_moment_after_its_join)
{
	struct connection *c = grows_up(0, 8 * MBIT);

	run_ms(200);
	expect_told(1, "join fra connection=1 id=1 backup");
	run_ms(200);
	expect_subflows(c, "fra");
	expect_told(1, "prio fra connection=1 normal");
	expect(!subflow(c, "fra")->backup);
	run_ms(11000);
	expect_told(2, "prio fra connection=1 normal"); /* the first one may have been lost */
}

STORY(young, a_detour_that_just_joined_an_upload_is_not_taken_for_an_earlier_decision)
{
	relays_are("fra");
	story_begin("detour-after = 10s, 64kB", "");
	for (int i = 0; i < 40; i++) { /* of some, the policy's tick falls into the moment after their join */
		flows(connection_opens(), "direct", 0, 8 * MBIT);
		run_ms(27);
	}
	run_ms(2000);
	expect_counter("decisions", 0);
}

STORY(young, a_detour_of_a_download_carries_data_at_once)
{
	struct connection *c = grows_up(8 * MBIT, 0);

	run_ms(12000);
	expect_subflows(c, "fra");
	expect_told(0, "join fra connection=1 id=1 backup");
	expect_told(0, "prio fra");
}

STORY(young, a_subflow_of_an_upload_that_has_no_other_way_carries_data_at_once)
{
	grows_up(0, 8 * MBIT);
	run_ms(1000);
	mark();
	happens(host_address_remove(eth0, "192.0.2.10"));
	happens(host_address_add(eth0, "192.0.2.77"));
	run_ms(3000);
	expect_told(1, "join plain:eth0 connection=1 id=2 from");
	expect_told(1, "join fra connection=1 id=3 backup"); /* now there is one */
}
