/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "pm/decide/rules.h"

static const char text[] =
	"[client]\n"
	"private-key-file = /k\n"
	"max-detours = 3\n"
	"[relay a]\nendpoint = 198.51.100.1:45672\npublic-key = CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	"[relay b]\nendpoint = 198.51.100.2:45672\npublic-key = AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	"[rule first]\ndestination = 203.0.113.0/24\nport = 443, 8000-8999\ndetours = 1\nrelays = b\n"
	"[rule second]\ndestination = 203.0.113.0/25, 2001:db8::/32\ndetours = 0\n"
	"[rule third]\nport = 22\nrelays = b, a\n";

Test(rules, first_match_wins)
{
	static const struct {
		const char *remote;
		const char *rule; /* NULL: none matches */
		unsigned detours;
		size_t nrelays;
	} rows[] = {
		{"203.0.113.5:443", .rule = "first", .detours = 1, .nrelays = 1},
		{"203.0.113.200:8500", .rule = "first", .detours = 1, .nrelays = 1},
		{"203.0.113.5:80", .rule = "second", .detours = 0, .nrelays = 2},
		{"203.0.113.200:80", .rule = NULL, .detours = 0, .nrelays = 2},
		{"203.0.113.200:22", .rule = "third", .detours = 0, .nrelays = 2},
		{"8.8.8.8:22", .rule = "third", .detours = 3, .nrelays = 2},
		{"203.0.113.5:22", .rule = "second", .detours = 0, .nrelays = 2},
		{"[2001:db8::1]:443", .rule = "second", .detours = 0, .nrelays = 2},
		{"[2001:db9::1]:443", .rule = NULL, .detours = 3, .nrelays = 2},
		{"[2001:db9::1]:22", .rule = "third", .detours = 3, .nrelays = 2},
		{"8.8.8.8:9000", .rule = NULL, .detours = 3, .nrelays = 2},
	};
	struct dt_client_config *config = NULL;

	cr_assert_eq(dt_client_config_parse(&config, "t", text, strlen(text), stderr), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dt_endpoint remote;
		struct dt_plan plan;

		dt_endpoint_parse(&remote, rows[i].remote);
		plan = dt_rules_plan(config, &remote, NULL);
		cr_assert_eq(plan.detours, rows[i].detours, "%s: %u detours", rows[i].remote, plan.detours);
		cr_assert_eq(plan.nrelays, rows[i].nrelays, "%s: %zu relays", rows[i].remote, plan.nrelays);
		if (rows[i].rule)
			cr_assert_str_eq(plan.rule->name, rows[i].rule, "%s", rows[i].remote);
		else
			cr_assert_null(plan.rule);
	}
	struct dt_endpoint remote;
	struct dt_plan plan;

	dt_endpoint_parse(&remote, "8.8.8.8:22");
	plan = dt_rules_plan(config, &remote, NULL);
	cr_assert(plan.relays && plan.relays[0] == 1 && plan.relays[1] == 0, "in the order that the rule names them");
	dt_client_config_free(config);
}

/* A special-purpose destination is told to relays only if the rule that applies names one. */
Test(rules, private_destinations)
{
	static const char rules[] = "[client]\nprivate-key-file = /k\n"
				    "[rule ssh]\nport = 22\n"
				    "[rule office]\ndestination = 10.1.0.0/16, 2001:db8::/32\n"
				    "[rule all]\ndestination = 0.0.0.0/0, 8.0.0.0/5, ::/0\n";
	static const struct {
		const char *remote;
		bool untold;
	} rows[] = {
		{"10.1.2.3:443", false},	{"10.1.2.3:22", true},	  {"10.2.2.3:443", true},
		{"192.168.1.1:443", true},	{"100.64.1.1:443", true}, {"8.8.8.8:443", false},
		{"[2001:db8::1]:443", false},	{"[fd00::1]:443", true},  {"[2001:db9::1]:22", false},
		{"[64:ff9b::808:808]:1", true}, {"169.254.1.1:80", true},
	};
	struct dt_client_config *config = NULL;

	cr_assert_eq(dt_client_config_parse(&config, "t", rules, strlen(rules), stderr), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dt_endpoint remote;
		struct dt_plan plan;

		dt_endpoint_parse(&remote, rows[i].remote);
		plan = dt_rules_plan(config, &remote, NULL);
		cr_expect_eq(plan.untold, rows[i].untold, "%s", rows[i].remote);
		cr_expect_eq(plan.detours, rows[i].untold ? 0 : DT_MAX_DETOURS_DEFAULT, "%s", rows[i].remote);
	}
	dt_client_config_free(config);
}

Test(rules, who_opened_the_connection)
{
	static const char who[] = "[client]\nprivate-key-file = /k\n"
				  "[rule a]\nuser = 7, 8\nprogram = curl\n"
				  "[rule b]\ncgroup = /x/y, user-1000.slice\n"
				  "[rule c]\nprogram = fifteen-bytes15\ndetour-after = 2s, 1MB\n";
	static const struct {
		struct dt_origin origin;
		const char *rule; /* NULL: none matches */
	} rows[] = {
		{{.uid = 7, .program = "curl"}, "a"},
		{{.uid = 7, .program = "curly"}, NULL},
		{{.uid = 9, .program = "curl"}, NULL},
		{{.uid = 8, .program = "wget", .ncgroups = 3, .cgroups = {1, 70, 71}}, "b"},
		{{.ncgroups = 2, .cgroups = {1, 80}}, "b"},
		{{.ncgroups = 1, .cgroups = {1, 80}}, NULL},
		{{.ncgroups = 0}, NULL},
		{{.program = "fifteen-bytes15"}, "c"},
	};
	struct dt_client_config *config = NULL;
	struct dt_endpoint remote;
	struct dt_plan plan;

	cr_assert_eq(dt_client_config_parse(&config, "t", who, strlen(who), stderr), 0);
	cr_assert_str_eq(config->rules[1].who.cgroups[1].path, "/user.slice/user-1000.slice");
	config->rules[1].who.cgroups[0].id = 70; /* /x/y */
	config->rules[1].who.cgroups[1].id = 80; /* user-1000.slice */
	dt_endpoint_parse(&remote, "203.0.113.5:443");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		plan = dt_rules_plan(config, &remote, &rows[i].origin);
		if (rows[i].rule)
			cr_assert(plan.rule && strcmp(plan.rule->name, rows[i].rule) == 0, "row %zu", i);
		else
			cr_assert_null(plan.rule, "row %zu", i);
	}
	cr_assert(plan.after.ms == 2000 && plan.after.bytes == 1000000);
	cr_assert_null(dt_rules_plan(config, &remote, NULL).rule, "an unknown origin is in no list");
	cr_assert_eq(dt_rules_plan(config, &remote, NULL).after.ms, DT_DETOUR_AFTER_MS_DEFAULT);
	dt_client_config_free(config);
}
