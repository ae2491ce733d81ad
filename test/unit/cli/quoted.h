/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON in C strings without backslashes. */
#ifndef DETOURD_TEST_CLI_QUOTED_H
#define DETOURD_TEST_CLI_QUOTED_H

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* JSON with single quotes; the caller's to release. */
static inline json_t *parsed(const char *text)
{
	char *copy = strdup(text);
	json_t *json;

	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	json = json_loads(copy, 0, NULL);
	free(copy);
	cr_assert(json, "not JSON: %s", text);
	return json;
}

#endif
