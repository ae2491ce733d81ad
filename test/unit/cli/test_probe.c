/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What detourd probe says of what it found. How it finds it is tested by test/netns/t_probe.sh. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "cli/probe/words.h"

#define YES .tcp = DT_PROBE_ANSWERS, .mptcp = DT_PROBE_YES, .acked = true
#define PLAN(detours, relays, more) \
	"{\"plan\":{\"rule\":\"\",\"detours\":" detours ",\"relays\":" relays ",\"untold\":false," more "}"

static const struct {
	const char *server;
	struct dt_probe p;
	const char *why;  /* JSON; NULL: no client */
	const char *said; /* a part of the text */
} rows[] = {
	{"1.1.1.1:80", {.tcp = DT_PROBE_REFUSED}, NULL, "TCP       refused"},
	{"1.1.1.1:80", {.tcp = DT_PROBE_SILENT}, NULL, "TCP       no answer"},
	{"1.1.1.1:80",
	 {.tcp = DT_PROBE_UNREACHABLE, .tcp_error = 101},
	 NULL,
	 "cannot be reached: Network is unreachable"},
	{"1.1.1.1:80",
	 {.mptcp = DT_PROBE_UNASKED, .mptcp_error = 92},
	 NULL,
	 "this host cannot ask: Protocol not available"},
	{"1.1.1.1:80", {.mptcp = DT_PROBE_DROPPED}, NULL, "something on the way drops them"},
	{"1.1.1.1:80", {.mptcp = DT_PROBE_LOST}, NULL, "strips it from later segments"},
	{"1.1.1.1:80", {YES}, NULL, "nothing strips MPTCP's options, in either direction"},
	{"1.1.1.1:80", {YES}, NULL, "not known without root (CAP_NET_RAW): whether it takes joins, and its C flag"},
	{"1.1.1.1:80", {YES}, NULL, "not asked: its connections would get detours"},
	{"1.1.1.1:80", {.mptcp = DT_PROBE_NO}, NULL, "not asked: connections stay plain TCP; with convert = auto"},
	{"10.0.0.1:80", {YES}, NULL, "no relay is told of private"},
	{"1.1.1.1:80", {YES, .raw = true, .c_flag = true}, NULL, "C flag    set"},
	{"1.1.1.1:80", {YES, .raw = true, .c_flag = true}, NULL, "only if the server announces another address"},
	{"1.1.1.1:80", {YES, .raw = true, .joins = DT_PROBE_RESET}, NULL, "since the server takes no joins"},
	{"1.1.1.1:80", {.mptcp = DT_PROBE_NO, .raw = true, .hops = 3}, NULL, "up to hop 3 nothing strips"},
	{"1.1.1.1:80", {.mptcp = DT_PROBE_NO, .raw = true}, NULL, "no router says what it got"},
	{"1.1.1.1:80",
	 {YES},
	 PLAN("2", "[\"a\",\"b\",\"c\"]", "\"convert\":\"no\"}"),
	 "detourd   its connections get up to 2 detours, over a, b and c\n"},
	{"1.1.1.1:80", {YES}, PLAN("0", "[\"a\"]", "\"convert\":\"no\"}"), "its connections get no detours"},
	{"10.0.0.1:80",
	 {YES},
	 PLAN("1", "[\"a\"]", "\"convert\":\"no\"}"),
	 "its connections get up to 1 detours, over a\n"},
	{"1.1.1.1:80",
	 {.mptcp = DT_PROBE_NO},
	 PLAN("2", "[\"a\"]", "\"convert\":\"no\"}"),
	 "detourd   connections stay plain TCP; with convert"},
	{"1.1.1.1:80",
	 {.mptcp = DT_PROBE_NO},
	 PLAN("2", "[\"a\"]", "\"convert\":\"auto\"}"),
	 "after a first MPTCP connection"},
	{"1.1.1.1:80",
	 {.mptcp = DT_PROBE_NO},
	 PLAN("2", "[\"a\"]", "\"convert\":\"auto\"},\"conversions\":[{\"converter\":\"a\",\"why\":\"\"}]"),
	 "converted by a"},
	{"1.1.1.1:80",
	 {.mptcp = DT_PROBE_NO},
	 PLAN("2", "[\"a\"]", "\"convert\":\"auto\"},\"conversions\":[{\"converter\":\"\",\"why\":\"so\"}]"),
	 "not converted: so"},
	{"1.1.1.1:80", {YES}, "{}", "its connections would get detours"}, /* of another version */
};

Test(probe, words)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *why = rows[i].why ? json_loads(rows[i].why, 0, NULL) : NULL, *json;
		struct dt_probe p = rows[i].p;
		char *said = NULL;
		size_t len;
		FILE *to = open_memstream(&said, &len);

		cr_assert(to && (!rows[i].why || why), "%zu", i);
		cr_assert_eq(dt_endpoint_parse(&p.server, rows[i].server), 0);
		dt_probe_print(&p, why, to);
		fclose(to);
		cr_expect(strstr(said, rows[i].said), "row %zu: %s: %s", i, rows[i].said, said);
		json = dt_probe_json(&p, why);
		cr_expect_str_eq(json_string_value(json_object_get(json, "address")), rows[i].server);
		json_decref(json);
		json_decref(why);
		free(said);
	}
}
