/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <jansson.h>

#include "cli/why.h"

/* Of two addresses of a name. A daemon of another version may leave things out. */
Test(why, answers_are_added)
{
	json_t *sum = json_pack("{s:s, s:[i], s:[], s:[i], s:i, s:i}", "server", "x", "connections", 1, "destinations",
				"server_limits", 2, "plain_tcp", 1, "fell_back_open", 0);
	json_t *more = json_pack("{s:s, s:[i, i], s:[i], s:i}", "server", "y", "connections", 3, 4, "destinations", 5,
				 "plain_tcp", 2);
	json_t *expect = json_pack("{s:s, s:[i, i, i], s:[i], s:[i], s:i, s:i}", "server", "x", "connections", 1, 3, 4,
				   "destinations", 5, "server_limits", 2, "plain_tcp", 3, "fell_back_open", 0);

	dt_why_add(sum, more);
	cr_expect(json_equal(sum, expect), "%s", json_dumps(sum, 0));
	json_decref(sum);
	json_decref(more);
	json_decref(expect);
}
