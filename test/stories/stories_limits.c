/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What runs out: ports, ids, the kernel's patience; and commands that it refuses. */
#include <errno.h>

#include "story.h"

STORY(limits, port_taken_by_somebody_else)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	world.port_stolen = 3;
	c = connection_opens();
	run_ms(500);
	expect_subflows(c, "fra");
	expect_told(3, "no join");
	expect_counter("join_failed", 0);
}

STORY(limits, every_port_taken)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	world.port_stolen_always = true;
	c = connection_opens();
	run_ms(500);
	expect_subflows(c, "");
	expect_counter("join_failed", 1);
	expect_why(c, "the kernel refused the join: Address already in use");
	world.port_stolen_always = false;
	run_ms(1000);
	expect_subflows(c, "fra");
}

STORY(limits, no_free_port_at_this_address)
{
	struct connection *c;

	relays_are("fra par");
	story_begin("", "");
	world.no_ports = true;
	c = connection_opens();
	run_ms(500);
	expect_subflows(c, "");
	expect_counter("join_failed", 2);
	expect_told(0, "join");
	happens(world.no_ports = false);
	run_ms(1200);
	expect_subflows(c, "fra par");
	expect_told(0, "no join");
}

STORY(limits, joins_that_come_too_soon_for_the_kernel)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	c = connection_add(server, "192.0.2.10");
	c->ready = false;
	{
		struct dt_mptcp_event e = event_of(c->socks, DT_MPTCP_ESTABLISHED);

		event_send(&e);
	}
	run_ms(500);
	expect_counter("join_failed", 1);
	happens(c->ready = true);
	run_ms(1200);
	expect_subflows(c, "fra");
}

STORY(limits, ids_come_round)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(15000);
	for (int i = 0; i < 300; i++) { /* more than there are ids */
		server_closes(subflow(c, "fra"));
		run_ms(3000);
		if (!subflow(c, "fra"))
			run_ms(60000);
		expect_subflows(c, "fra");
	}
	expect_told(0, "no join");
	expect_told(301, "join fra");
	expect_told(0, "remove id=0");
}

STORY(limits, ids_taken_by_others)
{
	struct connection *c;

	relays_are("fra par");
	story_begin("max-detours = 0", "");
	c = connection_opens();
	run_ms(100);
	for (unsigned id = 1; id < 256; id++) { /* all but one */
		struct dt_endpoint local = {c->local.ip, (uint16_t)(1000 + id)};
		struct dt_endpoint to = {server->at.ip, 444};
		struct sock *s = id == 77 ? NULL : sock_add(c, &local, &to);

		if (!s)
			continue;
		s->id = (uint8_t)id;
		s->state = 1;
		s->confirmed = true;
		c->entries[id].used = true;
		c->entries[id].at = local;
	}
	run_ms(6000);
	story_reload("max-detours = 2", "");
	run_ms(1000);
	expect(subflow(c, "fra") && subflow(c, "fra")->id == 77);
	expect_why(c, "1 of 2 detours");
	expect_why(c, "par: the kernel refused the join");
	expect_told(0, "no join");
}

STORY(limits, connection_that_ends_while_it_joins)
{
	struct connection *c;

	relays_are("fra par");
	story_begin("", "");
	c = connection_opens();
	run_ms(12); /* SYNs are out */
	connection_closes(c);
	run_ms(10000);
	expect_counter("join_timeout", 0);
	connection_opens();
	run_ms(500);
	expect_counter("joins_established", 2);
}

STORY(limits, connection_that_ends_while_it_waits_for_a_lease)
{
	struct connection *c;
	struct relay *fra = relays_are("fra");

	fra->late_ms = 300;
	story_begin("", "");
	c = connection_opens();
	run_ms(100);
	connection_closes(c);
	run_ms(2000);
	expect_counter("joins", 0);
	c = connection_opens(); /* its lease is there */
	run_ms(50);
	expect_subflows(c, "fra");
}

STORY(limits, stop_while_everything_is_under_way)
{
	relays_are("fra par");
	relay_named("par")->late_ms = 400;
	server->silent = true;
	story_begin("", "");
	for (int i = 0; i < 10; i++)
		connection_opens();
	run_ms(100);
	story_stop();
	for (const struct connection *c = world.connections; c; c = c->hh.next)
		expect(c->socks && !c->socks->next);
}
