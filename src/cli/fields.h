/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Members of the daemons' answers. The daemon may be older or newer: what is missing reads as nothing. */
#ifndef DETOURD_CLI_FIELDS_H
#define DETOURD_CLI_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* "?" where there is no such text. */
static inline const char *dt_field_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "?";
}

/* "" where there is none. */
static inline const char *dt_field_text_if_any(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* 0 where there is none. */
static inline json_int_t dt_field_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* What cannot be below 0; 0 where there is none. */
static inline uint64_t dt_field_count(const json_t *object, const char *key)
{
	json_int_t value = dt_field_number(object, key);

	return value > 0 ? (uint64_t)value : 0;
}

static inline bool dt_field_is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* Of an integer, too; 0 where there is none. */
static inline double dt_field_real(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

/* What an event went by: the relay, a subflow's way over none, at a relay the client; "" where it has none of these. */
static inline const char *dt_event_way(const json_t *event)
{
	static const char *const keys[] = {"relay", "via", "client"};

	for (int i = 0; i < 3; i++)
		if (json_object_get(event, keys[i]))
			return dt_field_text(event, keys[i]);
	return "";
}

#endif
