/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Taking stock: what events did not tell. */
#include <errno.h>
#include <linux/bpf.h>

#include "story.h"

STORY(stock, connections_older_than_the_client)
{
	struct connection *c = connection_was_there();

	relays_are("fra par");
	story_begin("", "");
	run_ms(500);
	expect_subflows(c, "fra par");
	expect_counter("taken_over", 1);
}

STORY(stock, connection_whose_event_was_lost)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	c = connection_was_there();
	run_ms(6000);
	expect_subflows(c, "fra");
	expect_counter("taken_over", 1);
}

STORY(stock, not_ready_yet)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	c = connection_was_there();
	c->ready = false;
	run_ms(12000);
	expect_counter("taken_over", 0);
	happens(c->ready = true);
	run_ms(6000);
	expect_subflows(c, "fra");
}

STORY(stock, under_the_kernels_path_manager)
{
	struct connection *c = connection_was_there();

	relays_are("fra");
	c->foreign = true;
	story_begin("", "");
	run_ms(10000);
	expect_subflows(c, "");
	expect_told(0, "join");
	expect_told(0, "no join");
	expect_why(c, "left alone");
}

STORY(stock, event_of_a_join_was_lost)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(15);
	happens(world.lose_quietly = true);
	run_ms(100);
	happens(world.lose_quietly = false);
	run_ms(6000); /* the join's own clock, or the stock */
	expect_subflows(c, "fra");
	expect_counter("joins_established", 1);
	expect_counter("join_timeout", 0);
	expect_told(1, "join fra");
}

STORY(stock, end_of_a_detour_was_lost)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(3000);
	happens(world.lose_quietly = true);
	server_closes(subflow(c, "fra"));
	run_ms(10);
	happens(world.lose_quietly = false);
	expect_subflows(c, "");
	run_ms(7000);
	expect_subflows(c, "fra");
	expect_told(2, "join fra");
}

STORY(stock, end_of_the_initial_one_was_lost)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(3000);
	happens(world.lose_quietly = true);
	server_closes(subflow(c, "direct"));
	run_ms(10);
	happens(world.lose_quietly = false);
	run_ms(7000);
	expect_subflows(c, "fra plain");
}

STORY(stock, end_of_a_connection_was_lost)
{
	struct connection *c;
	json_t *all;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(3000);
	happens(world.lose_quietly = true);
	connection_end(c, true);
	happens(world.lose_quietly = false);
	run_ms(7000);
	all = status();
	expect(json_array_size(json_object_get(all, "connections")) == 0);
	json_decref(all);
}

STORY(stock, sockets_that_the_inventory_misses)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(3000);
	happens(subflow(c, "fra")->hidden = true); /* others come and go beside it */
	run_ms(6000);
	happens(subflow(c, "fra")->hidden = false; subflow(c, "direct")->hidden = true);
	run_ms(6000);
	expect_subflows(c, "fra");
	expect_told(1, "join fra");
	expect_told(0, "join plain");
	expect_told(0, "close");
}

STORY(stock, inventory_that_fails)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(1000);
	happens(world.inventory_error = -ENOMEM);
	run_ms(6000);
	expect_subflows(c, "fra"); /* nothing is ended for want of a whole list */
	expect_told(0, "close");
	expect_told(1, "warning: cannot list MPTCP connections");
	happens(world.inventory_error = 0);
	run_ms(6000);
	expect_told(0, "close");
}

/* The application's own doing, or that of another who commands the kernel. */
static struct sock *made_by_another(struct connection *c, const char *remote, uint8_t id)
{
	struct dt_endpoint local = {c->local.ip, 3333}, to;
	struct sock *s;

	dt_endpoint_parse(&to, remote);
	s = sock_add(c, &local, &to);
	s->id = id;
	s->state = BPF_TCP_ESTABLISHED;
	s->confirmed = true;
	c->entries[id].used = true;
	c->entries[id].at = local;
	c->halves[id] = true;
	return s;
}

STORY(stock, surplus_subflow_is_left_and_its_id_kept)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	c = connection_opens();
	run_ms(1000);
	made_by_another(c, "203.0.113.77:443", 9);
	run_ms(6000);
	expect(c->entries[9].used);
	expect_told(0, "close");
	server_closes(subflow(c, "fra"));
	run_ms(3000);
	expect_subflows(c, "fra plain@203.0.113.77");
	expect(subflow(c, "fra")->id != 9);
}

STORY(stock, lost_events_are_made_good_at_once)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	happens(world.lose_events = 2); /* CREATED and ESTABLISHED */
	c = connection_opens();
	run_ms(200);
	expect_subflows(c, "fra");
	expect_counter("lost_events", 1);
	expect_counter("taken_over", 1);
	expect_told(1, "warning: the kernel dropped path-manager events");
}

STORY(stock, events_after_lost_ones_are_heard)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	happens(world.lose_events = 2);
	connection_opens();
	run_ms(200);
	c = connection_opens(); /* libuv stops polling at an error condition */
	run_ms(200);
	expect_subflows(c, "fra");
	expect_counter("taken_over", 1);
}

STORY(stock, lost_events_in_a_burst_cost_one_stock)
{
	relays_are("fra");
	story_begin("", "");
	for (int i = 0; i < 40; i++) {
		world.lose_events = 2;
		connection_opens();
		run_ms(1);
	}
	run_ms(200);
	expect_told(1, "warning: the kernel dropped path-manager events");
	run_ms(500);
	for (const struct connection *c = world.connections; c; c = c->hh.next)
		expect_subflows(c, "fra");
}
