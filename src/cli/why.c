/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/why.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query.h"
#include "cli/render.h"
#include "cli/server_name.h"
#include "cli/text.h"

/* --- answers ----------------------------------------------------------------------------------- */

void dt_why_add(json_t *sum, const json_t *answer)
{
	static const char *const lists[] = {"connections", "destinations", "server_limits"};
	static const char *const counts[] = {"plain_tcp", "fell_back_open"};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		json_array_extend(json_object_get(sum, lists[i]), json_object_get(answer, lists[i]));
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		json_object_set_new(sum, counts[i],
				    json_integer(json_integer_value(json_object_get(sum, counts[i])) +
						 json_integer_value(json_object_get(answer, counts[i]))));
}

/* About all addresses together; NULL after one line on stderr. */
static json_t *ask(const struct dt_options *options, const struct dt_server_addresses *all)
{
	json_t *sum = NULL, *names = json_array();

	for (size_t i = 0; i < all->count; i++) {
		char text[DT_ENDPOINT_STRLEN], request[sizeof("why ") + DT_ENDPOINT_STRLEN];
		json_t *answer;

		if (all->at[i].port)
			dt_endpoint_format(&all->at[i], text);
		else
			dt_ip_format(&all->at[i].ip, text);
		snprintf(request, sizeof(request), "why %s", text);
		answer = dt_query(options, request, stderr);
		if (!answer) {
			json_decref(sum);
			json_decref(names);
			return NULL;
		}
		json_array_append_new(names, json_string(text));
		if (sum)
			dt_why_add(sum, answer);
		else
			sum = json_incref(answer);
		json_decref(answer);
	}
	if (all->named) {
		json_object_set_new(sum, "server", json_string(options->argument));
		json_object_set(sum, "addresses", names);
	}
	json_decref(names);
	return sum;
}

int dt_cli_why(const struct dt_options *options)
{
	struct dt_server_addresses all;
	json_t *answer;

	if (!dt_server_name_find("why", options->argument, &all))
		return 1;
	answer = ask(options, &all);
	if (!answer)
		return 1;
	if (options->json) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		dt_text_clean_json(answer);
		dt_render_why(answer, stdout);
	}
	json_decref(answer);
	return dt_query_output_done();
}
