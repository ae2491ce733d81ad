/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reload of each key, while connections live. */
#include <string.h>

#include "story.h"

static struct connection *c;

/* A connection with its detours over the first relays of fra, par, lon. */
static void begin(const char *client, const char *rest)
{
	relays_are("fra par lon");
	story_begin(client, rest);
	c = connection_opens();
	run_ms(1000);
	mark();
}

STORY(reload, same_file_changes_nothing)
{
	begin("", "");
	story_reload("", "");
	run_ms(3000);
	expect_subflows(c, "fra par");
	expect_told(0, "join");
	expect_told(0, "close");
	expect_told(0, "prio");
}

STORY(reload, max_detours_up)
{
	begin("", "");
	story_reload("max-detours = 3", "");
	run_ms(500);
	expect_subflows(c, "fra par lon");
	expect_told(1, "join");
	expect_told(0, "close");
}

STORY(reload, max_detours_down)
{
	begin("max-detours = 3", "");
	expect_subflows(c, "fra par lon");
	story_reload("max-detours = 1", "");
	expect_told(1, "close"); /* at once, and the next one a little later */
	run_ms(1500);
	expect_subflows(c, "fra");
	expect_told(2, "close");
	expect_told(2, "remove id=");
	expect(server_halves(c) == 1);
}

STORY(reload, max_detours_none)
{
	begin("", "");
	story_reload("max-detours = 0", "");
	run_ms(1500);
	expect_subflows(c, "");
	expect(server_halves(c) == 0);
}

STORY(reload, relay_added)
{
	begin("max-detours = 4", "");
	relay_add("ams");
	story_reload("max-detours = 4", "");
	run_ms(500);
	expect_subflows(c, "fra par lon ams");
}

STORY(reload, relay_taken_out)
{
	begin("", "");
	happens(relay_named("fra")->omitted = true);
	story_reload("", "");
	run_ms(1500);
	expect_subflows(c, "par lon");
	expect_told(1, "close fra");
	expect(relay_leases(relay_named("fra")) == 0); /* given back */
}

STORY(reload, relay_moves)
{
	struct relay *fra;

	begin("max-detours = 3", "");
	fra = relay_named("fra");
	dt_ip_parse(&fra->at.ip, "198.51.100.77");
	story_reload("max-detours = 3", "");
	run_ms(1500);
	expect_relay("fra", "up", "");
	expect_subflows(c, "fra par lon");
	expect(dt_ip_equal(&subflow(c, "fra")->remote.ip, &fra->at.ip));
}

STORY(reload, relay_with_another_key)
{
	begin("", "");
	happens(relay_named("fra")->other_key = true);
	story_reload("", "");
	run_ms(10000);
	expect_relay("fra", "down", "no answer");
	expect_subflows(c, "par lon");
}

STORY(reload, relay_becomes_backup)
{
	begin("", "");
	strcpy(relay_named("fra")->conf, "backup = yes");
	story_reload("", "");
	run_ms(500);
	expect_subflows(c, "fra par");
	expect_told(1, "prio fra connection=1 backup");
	expect_told(0, "join");
	strcpy(relay_named("fra")->conf, "");
	story_reload("", "");
	run_ms(500);
	expect_told(1, "prio fra connection=1 normal");
}

STORY(reload, carrier_becomes_wireguard)
{
	begin("max-detours = 1", "");
	relay_named("fra")->wireguard = true;
	strcpy(relay_named("fra")->conf, "carrier = wireguard");
	story_reload("max-detours = 1", "");
	run_ms(3000);
	expect_told(1, "close fra");
	run_ms(1000);
	happens(relay_named("par")->omitted = true; relay_named("lon")->omitted = true);
	story_reload("max-detours = 1", "");
	run_ms(3000);
	expect_subflows(c, "wg:fra");
}

STORY(reload, rule_added)
{
	begin("", "");
	story_reload("", "[rule all]\ndestination = 203.0.113.0/24\nrelays = lon\ndetours = 1");
	run_ms(1500);
	expect_subflows(c, "lon");
	expect_told(2, "close");
}

STORY(reload, rule_taken_out)
{
	begin("", "[rule all]\ndestination = 203.0.113.0/24\ndetours = 0");
	expect_subflows(c, "");
	story_reload("", "");
	run_ms(500);
	expect_subflows(c, "fra par");
}

STORY(reload, rule_makes_backup)
{
	begin("", "");
	story_reload("", "[rule all]\ndestination = 203.0.113.0/24\nbackup = yes");
	run_ms(500);
	expect_told(1, "prio fra connection=1 backup");
	expect_told(1, "prio par connection=1 backup");
}

