/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the client has learnt of servers, and cannot change from here. */
#include "cli/doctor/context.h"

/* More would be a list of where people go. */
#define SERVERS_MAX 3

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "?";
}

void dt_doctor_servers(struct dt_doctor *d)
{
	const json_t *limits = json_object_get(d->status, "server_limits");
	const json_t *plain = json_object_get(d->status, "destinations");

	if (d->relay)
		return;
	for (size_t i = 0; i < json_array_size(limits) && i < SERVERS_MAX; i++) {
		const json_t *limit = json_array_get(limits, i);

		dt_finding_add(&d->found, DT_FIND_SERVER_LIMIT, NULL,
			       "%s took %lld additional subflows and refused more", text_of(limit, "remote"),
			       (long long)json_integer_value(json_object_get(limit, "took")));
	}
	for (size_t i = 0; i < json_array_size(plain) && i < SERVERS_MAX; i++)
		dt_finding_add(&d->found, DT_FIND_NO_SERVER_MPTCP, text_of(json_array_get(plain, i), "remote"),
			       "connections with %s stay TCP: %s", text_of(json_array_get(plain, i), "remote"),
			       text_of(json_array_get(plain, i), "why"));
}
