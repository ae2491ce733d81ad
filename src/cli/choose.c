/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/choose.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/fields.h"
#include "cli/users.h"

/* --- order ------------------------------------------------------------------------------------- */

/* What is largest comes first; of texts, what is first in the alphabet. */
struct dt_choose_key {
	const char *name;
	double (*value)(const json_t *item); /* NULL: a text */
	const char *field;		     /* of a text */
};

static double rate(const json_t *item)
{
	return dt_field_real(item, "receive_bps") + dt_field_real(item, "send_bps");
}

static double down(const json_t *item)
{
	return dt_field_real(item, "receive_bps");
}

static double up(const json_t *item)
{
	return dt_field_real(item, "send_bps");
}

static double age(const json_t *item)
{
	return dt_field_real(item, "age_s");
}

static double gain(const json_t *item)
{
	const json_t *of = json_object_get(item, "gain");

	return dt_field_is_true(of, "known") ? dt_field_real(of, "percent") : -1e9;
}

/* The first is the default. */
static const struct dt_choose_key keys[] = {
	{"rate", rate, NULL}, {"down", down, NULL},	    {"up", up, NULL},		{"age", age, NULL},
	{"gain", gain, NULL}, {"program", NULL, "program"}, {"server", NULL, "remote"}, {"name", NULL, "name"},
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

const char *dt_choose_sort_name(const struct dt_choose *c)
{
	return c->sort->name;
}

/* Of what a relay's clients have, or connections. */
static bool is_key_of(const struct dt_choose_key *key, bool relay)
{
	bool has_rate = key->value == rate || key->value == down || key->value == up;

	return has_rate || (relay == (strcmp(key->name, "name") == 0));
}

void dt_choose_sort_next(struct dt_choose *c, bool relay)
{
	do {
		c->sort = c->sort + 1 < keys + KEYS ? c->sort + 1 : keys;
	} while (!is_key_of(c->sort, relay));
}

struct item {
	json_t *json;
	size_t at; /* where it was: so that what is equal keeps its order */
	double value;
	const char *text;
};

static int compare(const void *left, const void *right)
{
	const struct item *a = left, *b = right;
	int by_text = a->text ? strcmp(a->text, b->text) : 0;

	if (by_text)
		return by_text;
	if (a->value != b->value)
		return a->value > b->value ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

/* --- filters ----------------------------------------------------------------------------------- */

static bool goes_via(const json_t *connection, const char *via)
{
	json_t *subflow;
	size_t i;

	if (strcmp(dt_field_text_if_any(connection, "converter"), via) == 0)
		return true;
	json_array_foreach(json_object_get(connection, "subflows"), i, subflow)
		if (strcmp(dt_field_text(subflow, "via"), via) == 0)
			return true;
	return false;
}

static bool passes(const struct dt_choose *c, const json_t *connection)
{
	struct dt_endpoint server;

	if (c->program && strcmp(dt_field_text_if_any(connection, "program"), c->program) != 0)
		return false;
	if (c->via && !goes_via(connection, c->via))
		return false;
	if (c->by_user && (!json_is_integer(json_object_get(connection, "uid")) ||
			   dt_field_number(connection, "uid") != (json_int_t)c->uid))
		return false;
	if (!c->by_server)
		return true;
	return dt_endpoint_parse(&server, dt_field_text(connection, "remote")) == 0 &&
	       dt_prefix_contains(&c->server, &server.ip) && (!c->port || c->port == server.port);
}

bool dt_choose_filters(const struct dt_choose *c)
{
	return c->program || c->via || c->by_user || c->by_server;
}

bool dt_choose_is_by_rate(const struct dt_choose *c)
{
	return c->sort == &keys[0] && !dt_choose_filters(c);
}

json_t *dt_choose(const struct dt_choose *c, const json_t *list, bool relay)
{
	struct item *items = calloc(json_array_size(list) + 1, sizeof(*items));
	json_t *chosen = json_array(), *json;
	size_t i, count = 0;

	if (!items || !chosen)
		dt_memory_exhausted("a list");
	json_array_foreach(list, i, json) {
		if (!json_is_object(json) || (!relay && !passes(c, json)))
			continue;
		items[count].json = json;
		items[count].at = i;
		if (c->sort->value)
			items[count].value = c->sort->value(json);
		else
			items[count].text = dt_field_text(json, c->sort->field);
		count++;
	}
	qsort(items, count, sizeof(*items), compare);
	for (i = 0; i < count; i++)
		json_array_append(chosen, items[i].json);
	free(items);
	return chosen;
}

/* --- the command line -------------------------------------------------------------------------- */

static int complain(FILE *errors, const char *what, const char *value)
{
	fprintf(errors, "detourd: %s: %s\n", what, value);
	return -EINVAL;
}

static int sort_parse(struct dt_choose *out, const char *name, FILE *errors)
{
	for (size_t i = 0; i < KEYS; i++)
		if (strcmp(keys[i].name, name) == 0) {
			out->sort = &keys[i];
			out->sort_given = true;
			return 0;
		}
	return complain(errors, "--sort takes rate, down, up, age, gain, program, server or name", name);
}

static int limit_parse(struct dt_choose *out, const char *value, FILE *errors)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno)
		return complain(errors, "--limit takes a number, 0 for no limit", value);
	out->limit = number ? number : SIZE_MAX;
	out->limit_given = true;
	return 0;
}

static int server_parse(struct dt_choose *out, const char *value, FILE *errors)
{
	struct dt_endpoint endpoint;

	out->by_server = true;
	if (dt_prefix_parse(&out->server, value) == 0)
		return 0;
	if (dt_endpoint_parse(&endpoint, value) < 0)
		return complain(errors, "--server takes ADDRESS, ADDRESS/BITS or ADDRESS:PORT, in numbers", value);
	out->server = (struct dt_prefix){endpoint.ip, 128};
	out->port = endpoint.port;
	return 0;
}

int dt_choose_parse(struct dt_choose *out, const struct dt_options *options, FILE *errors)
{
	const char *const *value = options->value;
	int err = 0;

	*out = (struct dt_choose){.sort = &keys[0],
				  .limit = DT_CHOOSE_LIMIT_DEFAULT,
				  .program = value[DT_CLI_PROGRAM],
				  .via = value[DT_CLI_VIA]};
	if (value[DT_CLI_SORT])
		err = sort_parse(out, value[DT_CLI_SORT], errors);
	if (err == 0 && value[DT_CLI_LIMIT])
		err = limit_parse(out, value[DT_CLI_LIMIT], errors);
	if (err == 0 && value[DT_CLI_SERVER])
		err = server_parse(out, value[DT_CLI_SERVER], errors);
	if (err == 0 && value[DT_CLI_USER]) {
		out->by_user = dt_user_find(value[DT_CLI_USER], &out->uid);
		if (!out->by_user)
			err = complain(errors, "--user: no such user in /etc/passwd", value[DT_CLI_USER]);
	}
	return err;
}
