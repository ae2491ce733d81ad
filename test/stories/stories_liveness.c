/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths that die while data moves. */
#include <string.h>

#include "story.h"

static struct connection *c;

/* A connection that moves data by its initial subflow and a detour. */
static void begin(uint64_t down_bps, uint64_t up_bps)
{
	relays_are("fra");
	story_begin("choose = order", "");
	c = connection_opens();
	run_ms(500);
	flows(c, "direct", down_bps, up_bps);
	flows(c, "fra", down_bps, up_bps);
	run_ms(3000);
	mark();
}

STORY(liveness, dead_detour_of_a_download)
{
	begin(8 * MBIT, 0);
	expect_told(0, "close");
	happens(relay_named("fra")->dark = true);
	run_ms(200);
	expect_subflows(c, "");
	expect_why(c, "another subflow has just ended");
	run_ms(200);
	expect_told(1, "close fra");
	expect_told(1, "remove id=1");
	expect(server_halves(c) == 0);
	expect_counter("subflows_given_up", 1);
}

STORY(liveness, dead_detour_of_an_upload)
{
	begin(0, 8 * MBIT);
	happens(relay_named("fra")->dark = true);
	run_ms(1500);
	expect_subflows(c, "");
	expect_counter("subflows_given_up", 1);
}

STORY(liveness, dead_direct_path)
{
	begin(8 * MBIT, 0);
	happens(server->dark = true);
	run_ms(2000);
	expect_told(1, "close direct");
	expect_told(4, "remove id=0"); /* once before, twice after, and once more a moment later, for it may be lost */
	expect_subflows(c, "fra");
	run_ms(3000);
	expect_why(c, "");
	happens(server->dark = false);
	run_ms(12000);
	expect_subflows(c, "fra plain"); /* in its place */
}

STORY(liveness, silence_alone_is_no_death)
{
	begin(8 * MBIT, 0);
	flows(c, "fra", 0, 0);
	flows(c, "direct", 0, 0);
	run_ms(10000);
	expect_subflows(c, "fra");
	expect_told(0, "close");
}

STORY(liveness, all_dead_nothing_is_closed)
{
	begin(8 * MBIT, 0);
	happens(eth0->dark = true);
	run_ms(4000);
	expect_told(0, "close");
	happens(eth0->dark = false);
	run_ms(4000);
	expect_subflows(c, "fra");
	expect_told(0, "close direct");
}

/* All paths are silent alike, and are heard again one after the other. */
static void outage(uint64_t ms)
{
	happens(eth0->dark = true);
	run_ms(ms);
	happens(eth0->dark = false);
}

static void outages_come_and_go(void)
{
	static const uint64_t lengths_ms[] = {150, 200, 300, 500, 700, 1000, 1500, 2000};

	for (size_t i = 0; i < sizeof(lengths_ms) / sizeof(lengths_ms[0]); i++) {
		outage(lengths_ms[i]);
		run_ms(6000);
		expect_subflows(c, "fra");
		expect_counter("subflows_given_up", 0);
	}
}

STORY(liveness, an_outage_of_the_access_link_is_no_death_of_an_upload)
{
	begin(0, 8 * MBIT);
	relay_named("fra")->rtt_ms = 60;
	run_ms(1000);
	outages_come_and_go();
}

STORY(liveness, an_outage_of_the_access_link_is_no_death_of_a_download)
{
	begin(8 * MBIT, 0);
	relay_named("fra")->rtt_ms = 60;
	run_ms(1000);
	outages_come_and_go();
}

STORY(liveness, a_path_that_dies_soon_after_an_outage_is_left_at_once)
{
	begin(0, 8 * MBIT);
	outage(500);
	run_ms(3000);
	expect_subflows(c, "fra");
	happens(relay_named("fra")->dark = true);
	run_ms(200);
	expect_counter("subflows_given_up", 1);
}

STORY(liveness, a_path_that_dies_soon_after_the_join_is_left_at_once)
{
	relays_are("fra");
	story_begin("choose = order", "");
	c = connection_opens();
	run_ms(300);
	flows(c, "direct", 0, 8 * MBIT);
	flows(c, "fra", 0, 8 * MBIT);
	run_ms(200);
	happens(relay_named("fra")->dark = true);
	run_ms(200);
	expect_counter("subflows_given_up", 1);
}

/* Sends for 200 ms of each 1.2 s. */
static void flow_in_bursts(uint64_t down_bps, uint64_t up_bps, unsigned bursts)
{
	for (unsigned i = 0; i < bursts; i++) {
		flows(c, "fra", down_bps, up_bps);
		flows(c, "direct", down_bps, up_bps);
		run_ms(200);
		flows(c, "fra", 0, 0);
		flows(c, "direct", 0, 0);
		run_ms(1000);
	}
}

