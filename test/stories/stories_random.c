/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever happens, in whatever order: once all is well again each connection has what it should have. STORY_SEED=N
 * tells another story.
 */
#include <stdio.h>
#include <stdlib.h>

#include "story.h"

#define RELAYS 4
#define CONNECTIONS 12
#define HAPPENINGS 300

static uint32_t state;
static struct relay *relays[RELAYS];

static uint32_t chance(uint32_t below)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % below;
}

static struct connection *any_connection(void)
{
	unsigned count = HASH_COUNT(world.connections), at = count ? chance(count) : 0;
	struct connection *c = world.connections;

	while (c && at--)
		c = c->hh.next;
	return c;
}

static struct sock *any_subflow(void)
{
	struct connection *c = any_connection();
	struct sock *s = c ? c->socks : NULL;

	for (uint32_t skip = chance(3); s && s->next && skip; skip--)
		s = s->next;
	return s;
}

static void link_happens(void)
{
	switch (chance(3)) {
	case 0:
		host_link_up(eth0, chance(2));
		break;
	case 1:
		if (host_link_find("wwan0"))
			host_link_remove(host_link_find("wwan0"));
		else
			host_link_add("wwan0", "192.0.3.10", 200);
		break;
	case 2:
		happens(eth0->dark = chance(2));
		break;
	}
}

static void relay_happens(struct relay *r)
{
	switch (chance(9)) {
	case 0:
		happens(r->dark = chance(2));
		break;
	case 1:
		happens(r->daemon_off = chance(2));
		break;
	case 2:
		happens(r->draining = chance(2));
		break;
	case 3:
		happens(r->nat_blocked = chance(2));
		break;
	case 4:
		happens(r->reason = chance(2) ? DT_REASON_QUOTA : DT_REASON_OK);
		break;
	case 5:
		happens(r->lease_silent = chance(2); r->late_ms = chance(2000));
		break;
	case 6:
		relay_restart(r);
		break;
	case 7:
		relay_reboot(r);
		break;
	case 8:
		happens(r->tunnel_blocked = chance(2));
		break;
	}
}

static void server_happens(void)
{
	switch (chance(5)) {
	case 0:
		happens(server->dark = chance(2));
		break;
	case 1:
		happens(server->silent = chance(2));
		break;
	case 2:
		happens(server->limit = chance(4));
		break;
	case 3:
		happens(server->refuse = chance(3));
		break;
	case 4:
		happens(world.lose_events = chance(3));
		break;
	}
}

static void connection_happens(void)
{
	struct sock *s = any_subflow();

	switch (chance(4)) {
	case 0:
		if (HASH_COUNT(world.connections) < CONNECTIONS && eth0->rt.flags & IFF_RUNNING)
			connection_opens();
		break;
	case 1:
		if (HASH_COUNT(world.connections) > 2)
			connection_end(any_connection(), chance(2));
		break;
	case 2:
		if (s && !s->initial)
			server_closes(s);
		break;
	case 3:
		if (s && s->state == 1)
			sock_flow(s, chance(2) * 8 * MBIT, chance(2) * 8 * MBIT);
		break;
	}
}

static void client_happens(void)
{
	switch (chance(4)) {
	case 0:
		story_reload("max-detours = 1\ninterfaces = wwan0", "");
		break;
	case 1:
		story_reload("max-detours = 3\ninterfaces = wwan0", "");
		break;
	case 2:
		relays[3]->omitted = !relays[3]->omitted;
		story_reload("max-detours = 2\nchoose = order", "");
		break;
	case 3:
		run_ms(60); /* else rules of a link that has just gone stay, which lead nowhere */
		story_crash();
		story_start_again();
		break;
	}
}

/* Without a subflow the kernel ends a connection in a while; and a run that begins meanwhile cannot know of it. */
static void lonely_end(void)
{
	struct connection *c, *tmp;

	HASH_ITER(hh, world.connections, c, tmp)
		if (!c->socks)
			connection_end(c, true);
}

static void all_is_well(void)
{
	lonely_end();
	host_link_up(eth0, true);
	if (!host_link_find("wwan0"))
		host_link_add("wwan0", "192.0.3.10", 200);
	happens(eth0->dark = false);
	happens(server->dark = server->silent = false; server->refuse = 0; server->limit = SERVER_ANY_LIMIT);
	world.lose_events = 0;
	for (int i = 0; i < RELAYS; i++) {
		struct relay *r = relays[i];

		happens(r->dark = r->daemon_off = r->draining = r->nat_blocked = r->lease_silent = false);
		r->tunnel_blocked = r->omitted = false;
		r->reason = 0;
		r->late_ms = 0;
	}
	for (struct sock *s = world.socks; s; s = s->hh.next)
		sock_flow(s, 0, 0);
}

static unsigned detours_of(const struct connection *c)
{
	unsigned count = 0;

	for (const struct sock *s = c->socks; s; s = s->next)
		count += s->relay && sock_is_alive(s);
	return count;
}

static void shortfall_print(const struct connection *c)
{
	json_t *all = status(), *one = status_of(all, c);
	char via[48];

	fprintf(stderr, "connection %u: %s\n", c->number,
		one ? json_string_value(json_object_get(one, "why")) : "not known to the client");
	for (const struct sock *s = c->socks; s; s = s->next)
		fprintf(stderr, "\t%s id=%u state=%u%s port=%u\n", sock_via(s, via), s->id, s->state,
			sock_is_alive(s) ? "" : " dead", s->local.port);
	json_decref(all);
}

static void tale(uint32_t seed)
{
	if (getenv("STORY_SEED"))
		seed = (uint32_t)strtoul(getenv("STORY_SEED"), NULL, 10);
	tell("= seed %u", seed);
	state = seed * 2654435761U;
	relays[0] = relays_are("r0 r1 r2 r3");
	for (int i = 1; i < RELAYS; i++)
		relays[i] = relays[i - 1]->next;
	relays[2]->wireguard = true;
	snprintf(relays[2]->conf, sizeof(relays[2]->conf), "carrier = wireguard");
	story_begin("max-detours = 2\ninterfaces = wwan0", "");
	for (int i = 0; i < HAPPENINGS; i++) {
		switch (chance(8)) {
		case 0:
			link_happens();
			break;
		case 1:
		case 2:
			relay_happens(relays[chance(RELAYS)]);
			break;
		case 3:
			server_happens();
			break;
		case 4:
		case 5:
		case 6:
			connection_happens();
			break;
		case 7:
			if (chance(3) == 0)
				client_happens();
			break;
		}
		run_ms(chance(4) ? chance(300) : chance(6000));
	}
	all_is_well();
	story_reload("max-detours = 2\ninterfaces = wwan0\nchoose = order", "");
	run_ms(200000); /* more than any back-off, and more than the server's limit is believed */
	for (const struct connection *c = world.connections; c; c = c->hh.next) {
		if (detours_of(c) != 2)
			shortfall_print(c);
		expect(detours_of(c) == 2);
		expect(subflow(c, "direct") || subflow(c, "plain"));
		expect(subflow(c, "plain:wwan0") != NULL);
	}
	run_ms(30000);
	mark();
	run_ms(60000); /* and nothing goes on */
	expect_told(0, "join");
	expect_told(0, "close");
}

#define TALE(number)                 \
	STORY(random, seed_##number) \
	{                            \
		tale(number);        \
	}
TALE(1)
TALE(2)
TALE(3)
TALE(4)
TALE(5)
TALE(6)
TALE(7)
TALE(8)
TALE(9)
TALE(10)
