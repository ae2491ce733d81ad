/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Leases: late, refused, renewed, moved, forgotten. */
#include "story.h"

STORY(leases, late_one_gives_its_place_to_the_next_relay)
{
	struct relay *fra = relays_are("fra par lon");
	struct connection *c;

	fra->late_ms = 1500;
	story_begin("max-detours = 1", "");
	c = connection_opens();
	run_ms(900);
	expect_subflows(c, "");
	expect_why(c, "fra: waiting for a lease");
	run_ms(300);
	expect_subflows(c, "par");
	run_ms(5000);
	expect_subflows(c, "par"); /* it came in the end: there is no place any more */
	expect_told(0, "join fra");
}

STORY(leases, a_little_late_is_waited_for)
{
	struct relay *fra = relays_are("fra par");
	struct connection *c;

	fra->late_ms = 700;
	story_begin("max-detours = 1", "");
	c = connection_opens();
	run_ms(1000);
	expect_subflows(c, "fra");
	expect_told(0, "join par");
}

STORY(leases, unanswered_then_answered)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	fra->lease_silent = true;
	story_begin("", "");
	c = connection_opens();
	run_ms(11000); /* given up after ten seconds */
	expect_subflows(c, "");
	expect_why(c, "fra: no answer to the lease request");
	happens(fra->lease_silent = false);
	run_ms(4000);
	expect_subflows(c, "fra");
}

static void refused(uint8_t reason, const char *words, uint64_t retry_ms)
{
	struct relay *fra = relays_are("fra par");
	struct connection *c;

	fra->reason = reason;
	story_begin("max-detours = 1", "");
	c = connection_opens();
	run_ms(500);
	expect_subflows(c, "par"); /* the next relay takes its place */
	expect_counter("leases_refused", 1);
	happens(relay_named("par")->dark = true);
	run_ms(8000);
	expect_subflows(c, "");
	expect_why(c, words);
	happens(fra->reason = DT_REASON_OK);
	run_ms(retry_ms);
	expect_subflows(c, "fra");
}

STORY(leases, refused_for_quota)
{
	refused(DT_REASON_QUOTA, "fra: ", 12000);
}

STORY(leases, refused_for_destination)
{
	refused(DT_REASON_DESTINATION,
		"fra: the relay denies this destination: 203.0.113.0/24 (documentation) is denied by default; "
		"allow = 203.0.113.5 in its [relay] would open it",
		22000);
}

STORY(leases, quota_of_one_serves_one_server)
{
	struct server *other = server_add("203.0.113.6:443");
	struct relay *fra = relays_are("fra");
	struct connection *c, *d;

	fra->quota = 1;
	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	d = connection_opens_to(other);
	run_ms(500);
	expect_subflows(c, "fra");
	expect_subflows(d, "");
}

STORY(leases, used_ones_are_renewed)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	story_begin("", "");
	c = connection_opens();
	run_ms(160000);
	expect(fra->renewed == 1);
	run_ms(300000);
	expect(fra->renewed >= 2 && fra->renewed <= 4);
	expect(fra->asked == 1);
	expect_subflows(c, "fra");
}

STORY(leases, unused_ones_end_by_themselves)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	connection_closes(c);
	run_ms(700000);
	expect(fra->renewed <= 1);
	connection_opens();
	run_ms(500);
	expect(fra->asked == 2); /* for the old one is over */
}

STORY(leases, short_lifetimes_are_renewed_in_time)
{
	struct relay *fra = relays_are("fra");
	struct connection *c, *d;

	fra->lifetime_s = 30;
	story_begin("", "");
	c = connection_opens();
	run_ms(100000);
	expect(fra->renewed >= 5);
	d = connection_opens();
	run_ms(100);
	expect_subflows(c, "fra");
	expect_subflows(d, "fra");
	expect(fra->asked == 1);
}

STORY(leases, forgotten_by_the_relay)
{
	struct relay *fra = relays_are("fra");
	struct connection *c, *d;

	story_begin("", "");
	c = connection_opens();
	run_ms(2000);
	expect_subflows(c, "fra");
	relay_reboot(fra);
	run_ms(4000);
	/* its flow is gone as well: the host there answers by RST, and a new one begins */
	expect_subflows(c, "fra");
	expect_told(2, "join fra");
	expect(subflow(c, "fra")->remote.port >= 51000); /* another port */
	d = connection_opens();
	run_ms(500);
	expect_subflows(d, "fra");
}

STORY(leases, moved_to_another_port_while_a_join_is_under_way)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	story_begin("", "");
	happens(server->silent = true);
	c = connection_opens();
	run_ms(1200); /* its SYN is out */
	relay_reboot(fra);
	happens(server->silent = false);
	run_ms(3500);
	expect_subflows(c, "fra");
	expect(subflow(c, "fra")->remote.port >= 51000);
}

STORY(leases, revoked_and_noticed_at_the_renewal)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	story_begin("", "");
	c = connection_opens();
	run_ms(2000);
	relay_forgets(fra);
	run_ms(10000);
	expect_told(1, "join fra"); /* nobody knows yet */
	run_ms(145000);
	/* the relay knows no such lease: the detour has to send something, and the host there answers by RST */
	expect_subflows(c, "fra");
	expect_told(2, "join fra");
	expect(subflow(c, "fra")->epoch == fra->epoch);
}

STORY(leases, released_at_the_end)
{
	struct relay *fra = relays_are("fra");

	story_begin("", "");
	connection_opens();
	run_ms(500);
	expect(relay_leases(fra) == 1);
	story_stop();
	expect(relay_leases(fra) == 0);
}

STORY(leases, follow_the_address_that_the_relay_sees)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	dt_ip_parse(&world.client_seen, "192.0.2.200");
	story_begin("", "");
	c = connection_opens();
	run_ms(2000);
	happens(dt_ip_parse(&world.client_seen, "192.0.2.201")); /* the home router has another address */
	run_ms(8000);
	expect(fra->renewed >= 1);
	expect(fra->asked >= 2); /* that address has no lease yet */
	expect_subflows(c, "fra");
}

STORY(leases, a_denied_destination_is_asked_for_ever_more_rarely)
{
	struct relay *fra = relays_are("fra");
	struct connection *c;

	fra->reason = DT_REASON_DESTINATION;
	story_begin("", "");
	c = connection_opens();
	run_ms(310000); /* after 20, 40, 80 and 160 s */
	expect(fra->asked == 5);
	happens(fra->reason = DT_REASON_OK);
	run_ms(162000);
	expect_subflows(c, "fra");
}
