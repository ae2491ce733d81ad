/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the client has learnt of servers, and cannot change from here. */
#include <string.h>

#include "cli/doctor/context.h"

/* More would be a list of where people go. */
#define SERVERS_MAX 3

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "?";
}

/* New connections with it go to a converter: that the server lacks MPTCP is in nobody's way. */
static bool is_converted(const json_t *conversions, const char *server)
{
	const json_t *one;
	size_t i;

	json_array_foreach(conversions, i, one)
		if (strcmp(text_of(one, "remote"), server) == 0)
			return *text_of(one, "converter");
	return false;
}

void dt_doctor_servers(struct dt_doctor *d)
{
	const json_t *limits = json_object_get(d->status, "server_limits");
	const json_t *plain = json_object_get(d->status, "destinations"), *one;
	size_t shown = 0, i;

	if (d->relay)
		return;
	for (i = 0; i < json_array_size(limits) && i < SERVERS_MAX; i++) {
		const json_t *limit = json_array_get(limits, i);

		dt_finding_add(&d->found, DT_FIND_SERVER_LIMIT, NULL,
			       "%s took %lld additional subflows and refused more", text_of(limit, "remote"),
			       (long long)json_integer_value(json_object_get(limit, "took")));
	}
	json_array_foreach(plain, i, one) {
		const char *server = text_of(one, "remote");

		if (shown == SERVERS_MAX || is_converted(json_object_get(d->status, "conversions"), server))
			continue;
		shown++;
		dt_finding_add(&d->found, DT_FIND_NO_SERVER_MPTCP, server, "connections with %s stay TCP: %s", server,
			       text_of(one, "why"));
	}
}
