/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/config.h"

#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/key.h"

#define FILE_MAX (16 << 20)

struct dt_config_problem {
	struct dt_config_pos pos;
	size_t order;
	char *text;
};

/* --- problems ---------------------------------------------------------------------------------- */

static void problem_add(struct dt_config *c, struct dt_config_pos pos, const char *fmt, va_list args)
{
	struct dt_config_problem *grown = reallocarray(c->problems, c->nproblems + 1, sizeof(*grown));

	if (!grown)
		abort(); /* nothing sensible can be said any more */
	c->problems = grown;
	grown[c->nproblems].pos = pos;
	grown[c->nproblems].order = c->nproblems;
	if (vasprintf(&grown[c->nproblems].text, fmt, args) < 0)
		abort();
	c->nproblems++;
}

void dt_config_error(struct dt_config *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	problem_add(c, c->pos, fmt, args);
	va_end(args);
}

void dt_config_error_at(struct dt_config *c, struct dt_config_pos pos, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	problem_add(c, pos, fmt, args);
	va_end(args);
}

static int problem_compare(const void *a, const void *b)
{
	const struct dt_config_problem *x = a, *y = b;

	if (x->pos.line != y->pos.line)
		return x->pos.line < y->pos.line ? -1 : 1;
	if (x->pos.column != y->pos.column)
		return x->pos.column < y->pos.column ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

void dt_config_report(struct dt_config *c, const char *name, FILE *to)
{
	if (c->nproblems)
		qsort(c->problems, c->nproblems, sizeof(*c->problems), problem_compare);
	for (size_t i = 0; i < c->nproblems; i++) {
		fprintf(to, "%s:%u:%u: %s\n", name, c->problems[i].pos.line, c->problems[i].pos.column,
			c->problems[i].text);
		free(c->problems[i].text);
	}
	free(c->problems);
	c->problems = NULL;
	c->nproblems = 0;
}

/* --- lines ------------------------------------------------------------------------------------- */

struct reader {
	struct dt_config *c;
	const struct dt_config_section *section; /* NULL: before the first, or in a bad one */
	bool skip;				 /* keys of a bad section are not judged */
	void *object;
	struct dt_config_pos opened;
	uint64_t seen; /* keys of this section, by index */
	struct {
		const struct dt_config_section *section;
		char name[DT_CONFIG_NAME_MAX + 1];
	} * known;
	size_t nknown;
};

static char *trim(char *text)
{
	size_t len;

	while (isspace((unsigned char)*text))
		text++;
	len = strlen(text);
	while (len && isspace((unsigned char)text[len - 1]))
		text[--len] = '\0';
	return text;
}

static bool name_valid(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > DT_CONFIG_NAME_MAX)
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("_.-", *name))
			return false;
	return true;
}

static void section_close(struct reader *r)
{
	if (!r->section || r->skip)
		return;
	for (size_t i = 0; i < r->section->nkeys; i++)
		if (r->section->keys[i].required && !(r->seen & 1ULL << i))
			dt_config_error_at(r->c, r->opened, "%s is missing in this section", r->section->keys[i].name);
	if (r->section->close)
		r->section->close(r->c, r->object, r->opened);
}

static bool section_known(const struct reader *r, const struct dt_config_section *section, const char *name)
{
	for (size_t i = 0; i < r->nknown; i++)
		if (r->known[i].section == section && strcmp(r->known[i].name, name) == 0)
			return true;
	return false;
}

static void section_remember(struct reader *r, const struct dt_config_section *section, const char *name)
{
	r->known = reallocarray(r->known, r->nknown + 1, sizeof(*r->known));
	if (!r->known)
		abort();
	r->known[r->nknown].section = section;
	snprintf(r->known[r->nknown].name, sizeof(r->known[0].name), "%s", name);
	r->nknown++;
}

static const struct dt_config_section *section_find(const struct dt_config *c, const char *name)
{
	for (size_t i = 0; i < c->nsections; i++)
		if (strcmp(c->sections[i].name, name) == 0)
			return &c->sections[i];
	return NULL;
}

