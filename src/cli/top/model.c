/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/top/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/memory.h"
#include "cli/fields.h"
#include "cli/text.h"

static void exhausted(void)
{
	dt_memory_exhausted("detourd top");
}

/* --- lines ------------------------------------------------------------------------------------- */

static struct dt_top_line *line_find(const struct dt_top_lines *lines, const char *name)
{
	for (size_t i = 0; i < lines->count; i++)
		if (strcmp(lines->all[i].name, name) == 0)
			return &lines->all[i];
	return NULL;
}

const struct dt_series *dt_top_lines_find(const struct dt_top_lines *lines, const char *name)
{
	const struct dt_top_line *line = line_find(lines, name);

	return line ? &line->series : NULL;
}

static void lines_free(struct dt_top_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->all[i].name);
	free(lines->all);
	*lines = (struct dt_top_lines){0};
}

/* Every line gets a sample of nothing, or of an unknown rate, to which lines_raise() adds. */
static void lines_step(struct dt_top_lines *lines, bool known)
{
	for (size_t i = 0; i < lines->count; i++)
		dt_series_add(&lines->all[i].series, known ? 0 : -1);
}

/* Adds to the newest sample. A new line begins here. */
static void lines_raise(struct dt_top_lines *lines, size_t most, const char *name, double bps)
{
	struct dt_top_line *line = line_find(lines, name), fresh = {.name = NULL};

	if (!line) {
		if (lines->count >= most)
			return;
		fresh.name = strdup(name);
		if (!fresh.name || !dt_array_append(&lines->all, &lines->count, sizeof(fresh), &fresh))
			exhausted();
		line = &lines->all[lines->count - 1];
		dt_series_add(&line->series, 0);
	}
	line->series.bps[(line->series.next + DT_SERIES_SAMPLES - 1) % DT_SERIES_SAMPLES] += (float)bps;
}

static double both(const json_t *object)
{
	return dt_field_real(object, "receive_bps") + dt_field_real(object, "send_bps");
}

/* --- connections ------------------------------------------------------------------------------- */

const char *dt_top_path_name(const json_t *subflow)
{
	const char *interface = dt_field_text_if_any(subflow, "interface");

	return *interface ? interface : dt_field_text(subflow, "via");
}

static struct dt_top_connection *connection_find(const struct dt_top_model *m, json_int_t id)
{
	for (size_t i = 0; i < m->nconnections; i++)
		if (m->connections[i].id == id)
			return &m->connections[i];
	return NULL;
}

const struct dt_top_connection *dt_top_model_connection(const struct dt_top_model *m, json_int_t id)
{
	return connection_find(m, id);
}

static void connection_clear(struct dt_top_connection *c)
{
	lines_free(&c->paths);
	json_decref(c->last);
}

/* The place of a new one; that of the one seen longest ago, where there are many. */
static struct dt_top_connection *connection_new(struct dt_top_model *m, json_int_t id)
{
	struct dt_top_connection fresh = {.id = id}, *oldest;

	if (m->nconnections < DT_TOP_CONNECTIONS) {
		if (!dt_array_append(&m->connections, &m->nconnections, sizeof(fresh), &fresh))
			exhausted();
		return &m->connections[m->nconnections - 1];
	}
	oldest = &m->connections[0];
	for (size_t i = 1; i < m->nconnections; i++)
		if (m->connections[i].seen_ms < oldest->seen_ms)
			oldest = &m->connections[i];
	connection_clear(oldest);
	*oldest = fresh;
	return oldest;
}

static void connection_note(struct dt_top_model *m, json_t *connection, uint64_t now_ms)
{
	json_int_t id = dt_field_number(connection, "id");
	struct dt_top_connection *c = connection_find(m, id);
	json_t *subflow;
	size_t i;

	if (!c)
		c = connection_new(m, id);
	c->seen_ms = now_ms;
	json_decref(c->last);
	c->last = json_incref(connection);
	json_array_foreach(json_object_get(connection, "subflows"), i, subflow)
		lines_raise(&c->paths, DT_TOP_PATHS, dt_top_path_name(subflow), both(subflow));
}

static void connections_note(struct dt_top_model *m, uint64_t now_ms)
{
	const json_t *list = json_object_get(m->status, "connections");
	json_t *connection;
	size_t i;

	/* of those that the answer lacks nothing is known; the others get their sample back below */
	for (i = 0; i < m->nconnections; i++)
		lines_step(&m->connections[i].paths, false);
	json_array_foreach(list, i, connection) {
		struct dt_top_connection *c;

		if (i >= DT_TOP_CONNECTIONS)
			break;
		c = connection_find(m, dt_field_number(connection, "id"));
		for (size_t p = 0; c && p < c->paths.count; p++) {
			struct dt_series *s = &c->paths.all[p].series;

			s->bps[(s->next + DT_SERIES_SAMPLES - 1) % DT_SERIES_SAMPLES] = 0;
		}
		connection_note(m, connection, now_ms);
	}
}

/* --- all --------------------------------------------------------------------------------------- */

void dt_top_model_init(struct dt_top_model *m)
{
	*m = (struct dt_top_model){.events = json_array(), .every_ms = 1000};
	if (!m->events)
		exhausted();
}

void dt_top_model_fini(struct dt_top_model *m)
{
	lines_free(&m->lines);
	for (size_t i = 0; i < m->nconnections; i++)
		connection_clear(&m->connections[i]);
	free(m->connections);
	json_decref(m->events);
	json_decref(m->status);
	free(m->problem);
}

bool dt_top_model_is_relay(const struct dt_top_model *m)
{
	return strcmp(dt_field_text(m->status, "mode"), "relay") == 0;
}

static void named_note(struct dt_top_model *m, const char *list)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(m->status, list), i, item)
		lines_raise(&m->lines, DT_TOP_LINES, dt_field_text(item, "name"), both(item));
}

/* What the direct path has: all that is not the relays'. */
static void direct_note(struct dt_top_model *m)
{
	double left = both(json_object_get(m->status, "total"));
	json_t *relay;
	size_t i;

	json_array_foreach(json_object_get(m->status, "relays"), i, relay)
		left -= both(relay);
	lines_raise(&m->lines, DT_TOP_LINES, "direct", left > 0 ? left : 0);
}

void dt_top_model_answer(struct dt_top_model *m, json_t *status, uint64_t now_ms)
{
	const json_t *total = json_object_get(status, "total");

	dt_text_clean_json(status);
	free(m->problem);
	m->problem = NULL;
	json_decref(m->status);
	m->status = status;
	m->answered_ms = now_ms;
	dt_series_add(&m->down, dt_field_real(total, "receive_bps"));
	dt_series_add(&m->up, dt_field_real(total, "send_bps"));
	lines_step(&m->lines, true);
	if (dt_top_model_is_relay(m)) {
		named_note(m, "clients");
		return;
	}
	direct_note(m);
	named_note(m, "relays");
	connections_note(m, now_ms);
}

void dt_top_model_problem(struct dt_top_model *m, const char *problem)
{
	free(m->problem);
	m->problem = dt_text_clean(problem);
	dt_series_add(&m->down, -1);
	dt_series_add(&m->up, -1);
	lines_step(&m->lines, false);
	for (size_t i = 0; i < m->nconnections; i++)
		lines_step(&m->connections[i].paths, false);
}

void dt_top_model_event(struct dt_top_model *m, json_t *event)
{
	dt_text_clean_json(event);
	json_array_append_new(m->events, event);
	if (json_array_size(m->events) > DT_TOP_EVENTS)
		json_array_remove(m->events, 0);
}
