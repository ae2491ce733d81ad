/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/probe.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/probe/reach.h"
#include "cli/probe/way.h"
#include "cli/probe/words.h"
#include "cli/query.h"
#include "cli/server_name.h"
#include "cli/text.h"

#define DEFAULT_PORT 443

static void probe_run(struct dt_probe *p)
{
	struct dt_endpoint local;
	int listening, fd;

	if (!dt_probe_tcp(p))
		return;
	listening = dt_probe_listen(p);
	fd = dt_probe_mptcp(p, &local);
	if (fd >= 0) {
		if (listening >= 0)
			dt_probe_join(p, listening, &local);
		dt_probe_finish(p, fd);
		close(fd);
	} else if (listening >= 0 && p->mptcp != DT_PROBE_UNASKED) {
		dt_probe_trace(p, listening);
	}
	if (listening >= 0)
		close(listening);
}

/* What the client says of it. NULL: *problem, to be freed, says why not. */
static json_t *client_ask(const struct dt_options *options, const struct dt_endpoint *server, char **problem)
{
	char request[sizeof("why ") + DT_ENDPOINT_STRLEN] = "why ";
	size_t len;
	FILE *errors;
	json_t *why;

	*problem = NULL;
	errors = open_memstream(problem, &len);
	if (!errors)
		return NULL;
	dt_endpoint_format(server, request + strlen(request));
	why = dt_query(options, request, errors);
	fclose(errors);
	if (why) {
		dt_text_clean_json(why);
		free(*problem);
		*problem = NULL;
	} else if (*problem) {
		(*problem)[strcspn(*problem, "\n")] = '\0';
	}
	return why;
}

int dt_cli_probe(const struct dt_options *options)
{
	json_t *addresses = json_array(), *answer;
	struct dt_server_addresses all;
	char *problem = NULL;
	bool answers = false;

	if (!dt_server_name_find("probe", options->argument, &all)) {
		json_decref(addresses);
		return 1;
	}
	for (size_t i = 0; i < all.count; i++) {
		struct dt_probe p = {.server = all.at[i]};
		json_t *why;

		if (p.server.port == 0)
			p.server.port = DEFAULT_PORT;
		probe_run(&p);
		answers = answers || p.tcp == DT_PROBE_ANSWERS;
		free(problem);
		why = client_ask(options, &p.server, &problem);
		if (options->json)
			json_array_append_new(addresses, dt_probe_json(&p, why));
		else
			dt_probe_print(&p, why, stdout);
		json_decref(why);
	}
	answer = json_pack("{s:i, s:s, s:o, s:b, s:s}", "version", 1, "server", options->argument, "addresses",
			   addresses, "client", problem == NULL, "client_problem", problem ? problem : "");
	if (options->json && answer) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (problem) {
		printf("the client was not asked: %s\n", problem);
	}
	json_decref(answer);
	free(problem);
	return dt_query_output_done() || !answers;
}