static void section_open(struct reader *r, char *text)
{
	const struct dt_config_section *section;
	struct dt_config *c = r->c;
	size_t len = strlen(text);
	char *name;

	section_close(r);
	r->section = NULL;
	r->skip = true;
	r->seen = 0;
	r->opened = c->pos;
	if (text[len - 1] != ']') {
		dt_config_error(c, "] is missing at the end of the section's name");
		return;
	}
	text[len - 1] = '\0';
	text = trim(text + 1);
	name = text + strcspn(text, " \t");
	if (*name) {
		*name = '\0';
		name = trim(name + 1);
	}
	section = section_find(c, text);
	if (!section) {
		dt_config_error(c, "unknown section [%s]", text);
		return;
	}
	if (!section->named && *name) {
		dt_config_error(c, "[%s] takes no name", text);
		return;
	}
	if (section->named && !name_valid(name)) {
		dt_config_error(c,
				*name ? "[%s NAME]: \"%s\" is no name (1 to 32 letters, digits, _ . -)"
				      : "[%s NAME]: the name is missing",
				text, name);
		return;
	}
	if (section_known(r, section, name)) {
		dt_config_error(c, "[%s%s%s] is there already", text, *name ? " " : "", name);
		return;
	}
	section_remember(r, section, name);
	r->object = section->open(c, c->root, section->named ? name : NULL);
	if (!r->object)
		return;
	r->section = section;
	r->skip = false;
}

static void values_take(struct reader *r, const struct dt_config_key *key, char *value, unsigned column)
{
	char *start = value, *item = value;

	if (key->kind == DT_CONFIG_ONE) {
		key->take(r->c, r->object, value);
		return;
	}
	for (;;) {
		size_t len = strcspn(item, ",");
		bool last = item[len] == '\0';
		char *text;

		item[len] = '\0';
		text = trim(item);
		r->c->pos.column = column + (unsigned)(text - start);
		if (*text == '\0')
			dt_config_error(r->c, "%s: an item of the list is missing", key->name);
		else
			key->take(r->c, r->object, text);
		if (last)
			return;
		item += len + 1;
	}
}

static void key_take(struct reader *r, char *line, char *text)
{
	const struct dt_config_key *key = NULL;
	struct dt_config *c = r->c;
	char *equals = strchr(text, '='), *value;
	size_t i;

	if (!equals) {
		dt_config_error(c, "neither a [section] nor key = value");
		return;
	}
	if (r->skip && !r->section && r->opened.line)
		return; /* the section itself was the error */
	if (!r->section) {
		dt_config_error(c, "a key before the first [section]");
		return;
	}
	*equals = '\0';
	value = trim(equals + 1);
	text = trim(text);
	for (i = 0; i < r->section->nkeys && !key; i++)
		if (strcmp(r->section->keys[i].name, text) == 0)
			key = &r->section->keys[i];
	if (!key) {
		dt_config_error(c, "unknown key \"%s\" in [%s]", text, r->section->name);
		return;
	}
	i--;
	if (key->kind == DT_CONFIG_ONE && r->seen & 1ULL << i) {
		dt_config_error(c, "%s is there already in this section", text);
		return;
	}
	r->seen |= 1ULL << i;
	if (*value == '\0') {
		dt_config_error(c, "%s: the value is missing", text);
		return;
	}
	c->pos.column = (unsigned)(value - line) + 1;
	values_take(r, key, value, c->pos.column);
}

static void line_take(struct reader *r, char *line, size_t len)
{
	struct dt_config *c = r->c;
	char *text;

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < 0x20 && line[i] != '\t' && line[i] != '\r') {
			c->pos.column = (unsigned)i + 1;
			dt_config_error(c, "a control character (code %u)", (unsigned)(unsigned char)line[i]);
			return;
		}
	line[strcspn(line, "#")] = '\0';
	text = trim(line);
	c->pos.column = (unsigned)(text - line) + 1;
	if (*text == '[')
		section_open(r, text);
	else if (*text)
		key_take(r, line, text);
}