STORY(liveness, the_application_s_pauses_delay_no_question_about_what_is_owed)
{
	begin(0, 8 * MBIT);
	flow_in_bursts(0, 8 * MBIT, 5);
	expect_subflows(c, "fra");
	flows(c, "fra", 0, 8 * MBIT);
	flows(c, "direct", 0, 8 * MBIT);
	run_ms(50);
	happens(relay_named("fra")->dark = true);
	run_ms(250);
	expect_counter("subflows_given_up", 1);
}

STORY(liveness, a_missing_piece_shows_which_path_of_a_download_died_in_a_pause)
{
	begin(8 * MBIT, 0);
	flow_in_bursts(8 * MBIT, 0, 5);
	expect_subflows(c, "fra");
	happens(relay_named("fra")->dark = true);
	run_ms(1000);
	expect_counter("subflows_given_up", 0);
	flows(c, "fra", 8 * MBIT, 0);
	flows(c, "direct", 8 * MBIT, 0);
	run_ms(250);
	expect_counter("subflows_given_up", 1);
}

/* Dies, comes back, and is joined again. */
static void fra_goes_and_comes(void)
{
	happens(relay_named("fra")->dark = true);
	run_ms(300);
	happens(relay_named("fra")->dark = false);
	run_ms(1700);
	expect_subflows(c, "fra");
	flows(c, "fra", 0, 8 * MBIT);
	run_ms(500);
}

STORY(liveness, a_path_that_comes_and_goes_becomes_backup_for_a_while)
{
	begin(0, 8 * MBIT);
	fra_goes_and_comes();
	expect(!subflow(c, "fra")->backup);
	fra_goes_and_comes();
	expect_counter("subflows_given_up", 2);
	expect_counter("subflows_faded", 1);
	expect(subflow(c, "fra")->backup);
	run_ms(12000);
	expect(!subflow(c, "fra")->backup);
}

STORY(liveness, a_backup_carries_while_all_others_fade)
{
	relays_are("fra");
	strcpy(relay_named("fra")->conf, "backup = yes");
	story_begin("choose = order", "");
	c = connection_opens();
	run_ms(500);
	flows(c, "direct", 0, 8 * MBIT);
	run_ms(3000);
	expect(subflow(c, "fra")->backup);
	mark();
	happens(subflow(c, "direct")->loses = true); /* its data, not its answers */
	run_ms(1000);
	expect_counter("subflows_faded", 1);
	expect_counter("subflows_given_up", 0);
	expect_told(1, "close direct"); /* so that the other one sends what it held */
	run_ms(2000);
	expect_subflows(c, "fra plain");
	expect(subflow(c, "plain")->backup);
	run_ms(14000);
	expect(!subflow(c, "plain")->backup);
	expect(subflow(c, "fra")->backup);
}

STORY(liveness, server_that_pauses)
{
	begin(8 * MBIT, 0);
	for (int i = 0; i < 10; i++) {
		flows(c, "fra", 0, 0);
		run_ms(300);
		flows(c, "fra", 8 * MBIT, 0);
		run_ms(300);
	}
	expect_subflows(c, "fra");
	expect_told(0, "close");
}

STORY(liveness, idle_connections_cost_no_probes)
{
	relays_are("fra par");
	story_begin("", "");
	for (int i = 0; i < 20; i++)
		connection_opens();
	run_ms(30000);
	expect_counter("probes_sent", 0);
}

/* Looks a second at a connection that receives so much. */
static uint64_t looks_at(uint64_t down_bps)
{
	uint64_t before;

	flows(c, "direct", down_bps, 0);
	run_ms(3000);
	before = world.looks;
	run_ms(10000);
	return (world.looks - before) / 10;
}

STORY(liveness, where_little_comes_it_is_looked_at_seldom)
{
	begin(0, 0);
	expect(looks_at(8 * MBIT) >= 150);
	expect(looks_at(60 * 1000) <= 70); /* five segments a second */
	expect(looks_at(20 * 1000) <= 70);
	run_ms(2000);
	expect(looks_at(8 * MBIT) >= 150);
}

STORY(liveness, without_a_pulse_reader_paths_are_left_to_the_kernel)
{
	world.no_pulse = true;
	begin(8 * MBIT, 0);
	happens(relay_named("fra")->dark = true);
	run_ms(2000);
	expect_subflows(c, "fra");
	expect_told(0, "close");
	run_ms(8000);
	expect_subflows(c, ""); /* its relay is down */
}

STORY(liveness, without_a_raw_socket)
{
	world.no_prober = true;
	begin(8 * MBIT, 0);
	expect_counter("probes_sent", 0);
	expect_subflows(c, "fra");
}

STORY(liveness, answers_that_cannot_be_kept_away_from_tcp)
{
	world.no_answers = true;
	begin(8 * MBIT, 0);
	happens(relay_named("fra")->dark = true);
	run_ms(400);
	expect_counter("subflows_given_up", 1);
}

