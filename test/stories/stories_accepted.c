/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections that this host accepted. */
#include <linux/bpf.h>

#include "story.h"

static void endpoint_is(size_t i, const char *at, uint8_t id)
{
	dt_ip_parse(&world.endpoints[i].at.ip, at);
	world.endpoints[i].id = id;
	world.endpoints[i].flags = DT_MPTCP_ENDPOINT_SIGNAL;
	world.nendpoints = i + 1;
}

static struct sock *peer_joins(struct connection *c, uint8_t id)
{
	struct dt_endpoint remote = {c->remote.ip, (uint16_t)(40000 + id)};
	struct sock *s = sock_add(c, &c->local, &remote);
	struct dt_mptcp_event e;

	s->state = BPF_TCP_ESTABLISHED;
	s->confirmed = true;
	s->remote_id = id;
	s->server = c->server;
	e = event_of(s, DT_MPTCP_SUB_ESTABLISHED);
	event_send(&e);
	run_ms(0);
	return s;
}

static unsigned subflows_of(const struct connection *c)
{
	unsigned count = 0;

	for (const struct sock *s = c->socks; s; s = s->next)
		count += !s->initial;
	return count;
}

STORY(accepted, get_no_detours)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "");
	c = connection_is_accepted();
	run_ms(6000);
	expect_subflows(c, "");
	expect_told(0, "join");
}

STORY(accepted, limit_is_kept)
{
	struct connection *c;

	story_begin("", "");
	c = connection_is_accepted();
	for (uint8_t id = 1; id <= 4; id++)
		peer_joins(c, id);
	run_ms(100);
	expect(subflows_of(c) == 2);
	expect_counter("surplus_closed", 2);
}

STORY(accepted, limit_is_kept_by_a_kernel_without_sock_destroy)
{
	struct connection *c;

	world.no_destroy = true;
	story_begin("", "");
	c = connection_is_accepted();
	for (uint8_t id = 1; id <= 4; id++)
		peer_joins(c, id);
	run_ms(100);
	expect(subflows_of(c) == 2);
}

STORY(accepted, a_place_that_becomes_free)
{
	struct connection *c;
	struct sock *s;

	story_begin("", "");
	c = connection_is_accepted();
	s = peer_joins(c, 1);
	peer_joins(c, 2);
	sock_close(s, 0);
	run_ms(100);
	peer_joins(c, 3);
	run_ms(100);
	expect(subflows_of(c) == 2);
	expect_counter("surplus_closed", 0);
}

STORY(accepted, endpoints_are_announced)
{
	struct connection *c;

	endpoint_is(0, "192.0.3.10", 4);
	endpoint_is(1, "192.0.2.10", 5); /* the connection's own needs no word */
	endpoint_is(2, "192.0.4.10", 6);
	story_begin("", "");
	c = connection_is_accepted();
	run_ms(100);
	expect_told(1, "announce 192.0.3.10:0 connection=1 id=4");
	expect_told(0, "announce 192.0.4.10:0"); /* one at a time */
	run_ms(200);
	expect_told(1, "announce 192.0.4.10:0 connection=1 id=6");
	expect_told(0, "announce 192.0.2.10:0");
	expect_counter("addresses_announced", 2);
	run_ms(20000); /* said again a few times, as nobody has joined there */
	expect_told(4, "announce 192.0.3.10:0");
	expect(c != NULL);
}

STORY(accepted, what_was_joined_is_not_announced_again)
{
	struct connection *c;
	struct dt_mptcp_event e;
	struct sock *s;

	endpoint_is(0, "192.0.3.10", 4);
	story_begin("", "");
	c = connection_is_accepted();
	run_ms(100);
	s = peer_joins(c, 1);
	e = event_of(s, DT_MPTCP_SUB_ESTABLISHED);
	e.local_id = 4;
	event_send(&e);
	run_ms(20000);
	expect_told(1, "announce 192.0.3.10:0");
}

STORY(accepted, not_yet_by_the_application)
{
	struct connection *c;

	endpoint_is(0, "192.0.3.10", 4);
	story_begin("", "");
	c = connection_waits_to_be_accepted();
	run_ms(1000);
	expect_told(0, "announce");
	happens(c->ready = true);
	run_ms(300);
	expect_told(1, "announce 192.0.3.10:0");
}

STORY(accepted, endpoints_that_change)
{
	endpoint_is(0, "192.0.3.10", 4);
	story_begin("", "");
	connection_is_accepted();
	run_ms(1000);
	expect_told(1, "announce 192.0.3.10:0");
	mark();
	happens(world.nendpoints = 0);
	run_ms(6000);
	expect_told(1, "remove id=4"); /* taken back */
	endpoint_is(0, "192.0.5.10", 7);
	run_ms(12000);
	expect_told(4, "announce 192.0.5.10:0");
}

STORY(accepted, found_by_the_next_run)
{
	struct connection *c;

	endpoint_is(0, "192.0.3.10", 4);
	story_begin("", "");
	c = connection_is_accepted();
	peer_joins(c, 1);
	peer_joins(c, 2);
	run_ms(10000);
	story_crash();
	mark();
	story_start_again();
	run_ms(6000);
	expect_told(0, "announce"); /* the earlier run has told its peer */
	peer_joins(c, 3);
	run_ms(100);
	expect(subflows_of(c) == 2); /* and it had two already */
}

STORY(accepted, one_that_ends)
{
	struct connection *c;

	endpoint_is(0, "192.0.3.10", 4);
	story_begin("", "");
	c = connection_is_accepted();
	run_ms(100);
	connection_closes(c);
	run_ms(20000);
	expect_told(1, "announce");
}
