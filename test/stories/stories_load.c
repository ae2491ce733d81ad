/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Thousands of connections: none is lost, and none costs more because of the others. */
#include <stdio.h>
#include <sys/resource.h>

#include "story.h"

#define SERVERS 50

static struct server *servers[SERVERS];

static double cpu_s(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void servers_are(void)
{
	for (unsigned i = 0; i < SERVERS; i++) {
		char at[64];

		snprintf(at, sizeof(at), "203.0.113.%u:443", 100 + i);
		servers[i] = server_add(at);
	}
}

/* So many connections at 2,000 a second; then stock is taken, a relay dies and returns, all end. Seconds of the CPU. */
static double lives(unsigned count)
{
	double begin_s = cpu_s();
	unsigned with = 0;

	tell("= %u connections", count);
	for (unsigned i = 0; i < count; i++) {
		connection_opens_to(servers[i % SERVERS]);
		if (i % 20 == 19)
			run_ms(10);
	}
	run_ms(6000);
	for (const struct connection *c = world.connections; c; c = c->hh.next)
		with += c->socks->next != NULL && c->socks->next->state == 1;
	expect(with == count);
	expect_counter("lost_events", 0);
	happens(relay_named("fra")->dark = true);
	run_ms(7000);
	happens(relay_named("fra")->dark = false);
	run_ms(3000);
	while (world.connections)
		connection_end(world.connections, true);
	run_ms(1000);
	return cpu_s() - begin_s;
}

STORY(load, ten_thousand_connections_without_quadratic_cost)
{
	double few, many;

	world.quiet = true;
	servers_are();
	relays_are("fra par");
	story_begin("max-detours = 1\nlog-level = err", "");
	lives(100); /* what is done once */
	few = lives(2500);
	many = lives(10000);
	fprintf(stderr, "2,500 connections: %.3f s; 10,000: %.3f s of processor time\n", few, many);
	expect(many < 8 * few); /* linear is 4, quadratic 16 */
	expect(track_rows() < 11000);
}
