/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the running relay was asked for, and refused. */
#include <string.h>

#include "cli/doctor/context.h"

static long long counter(const struct dt_doctor *d, const char *name)
{
	return json_integer_value(json_object_get(json_object_get(d->status, "counters"), name));
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "?";
}

static void check_strangers(struct dt_doctor *d)
{
	const json_t *strangers = json_object_get(d->status, "unknown_keys"), *stranger;
	size_t i;

	json_array_foreach(strangers, i, stranger)
		dt_finding_add(
			&d->found, DT_FIND_STRANGERS, d->config_path,
			"%s asks with key id %s, which no client of this relay has (%lld times, last %lld s ago)",
			text_of(stranger, "from"), text_of(stranger, "key_id"),
			(long long)json_integer_value(json_object_get(stranger, "count")),
			(long long)json_integer_value(json_object_get(stranger, "age_s")));
	if (json_array_size(strangers) == 0)
		dt_finding_fine(&d->found, "strangers", "no request with an unknown key lately");
}

void dt_doctor_requests(struct dt_doctor *d)
{
	long long denied;

	if (!d->status || !d->relay)
		return;
	check_strangers(d);
	denied = counter(d, "denied_destination");
	if (denied)
		dt_finding_add(&d->found, DT_FIND_DENIED_DESTINATION, NULL,
			       "%lld requests for destinations that are denied", denied);
	denied = counter(d, "denied_quota");
	if (denied)
		dt_finding_add(&d->found, DT_FIND_DENIED_QUOTA, NULL,
			       "%lld leases or flows refused, because a limit of leases or flows was reached", denied);
	denied = counter(d, "denied_no_port");
	if (denied)
		dt_finding_add(&d->found, DT_FIND_DENIED_NO_PORT, NULL, "%lld leases refused for want of a port",
			       denied);
}
