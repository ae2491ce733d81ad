/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Servers without MPTCP: which new connections are led to a converter, and when they are not. */
#include <string.h>

#include "story.h"

#define PLAIN "203.0.113.9:80"
#define CONVERTER "198.51.100.1:50000"

static struct dt_endpoint plain;

/* Relay fra converts, par does not. */
static struct relay *converter_is(const char *client, const char *rest)
{
	struct relay *fra = relays_are("fra par");

	dt_endpoint_parse(&plain, PLAIN);
	fra->converter = true;
	story_begin(client, rest);
	run_ms(3000);
	return fra;
}

/* Why new connections to the server are direct. */
static bool is_direct_because(const char *why)
{
	json_t *all = answer_why(PLAIN), *one = json_array_get(json_object_get(all, "conversions"), 0);
	bool is = one && strcmp(json_string_value(json_object_get(one, "why")), why) == 0;

	json_decref(all);
	return is;
}

static void falls_back(void)
{
	track_fallback(&plain, DT_SUBFLOW_FELL_BACK);
}

STORY(convert, off_by_default)
{
	struct relay *fra = converter_is("", "");

	falls_back();
	run_ms(5000);
	expect(converts(PLAIN, NULL));
	expect(fra->converts_asked == 0);
	expect_told(0, "convert");
}

STORY(convert, a_server_without_mptcp_is_learned)
{
	struct relay *fra = converter_is("convert = auto", "");

	expect_told(1, "convert opened");
	expect(converts(PLAIN, NULL));
	falls_back();
	run_ms(500);
	expect(converts(PLAIN, CONVERTER));
	expect(fra->converts_asked == 1);
	expect(relay_named("par")->converts_asked == 0); /* it says that it does not */
}

STORY(convert, lost_syns_are_no_reason)
{
	converter_is("convert = auto", "");
	track_fallback(&plain, DT_SUBFLOW_FELL_BACK_SYN_LOST);
	track_fallback(&plain, DT_SUBFLOW_FELL_BACK_DISABLED);
	run_ms(2000);
	expect(converts(PLAIN, NULL));
}

STORY(convert, always_means_servers_with_mptcp_too)
{
	converter_is("convert = always", "");
	connection_opens();
	run_ms(1000);
	expect(converts("203.0.113.5:443", CONVERTER));
}

STORY(convert, auto_does_not)
{
	converter_is("convert = auto", "");
	connection_opens();
	run_ms(2000);
	expect(converts("203.0.113.5:443", NULL));
}

STORY(convert, status_shows_the_server)
{
	struct server *at_relay;
	struct connection *c;
	json_t *all, *one;

	converter_is("convert = auto", "");
	falls_back();
	run_ms(500);
	at_relay = server_add(CONVERTER);
	c = connection_opens_to(at_relay);
	run_ms(2000);
	expect_subflows(c, "par"); /* fra makes no detour to itself */
	expect_why(c, "converted by fra");
	expect_counter("converted", 1);
	all = status();
	one = status_of(all, c);
	expect(strcmp(json_string_value(json_object_get(one, "remote")), PLAIN) == 0);
	expect(strcmp(json_string_value(json_object_get(one, "converter")), "fra") == 0);
	expect(strcmp(json_string_value(json_object_get(one, "converter_address")), CONVERTER) == 0);
	json_decref(all);
	all = answer_why(PLAIN);
	expect(json_array_size(json_object_get(all, "connections")) == 1);
	expect(json_array_size(json_object_get(all, "conversions")) == 1);
	json_decref(all);
}

STORY(convert, a_dead_relay_means_direct)
{
	struct relay *fra = converter_is("convert = auto", "");

	falls_back();
	run_ms(500);
	happens(fra->dark = true);
	run_ms(9000);
	expect(converts(PLAIN, NULL));
	expect(is_direct_because("fra is down")); /* and not that par, which is up, converts nothing */
	happens(fra->dark = false);
	run_ms(4000);
	expect(converts(PLAIN, CONVERTER));
}

STORY(convert, a_relay_that_drains_says_so)
{
	struct relay *fra = converter_is("convert = auto", "");

	falls_back();
	run_ms(500);
	happens(fra->draining = true);
	happens(fra->converter = false);
	run_ms(4000);
	expect(converts(PLAIN, NULL));
	expect(is_direct_because("fra is draining"));
}

STORY(convert, a_relay_that_stops_converting_means_direct)
{
	struct relay *fra = converter_is("convert = auto", "");

	falls_back();
	run_ms(500);
	happens(fra->converter = false);
	run_ms(4000); /* its next answer to a PING says so */
	expect(converts(PLAIN, NULL));
	expect(is_direct_because("the relay converts nothing for this client (its owner can set convert = yes)"));
}

STORY(convert, a_server_that_the_relay_does_not_reach)
{
	struct relay *fra = converter_is("convert = auto", "");
	struct connection *c;

	falls_back();
	run_ms(2000);
	happens(fra->outcome = DT_CONVERT_UNREACHABLE);
	c = connection_opens_to(server_add(CONVERTER));
	run_ms(500);
	track_note(subflow(c, "direct"), DT_SUBFLOW_CLOSED);
	run_ms(2500);
	expect(converts(PLAIN, NULL));
	happens(fra->outcome = DT_CONVERT_UNKNOWN);
	run_ms(60000);
	expect(converts(PLAIN, NULL)); /* not at once */
}

