/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The doctor's table of findings, and what it makes of a ruleset of nftables. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "cli/doctor/finding.h"
#include "cli/doctor/nft.h"

Test(doctor, every_finding_says_all)
{
	for (int i = 0; i < DT_FINDINGS; i++) {
		const struct dt_finding_kind *k = &dt_finding_kinds[i];

		cr_assert(k->id && *k->id && k->check && *k->check && k->why && *k->why && k->remedy && *k->remedy,
			  "finding %d", i);
		cr_assert(k->severity > DT_FINE && k->severity < DT_SEVERITIES, "%s", k->id);
		for (int j = 0; j < i; j++)
			cr_assert(strcmp(dt_finding_kinds[j].id, k->id) != 0, "%s is there twice", k->id);
	}
}

Test(doctor, remedies_are_filled_in_and_findings_told_once)
{
	struct dt_findings f;
	const char *remedy;

	dt_findings_init(&f);
	dt_finding_add(&f, DT_FIND_DAEMON_KILLED, "detourd", "gone: %d", 1);
	dt_finding_add(&f, DT_FIND_DAEMON_KILLED, "detourd", "gone: %d", 1);
	dt_finding_add(&f, DT_FIND_DAEMON_KILLED, "detourd", "g\xc3\xb6ne\n");
	cr_assert(json_array_size(f.list) == 2);
	cr_assert(f.count[DT_ERROR] == 2);
	remedy = json_string_value(json_object_get(json_array_get(f.list, 0), "remedy"));
	cr_assert_str_eq(remedy, "systemctl restart detourd; journalctl -u detourd says why it ended");
	cr_assert_str_eq(json_string_value(json_object_get(json_array_get(f.list, 1), "what")), "g??ne?");
	dt_findings_fini(&f);
}

/* --- nftables ---------------------------------------------------------------------------------- */

#define MATCH(left, right) "{\"match\":{\"op\":\"==\",\"left\":" left ",\"right\":" right "}}"
#define DPORT(protocol, right) MATCH("{\"payload\":{\"protocol\":\"" protocol "\",\"field\":\"dport\"}}", right)
#define SADDR(right) MATCH("{\"payload\":{\"protocol\":\"ip\",\"field\":\"saddr\"}}", right)
#define STATES(states) "{\"match\":{\"op\":\"in\",\"left\":{\"ct\":{\"key\":\"state\"}},\"right\":[" states "]}}"
#define IIF(name) MATCH("{\"meta\":{\"key\":\"iifname\"}}", "\"" name "\"")
#define DROP "{\"drop\":null}"
#define ACCEPT "{\"accept\":null}"
#define JUMP "{\"jump\":{\"target\":\"other\"}}"
/* one rule of the chain under test, and one of a chain that it may jump to */
#define RULE(handle, expr) \
	",{\"rule\":{\"family\":\"inet\",\"table\":\"t\",\"chain\":\"c\",\"handle\":" #handle ",\"expr\":[" expr "]}}"
#define OTHER(handle, expr)                                                                                          \
	",{\"rule\":{\"family\":\"inet\",\"table\":\"t\",\"chain\":\"other\",\"handle\":" #handle ",\"expr\":[" expr \
	"]}}"