size_t dt_config_parse(struct dt_config *c, const char *text, size_t len)
{
	struct reader r = {.c = c};
	unsigned line = 0;

	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t size = end ? (size_t)(end - text) : len;
		char *copy = malloc(size + 1);

		if (!copy)
			abort();
		memcpy(copy, text, size);
		copy[size] = '\0';
		c->pos = (struct dt_config_pos){++line, 1};
		line_take(&r, copy, size);
		free(copy);
		text += end ? size + 1 : size;
		len -= end ? size + 1 : size;
	}
	section_close(&r);
	/* a section that must be there and is not */
	for (size_t i = 0; i < c->nsections; i++) {
		const struct dt_config_section *s = &c->sections[i];
		bool required = false;

		for (size_t k = 0; k < s->nkeys; k++)
			required = required || s->keys[k].required;
		if (!s->named && required && !section_known(&r, s, "")) {
			c->pos = (struct dt_config_pos){line ? line : 1, 1};
			dt_config_error(c, "the section [%s] is missing", s->name);
		}
	}
	free(r.known);
	return c->nproblems;
}

size_t dt_config_load(struct dt_config *c, const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t len = 0, room = 0, got;

	c->pos = (struct dt_config_pos){1, 1};
	if (!file) {
		dt_config_error(c, "cannot open this file: %s", strerror(errno));
		return c->nproblems;
	}
	do {
		if (len == room) {
			room = room ? room * 2 : 65536;
			text = realloc(text, room);
			if (!text)
				abort();
		}
		got = fread(text + len, 1, room - len, file);
		len += got;
	} while (got && len < FILE_MAX);
	if (ferror(file))
		dt_config_error(c, "cannot read this file: %s", strerror(errno));
	else if (len >= FILE_MAX)
		dt_config_error(c, "this file is too long (16 MiB at most)");
	else
		dt_config_parse(c, text, len);
	fclose(file);
	free(text);
	return c->nproblems;
}

/* --- values ------------------------------------------------------------------------------------ */

bool dt_config_bool(struct dt_config *c, const char *text, bool *out)
{
	bool yes = strcmp(text, "yes") == 0;

	if (!yes && strcmp(text, "no") != 0) {
		dt_config_error(c, "\"%s\" is neither yes nor no", text);
		return false;
	}
	*out = yes;
	return true;
}

/* Digits only: no sign, no space, no other base. */
static bool number_parse(const char *text, size_t len, unsigned *out)
{
	unsigned long value = 0;

	if (len == 0 || len > 10)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		value = value * 10 + (unsigned)(text[i] - '0');
	}
	if (value > UINT32_MAX)
		return false;
	*out = (unsigned)value;
	return true;
}

bool dt_config_unsigned(struct dt_config *c, const char *text, unsigned min, unsigned max, unsigned *out)
{
	unsigned value;

	if (!number_parse(text, strlen(text), &value) || value < min || value > max) {
		dt_config_error(c, "\"%s\" is no number from %u to %u", text, min, max);
		return false;
	}
	*out = value;
	return true;
}

bool dt_config_rate(struct dt_config *c, const char *text, uint64_t *out_bps)
{
	static const struct {
		const char *name;
		uint64_t bps;
	} units[] = {{"bit", 1}, {"kbit", 1000}, {"mbit", 1000000}, {"gbit", 1000000000}};
	size_t len = strspn(text, "0123456789");
	uint64_t bps = 0;
	unsigned value;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(text + len, units[i].name) == 0 && number_parse(text, len, &value))
			bps = value * units[i].bps;
	if (bps < 64000 || bps > 1000000000000ULL) {
		dt_config_error(
			c, "\"%s\" is no rate from 64kbit to 1000gbit (a whole number with bit, kbit, mbit or gbit)",
			text);
		return false;
	}
	*out_bps = bps;
	return true;
}

