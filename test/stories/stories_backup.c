/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Detours and interfaces that carry data only while nothing else does. */
#include <string.h>

#include "story.h"

STORY(backup, relay_joins_as_backup)
{
	struct connection *c;

	relays_are("fra par");
	strcpy(relay_named("par")->conf, "backup = yes");
	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	expect_subflows(c, "fra par");
	expect(!subflow(c, "fra")->backup);
	expect(subflow(c, "par")->backup);
	expect_told(1, "join par connection=1 id=2 backup");
	expect_told(0, "prio fra");
	expect_told(1, "prio par connection=1 backup"); /* older kernels say it with the join not */
}

STORY(backup, said_again_until_the_kernel_takes_it)
{
	struct connection *c;

	relays_are("fra");
	world.late_backup = true;
	strcpy(relay_named("fra")->conf, "backup = yes");
	story_begin("", "");
	c = connection_opens();
	run_ms(2000);
	expect_subflows(c, "fra");
	expect_told(1, "prio fra connection=1 backup");
}

STORY(backup, by_rule)
{
	struct connection *c;

	relays_are("fra");
	story_begin("", "[rule all]\ndestination = 203.0.113.0/24\nbackup = yes");
	c = connection_opens();
	run_ms(500);
	expect(subflow(c, "fra")->backup);
}

STORY(backup, status_says_so)
{
	struct connection *c;
	json_t *all, *one;

	relays_are("fra");
	strcpy(relay_named("fra")->conf, "backup = yes");
	story_begin("", "");
	c = connection_opens();
	run_ms(500);
	all = status();
	one = json_array_get(json_object_get(status_of(all, c), "subflows"), 1);
	expect(json_is_true(json_object_get(one, "backup")));
	json_decref(all);
}

STORY(backup, interface)
{
	struct connection *c;

	host_link_add("wwan0", "192.0.3.10", 200);
	story_begin("interfaces = wwan0", "[interface wwan0]\nbackup = yes");
	c = connection_opens();
	run_ms(500);
	expect_subflows(c, "plain:wwan0");
	expect(subflow(c, "plain:wwan0")->backup);
	expect(!subflow(c, "direct")->backup);
}

STORY(backup, initial_subflow_from_a_backup_interface)
{
	struct connection *c;

	host_link_add("wwan0", "192.0.3.10", 50);
	story_begin("interfaces = eth0, wwan0", "[interface wwan0]\nbackup = yes");
	c = connection_opens_from("192.0.3.10", server);
	run_ms(500);
	expect_subflows(c, "plain:eth0");
	expect_told(1, "prio direct connection=1 backup");
	expect(subflow(c, "direct")->backup);
	story_reload("interfaces = eth0, wwan0", "");
	run_ms(500);
	expect(!subflow(c, "direct")->backup);
}