STORY(reload, detour_after)
{
	struct connection *d;

	begin("", "");
	story_reload("detour-after = 3s", "");
	run_ms(500);
	expect_subflows(c, "fra par"); /* it had grown up */
	d = connection_opens();
	run_ms(2500);
	expect_subflows(d, "");
	run_ms(1000);
	expect_subflows(d, "fra par");
}

STORY(reload, detour_after_frees_the_young)
{
	begin("detour-after = 1000s", "");
	expect_subflows(c, "");
	story_reload("", "");
	run_ms(500);
	expect_subflows(c, "fra par");
}

STORY(reload, choose)
{
	begin("choose = order", "");
	story_reload("choose = measured", "");
	run_ms(2000);
	expect_subflows(c, "fra par");
	expect_told(0, "join");
}

STORY(reload, interfaces)
{
	host_link_add("wwan0", "192.0.3.10", 200);
	begin("max-detours = 0", "");
	expect_subflows(c, "");
	story_reload("max-detours = 0\ninterfaces = wwan*", "");
	run_ms(1000);
	expect_subflows(c, "plain:wwan0");
	story_reload("max-detours = 0\ninterfaces = wwan*", "[interface wwan0]\nbackup = yes");
	run_ms(500);
	expect_told(1, "prio plain:wwan0 connection=1 backup");
	story_reload("max-detours = 0", "");
	run_ms(1500);
	expect_subflows(c, "");
	expect(host_leftovers() == 0);
}

STORY(reload, log_level)
{
	begin("log-level = err", "");
	story_reload("log-level = debug", "");
	run_ms(500);
	expect_subflows(c, "fra par");
}

STORY(reload, mptcp)
{
	begin("", "");
	expect_told(0, "mptcpify");
	story_reload("", "[mptcp]\nenable = yes\nuser = 1000");
	run_ms(100);
	expect_told(1, "mptcpify on users=1");
	expect_counter("sockets_made_mptcp", 7);
	story_reload("", "[mptcp]\nenable = no");
	expect_told(1, "mptcpify off");
	story_reload("", "");
	expect_subflows(c, "fra par");
}

STORY(reload, mptcp_where_the_kernel_cannot)
{
	json_t *answer;

	world.mptcpify_error = -ENOENT;
	begin("", "");
	story_reload("", "[mptcp]\nenable = yes");
	run_ms(6000);
	expect_told(1, "warning: [mptcp] has no effect: this kernel has no hook");
	answer = answer_why("203.0.113.5");
	expect(strstr(json_string_value(json_object_get(answer, "mptcp_problem")), "no hook") != NULL);
	json_decref(answer);
	story_reload("", "");
	story_reload("", "[mptcp]\nenable = yes");
	expect_told(2, "warning: [mptcp] has no effect");
}

STORY(reload, private_key_needs_a_restart)
{
	begin("", "");
	story_new_key();
	story_reload_refused("", "");
	run_ms(1000);
	expect_subflows(c, "fra par");
	expect_told(1, "error: private-key-file changed");
}

STORY(reload, control_needs_a_restart)
{
	begin("", "");
	story_reload_refused("control = /tmp/elsewhere", "");
	run_ms(1000);
	expect_subflows(c, "fra par");
}

STORY(reload, tunnel_table_needs_a_restart)
{
	begin("", "");
	story_reload_refused("tunnel-table = 5000", "");
	story_reload_refused("tunnel-priority = 50", "");
	run_ms(1000);
	expect_subflows(c, "fra par");
}

STORY(reload, with_a_weak_key_changes_nothing)
{
	begin("", "");
	happens(relay_named("lon")->weak_key = true);
	story_reload_with_error("max-detours = 3", "");
	run_ms(1000);
	expect_subflows(c, "fra par");
}

STORY(reload, of_what_waits_for_a_lease)
{
	relays_are("fra par");
	happens(relay_named("fra")->late_ms = 800);
	story_begin("max-detours = 1", "");
	c = connection_opens();
	run_ms(100);
	happens(relay_named("fra")->omitted = true);
	story_reload("max-detours = 1", "");
	run_ms(2000);
	expect_subflows(c, "par");
}

STORY(reload, of_a_join_under_way)
{
	relays_are("fra par");
	server->silent = true;
	story_begin("max-detours = 1", "");
	c = connection_opens();
	run_ms(100);
	happens(relay_named("fra")->omitted = true);
	story_reload("max-detours = 1", "");
	happens(server->silent = false);
	run_ms(2000);
	expect_subflows(c, "par");
	expect_told(0, "join fra connection=1 id=2");
}