bool dt_config_ports(struct dt_config *c, const char *text, struct dt_port_range *out)
{
	size_t len = strcspn(text, "-");
	unsigned min, max;
	bool valid = number_parse(text, len, &min);

	max = min;
	if (valid && text[len] == '-')
		valid = number_parse(text + len + 1, strlen(text + len + 1), &max);
	if (!valid || min < 1 || max > 65535) {
		dt_config_error(c, "\"%s\" is no port or range of ports (1 to 65535, first-last)", text);
		return false;
	}
	if (min > max) {
		dt_config_error(c, "the range %s ends before it begins", text);
		return false;
	}
	*out = (struct dt_port_range){(uint16_t)min, (uint16_t)max};
	return true;
}

bool dt_config_endpoint(struct dt_config *c, const char *text, struct dt_endpoint *out)
{
	if (dt_endpoint_parse(out, text) < 0 || out->port == 0) {
		dt_config_error(c, "\"%s\" is no ADDRESS:PORT (IPv6 in brackets)", text);
		return false;
	}
	return true;
}

bool dt_config_ip(struct dt_config *c, const char *text, struct dt_ip *out)
{
	if (dt_ip_parse(out, text) < 0) {
		dt_config_error(c, "\"%s\" is no IP address", text);
		return false;
	}
	return true;
}

bool dt_config_prefix(struct dt_config *c, const char *text, struct dt_prefix *out)
{
	int err = dt_prefix_parse(out, text);

	if (err == -EDOM)
		dt_config_error(c, "\"%s\" has bits set behind its length", text);
	else if (err < 0)
		dt_config_error(c, "\"%s\" is no IP address or prefix (ADDRESS/BITS)", text);
	return err == 0;
}

bool dt_config_key32(struct dt_config *c, const char *text, uint8_t out[32])
{
	if (dt_key_parse(out, text) < 0) {
		dt_config_error(c, "not a key (44 characters of base64, as detourd pubkey prints it)");
		return false;
	}
	return true;
}

bool dt_config_path(struct dt_config *c, const char *text, size_t max, char **out)
{
	char *copy;

	if (*text != '/') {
		dt_config_error(c, "\"%s\" is no absolute path", text);
		return false;
	}
	if (strlen(text) > max) {
		dt_config_error(c, "this path is longer than %zu bytes", max);
		return false;
	}
	copy = dt_config_copy(c, text);
	free(*out);
	*out = copy;
	return true;
}

bool dt_config_device(struct dt_config *c, const char *text, char **out)
{
	size_t len = strlen(text);

	if (len >= IF_NAMESIZE || strcspn(text, "/ \t:%") != len || strcmp(text, ".") == 0 || strcmp(text, "..") == 0) {
		dt_config_error(c, "\"%s\" is no device name (1 to 15 characters, without / : %% or space)", text);
		return false;
	}
	free(*out);
	*out = dt_config_copy(c, text);
	return true;
}

bool dt_config_log_level(struct dt_config *c, const char *text, enum dt_log_level *out)
{
	static const char *const names[] = {
		[DT_LOG_ERR] = "err", [DT_LOG_WARN] = "warn", [DT_LOG_INFO] = "info", [DT_LOG_DEBUG] = "debug"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], text) == 0) {
			*out = (enum dt_log_level)i;
			return true;
		}
	dt_config_error(c, "\"%s\" is none of err, warn, info, debug", text);
	return false;
}

bool dt_config_append(struct dt_config *c, void *array_ptr, size_t *count, size_t size, const void *item)
{
	void **array = array_ptr;
	char *grown = *array;

	/* doubling: a power of two is full */
	if ((*count & (*count - 1)) == 0)
		grown = reallocarray(*array, *count ? 2 * *count : 1, size);
	if (!grown) {
		dt_config_error(c, "out of memory");
		return false;
	}
	memcpy(grown + *count * size, item, size);
	*array = grown;
	(*count)++;
	return true;
}

char *dt_config_copy(struct dt_config *c, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		abort();
	return copy;
}
