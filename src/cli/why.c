/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/why.h"

#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query.h"
#include "cli/render.h"
#include "cli/text.h"

/* --- the server's addresses -------------------------------------------------------------------- */

struct addresses {
	struct dt_endpoint at[DT_WHY_ADDRESSES_MAX]; /* port 0: any */
	size_t count;
	bool named; /* by a host name */
};

bool dt_why_host_parse(const char *text, char host[DT_WHY_HOST_MAX], uint16_t *port)
{
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	unsigned long number;
	char *end;

	if (len == 0 || len >= DT_WHY_HOST_MAX)
		return false;
	*port = 0;
	if (colon) {
		number = strtoul(colon + 1, &end, 10);
		if (!isdigit((unsigned char)colon[1]) || *end || number < 1 || number > UINT16_MAX)
			return false;
		*port = (uint16_t)number;
	}
	memcpy(host, text, len);
	host[len] = '\0';
	return true;
}

static void address_add(struct addresses *all, const struct sockaddr *sa, uint16_t port)
{
	struct dt_endpoint e;

	if (all->count == DT_WHY_ADDRESSES_MAX || dt_endpoint_from_sockaddr(&e, sa) < 0)
		return;
	e.port = port;
	for (size_t i = 0; i < all->count; i++)
		if (dt_endpoint_equal(&all->at[i], &e))
			return;
	all->at[all->count++] = e;
}

/* False after one line on stderr. */
static bool addresses_find(const char *text, struct addresses *out)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found, *item;
	char host[DT_WHY_HOST_MAX];
	uint16_t port;
	int err;

	*out = (struct addresses){.count = 1};
	if (dt_endpoint_parse(&out->at[0], text) == 0 || dt_ip_parse(&out->at[0].ip, text) == 0)
		return true;
	*out = (struct addresses){.named = true};
	if (!dt_why_host_parse(text, host, &port)) {
		fprintf(stderr,
			"detourd: why %s: neither HOST nor HOST:PORT (IPv6 addresses with a port in brackets)\n", text);
		return false;
	}
	err = getaddrinfo(host, NULL, &hints, &found);
	if (err) {
		fprintf(stderr, "detourd: why %s: %s\n", text, gai_strerror(err));
		return false;
	}
	for (item = found; item; item = item->ai_next)
		address_add(out, item->ai_addr, port);
	freeaddrinfo(found);
	if (out->count == 0)
		fprintf(stderr, "detourd: why %s: it has no IP address\n", text);
	return out->count > 0;
}

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
static json_t *ask(const struct dt_options *options, const struct addresses *all)
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
	struct addresses all;
	json_t *answer;

	if (!addresses_find(options->argument, &all))
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