Test(doctor, nft_drops_what_is_certain)
{
	/* a new request to UDP port 45672 that came in by eth0 from 192.0.2.2; >0: the rule that drops it, 0: policy, -1: none */
	static const struct {
		const char *what, *policy, *hook, *rules;
		long long dropped_by;
	} rows[] = {
		{"no rule", "accept", "input", "", -1},
		{"policy", "drop", "input", "", 0},
		{"another hook", "drop", "forward", "", -1},
		{"port", "accept", "input", RULE(4, DPORT("udp", "45672") "," DROP), 4},
		{"another port", "accept", "input", RULE(4, DPORT("udp", "53") "," DROP), -1},
		{"another protocol", "accept", "input", RULE(4, DPORT("tcp", "45672") "," DROP), -1},
		{"range", "accept", "input", RULE(4, DPORT("udp", "{\"range\":[40000,50000]}") "," DROP), 4},
		{"set", "accept", "input", RULE(4, DPORT("udp", "{\"set\":[53,45672]}") "," DROP), 4},
		{"named set", "accept", "input", RULE(4, DPORT("udp", "\"@ports\"") "," DROP), -1},
		{"reject", "accept", "input", RULE(4, "{\"reject\":{\"type\":\"icmpx\"}}"), 4},
		{"accepted before", "drop", "input", RULE(4, DPORT("udp", "45672") "," ACCEPT) RULE(5, DROP), -1},
		{"lo only", "drop", "input", RULE(4, IIF("lo") "," ACCEPT), 0},
		{"this interface", "drop", "input", RULE(4, IIF("eth0") "," ACCEPT), -1},
		{"another interface", "drop", "input", RULE(4, IIF("eth1") "," ACCEPT), 0},
		{"established only", "drop", "input", RULE(4, STATES("\"established\",\"related\"") "," ACCEPT), 0},
		{"new", "drop", "input", RULE(4, STATES("\"new\"") "," ACCEPT), -1},
		{"its address", "accept", "input", RULE(4, SADDR("\"192.0.2.2\"") "," DROP), 4},
		{"its network", "accept", "input",
		 RULE(4, SADDR("{\"prefix\":{\"addr\":\"192.0.2.0\",\"len\":24}}") "," DROP), 4},
		{"another network", "accept", "input",
		 RULE(4, SADDR("{\"prefix\":{\"addr\":\"10.0.0.0\",\"len\":8}}") "," DROP), -1},
		{"not understood", "drop", "input",
		 RULE(4, MATCH("{\"osf\":{\"key\":\"name\"}}", "\"Linux\"") "," ACCEPT), -1},
		{"a limited drop", "accept", "input", RULE(4, "{\"limit\":{\"rate\":1}}," DROP), -1},
		{"a jump that drops", "accept", "input", RULE(4, JUMP) OTHER(9, DPORT("udp", "45672") "," DROP), 9},
		{"a jump that goes on", "drop", "input", RULE(4, JUMP) OTHER(9, DPORT("udp", "53") "," DROP), 0},
		{"a jump that accepts", "drop", "input", RULE(4, JUMP) OTHER(9, ACCEPT), -1},
		{"a jump to itself", "drop", "input", RULE(4, JUMP) OTHER(9, JUMP), -1},
		{"a return", "drop", "input", RULE(4, JUMP) RULE(5, ACCEPT) OTHER(9, "{\"return\":null}"), -1},
		{"a map", "drop", "input",
		 RULE(4, "{\"vmap\":{\"key\":{\"ct\":{\"key\":\"state\"}},\"data\":{\"set\":[[\"new\"," DROP "]]}}}")
			 RULE(5, ACCEPT),
		 4},
		{"a map for others", "drop", "input",
		 RULE(4, "{\"vmap\":{\"key\":{\"ct\":{\"key\":\"state\"}},\"data\":{\"set\":[[\"established\"," ACCEPT
			 "]]}}}"),
		 0},
		{"counted only", "accept", "input", RULE(4, DPORT("udp", "45672") ",{\"counter\":{\"packets\":0}}"),
		 -1},
	};
	struct dt_nft_packet packet = {
		.incoming = true, .protocol = "udp", .state = "new", .interface = "eth0", .family = 4};

	packet.destination_port = 45672;
	dt_ip_parse(&packet.source, "192.0.2.2");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dt_nft_drop drop;
		char text[4096];
		json_t *ruleset;
		bool drops;

		snprintf(text, sizeof(text),
			 "{\"nftables\":[{\"chain\":{\"family\":\"inet\",\"table\":\"t\",\"name\":\"c\",\"type\":"
			 "\"filter\",\"hook\":"
			 "\"%s\",\"policy\":\"%s\"}},{\"chain\":{\"family\":\"inet\",\"table\":\"t\",\"name\":"
			 "\"other\"}}%s]}",
			 rows[i].hook, rows[i].policy, rows[i].rules);
		ruleset = json_loads(text, 0, NULL);
		cr_assert_not_null(ruleset, "%s: %s", rows[i].what, text);
		drops = dt_nft_drops(ruleset, &packet, &drop);
		cr_assert_eq(drops, rows[i].dropped_by >= 0, "%s", rows[i].what);
		if (drops) {
			cr_assert_eq(drop.rule, rows[i].dropped_by, "%s: %lld", rows[i].what, drop.rule);
			cr_assert_str_eq(drop.chain, "inet t c", "%s", rows[i].what);
		}
		json_decref(ruleset);
	}
}