STORY(convert, at_the_relays_limit_new_ones_are_direct_for_a_while)
{
	struct relay *fra = converter_is("convert = auto", "");
	json_t *all, *why;

	falls_back();
	run_ms(2000);
	expect(converts(PLAIN, CONVERTER));
	happens(fra->limited = true);
	run_ms(3500); /* its next answer to a PING says so */
	expect(converts(PLAIN, NULL));
	all = answer_why(PLAIN);
	why = json_object_get(json_array_get(json_object_get(all, "conversions"), 0), "why");
	expect(strcmp(json_string_value(why), "max-flows at the relay is reached") == 0);
	json_decref(all);
	run_ms(60000);
	expect(converts(PLAIN, NULL)); /* as long as it says so */
	happens(fra->limited = false);
	run_ms(20000);
	expect(converts(PLAIN, NULL)); /* not at once */
	run_ms(15000);
	expect(converts(PLAIN, CONVERTER));
}

STORY(convert, at_a_relays_limit_another_one_converts)
{
	struct relay *fra = converter_is("convert = auto", "");

	happens(relay_named("par")->converter = true);
	run_ms(3000);
	falls_back();
	run_ms(2000);
	expect(converts(PLAIN, CONVERTER));
	happens(fra->limited = true);
	run_ms(5000);
	expect(!converts(PLAIN, CONVERTER) && !converts(PLAIN, NULL));
}

STORY(convert, a_lease_is_kept_and_the_server_asked_again_after_an_hour)
{
	struct relay *fra = converter_is("convert = auto", "");

	fra->lifetime_s = 60;
	falls_back();
	for (int minute = 0; minute < 59; minute++) {
		falls_back(); /* somebody uses it: a socket that is bound, say */
		run_ms(60000);
		expect(converts(PLAIN, CONVERTER));
	}
	expect(fra->converts_asked > 59);
	run_ms(70000);
	expect(converts(PLAIN, NULL));
}

STORY(convert, rules)
{
	converter_is("", "[rule a]\ndestination = 203.0.113.9/32\nport = 80\nconvert = auto\n");
	falls_back();
	run_ms(1000);
	expect(converts(PLAIN, CONVERTER));
	story_reload("", "");
	run_ms(1000);
	expect(converts(PLAIN, NULL));
}

STORY(convert, a_rule_for_some_program_is_not_overruled)
{
	converter_is("convert = auto", "[rule a]\nprogram = ssh\nconvert = no\n");
	falls_back();
	run_ms(1000);
	expect(converts(PLAIN, NULL));
}

STORY(convert, other_relays_of_a_rule)
{
	struct relay *par;

	converter_is("", "[rule a]\ndestination = 203.0.113.0/24\nconvert = auto\nrelays = par\n");
	par = relay_named("par");
	falls_back();
	run_ms(3000);
	expect(converts(PLAIN, NULL));
	par->converter = true;
	run_ms(4000);
	expect(converts(PLAIN, "198.51.100.2:50000"));
}

STORY(convert, not_on_this_kernel)
{
	world.convert_error = -EPERM;
	converter_is("convert = auto", "");
	falls_back();
	run_ms(3000);
	expect(converts(PLAIN, NULL));
}

/* A plain connection that moves so much for some seconds, before any is converted. */
static void plain_transfer(uint64_t bps)
{
	struct connection *c = connection_opens_to(server_add(PLAIN));

	track_fallback_of(subflow(c, "direct"));
	flows(c, "direct", bps, 0);
	run_ms(6000);
	flows(c, "direct", 0, 0);
	run_ms(3000);
}

static void converted_transfer(uint64_t bps)
{
	struct connection *c = connection_opens_to(server_add(CONVERTER));

	flows(c, "direct", bps, 0);
	run_ms(8000);
	flows(c, "direct", 0, 0);
	run_ms(3000);
}

STORY(convert, slower_than_direct_means_direct_for_a_while)
{
	converter_is("convert = auto\nmax-detours = 0", "");
	plain_transfer(20000000);
	expect(converts(PLAIN, CONVERTER));
	converted_transfer(4000000);
	expect(converts(PLAIN, NULL));
	run_ms(620000);
	expect(converts(PLAIN, CONVERTER));
}

STORY(convert, faster_than_direct_stays)
{
	converter_is("convert = auto\nmax-detours = 0", "");
	plain_transfer(20000000);
	converted_transfer(38000000);
	expect(converts(PLAIN, CONVERTER));
}

STORY(convert, always_asks_not_whether_it_pays)
{
	converter_is("convert = always\nmax-detours = 0", "");
	plain_transfer(20000000);
	converted_transfer(4000000);
	expect(converts(PLAIN, CONVERTER));
}

STORY(convert, a_converter_of_the_other_family)
{
	converter_is("convert = auto", "");
	dt_endpoint_parse(&plain, "[2001:db8:7::9]:80");
	falls_back();
	run_ms(1000);
	expect(converts("[2001:db8:7::9]:80", CONVERTER));
}