STORY(liveness, detour_that_works_again_carries_again)
{
	begin(8 * MBIT, 0);
	happens(relay_named("fra")->dark = true);
	run_ms(4000);
	expect_subflows(c, "");
	happens(relay_named("fra")->dark = false);
	run_ms(12000);
	expect_subflows(c, "fra");
}

STORY(liveness, detour_that_works_again_carries_within_two_seconds)
{
	static const unsigned silences_ms[] = {4000, 700, 1500, 2300, 3100, 4700, 5500, 8200};

	begin(8 * MBIT, 0);
	for (size_t i = 0; i < sizeof(silences_ms) / sizeof(silences_ms[0]); i++) {
		happens(relay_named("fra")->dark = true);
		run_ms(silences_ms[i]);
		happens(relay_named("fra")->dark = false);
		run_ms(2000);
		expect_subflows(c, "fra");
		flows(c, "fra", 8 * MBIT, 0);
		run_ms(3000);
	}
}

STORY(liveness, without_the_right_to_hold_the_processor)
{
	world.no_realtime = true;
	begin(8 * MBIT, 0);
	happens(relay_named("fra")->dark = true);
	run_ms(2000);
	expect_subflows(c, "");
	expect(server_halves(c) == 0); /* it is told before the socket goes */
}

STORY(liveness, another_thread_with_real_time_priority)
{
	world.other_realtime = true;
	begin(8 * MBIT, 0);
	happens(relay_named("fra")->dark = true);
	run_ms(400);
	expect(server_halves(c) == 0);
	expect_counter("ends_untold", 0);
	expect(!world.realtime && !world.cpu_pinned);
}

STORY(liveness, the_server_is_told_again)
{
	begin(8 * MBIT, 0);
	world.worker_elsewhere = 1;
	happens(relay_named("fra")->dark = true);
	run_ms(400);
	expect_told(2, "remove id=1");
	expect_counter("ends_untold", 1);
	expect_counter("ends_told_again", 1);
	expect(server_halves(c) == 0);
	expect(c->socks && !c->socks->next); /* the direct one: nothing is left of what told it again */
}

/* All RM_ADDRs of the moment in which it ended are lost in a full queue. */
STORY(liveness, the_server_is_told_once_more_of_the_initial_subflow)
{
	begin(8 * MBIT, 0);
	world.rm_addrs_lost = 3;
	happens(server->dark = true);
	run_ms(150);
	expect(c->halves[0]);
	run_ms(450);
	expect(!c->halves[0]);
	expect_counter("ends_untold", 0);
	expect_counter("ends_told_again", 0);
	expect_subflows(c, "fra");
}

STORY(liveness, the_server_is_told_again_once_a_path_works)
{
	relays_are("fra par");
	story_begin("choose = order", "");
	c = connection_opens();
	run_ms(500);
	flows(c, "direct", 8 * MBIT, 0);
	flows(c, "fra", 8 * MBIT, 0);
	flows(c, "par", 8 * MBIT, 0);
	run_ms(3000);
	happens(relay_named("fra")->dark = true; server->dark = true); /* RM_ADDR goes by the other dead one at first */
	run_ms(1500);
	expect_subflows(c, "par");
	expect(server_halves(c) == 1);
	expect(!c->halves[0]);
}

STORY(liveness, kernel_that_does_not_count)
{
	world.no_rm_addr_count = true;
	begin(8 * MBIT, 0);
	world.worker_elsewhere = 1;
	happens(relay_named("fra")->dark = true);
	run_ms(2000);
	expect_counter("ends_untold", 0); /* the kernel's answer does not tell */
}

STORY(liveness, kernel_without_sock_destroy)
{
	world.no_destroy = true;
	begin(8 * MBIT, 0);
	happens(relay_named("fra")->dark = true);
	run_ms(2000);
	expect_subflows(c, "");
	expect(server_halves(c) == 0);
}

STORY(liveness, relay_that_rebooted_is_noticed_by_who_only_receives)
{
	begin(8 * MBIT, 0);
	relay_reboot(relay_named("fra"));
	run_ms(5000);
	expect_subflows(c, "fra");
	expect(subflow(c, "fra")->epoch == relay_named("fra")->epoch);
}

STORY(liveness, several_end_one_by_one)
{
	relays_are("fra par lon");
	story_begin("max-detours = 3\nchoose = order", "");
	c = connection_opens();
	run_ms(1000);
	flows(c, "direct", 8 * MBIT, 0);
	flows(c, "fra", 8 * MBIT, 0);
	flows(c, "par", 8 * MBIT, 0);
	flows(c, "lon", 8 * MBIT, 0);
	run_ms(2000);
	mark();
	happens(relay_named("fra")->dark = true; relay_named("par")->dark = true; relay_named("lon")->dark = true);
	run_ms(2000);
	expect_subflows(c, "");
	expect_told(3, "remove id=");
	expect_told(3, "close");
	expect(server_halves(c) == 0);
}
