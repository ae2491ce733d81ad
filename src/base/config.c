/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/config.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/index.h"
#include "base/mistakes.h"
#include "base/nearest.h"

#define FILE_MAX (16 << 20)

struct dt_config_problem {
	struct dt_config_pos pos;
	size_t order;
	bool warning;
	char *text;
};

/* --- problems ---------------------------------------------------------------------------------- */

/* The last problem: it has no text of its own, which would need memory. */
void dt_config_exhausted(struct dt_config *c)
{
	c->nproblems += !c->exhausted;
	c->exhausted = true;
}

static void problem_add(struct dt_config *c, struct dt_config_pos pos, bool warning, const char *fmt, va_list args)
{
	struct dt_config_problem problem = {.pos = pos, .order = c->nproblems, .warning = warning};

	if (c->exhausted)
		return;
	if (vasprintf(&problem.text, fmt, args) < 0) {
		dt_config_exhausted(c);
	} else if (!dt_array_append(&c->problems, &c->nproblems, sizeof(problem), &problem)) {
		free(problem.text);
		dt_config_exhausted(c);
	} else {
		c->nwarnings += warning;
	}
}

void dt_config_error(struct dt_config *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	problem_add(c, c->pos, false, fmt, args);
	va_end(args);
}

void dt_config_error_at(struct dt_config *c, struct dt_config_pos pos, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	problem_add(c, pos, false, fmt, args);
	va_end(args);
}

void dt_config_warn(struct dt_config *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	problem_add(c, c->pos, true, fmt, args);
	va_end(args);
}

void dt_config_warn_at(struct dt_config *c, struct dt_config_pos pos, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	problem_add(c, pos, true, fmt, args);
	va_end(args);
}

static int problem_compare(const void *a, const void *b)
{
	const struct dt_config_problem *x = a, *y = b;

	if (x->pos.file != y->pos.file)
		return x->pos.file < y->pos.file ? -1 : 1;
	if (x->pos.line != y->pos.line)
		return x->pos.line < y->pos.line ? -1 : 1;
	if (x->pos.column != y->pos.column)
		return x->pos.column < y->pos.column ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* The name of the file that a place is in; name is that of the configuration. */
static const char *file_name(const struct dt_config *c, const char *name, struct dt_config_pos pos)
{
	return pos.file && pos.file <= c->nfiles ? c->files[pos.file - 1] : name;
}

/* Prints the problems in the order of the text, and forgets them. */
static void problems_report(struct dt_config *c, const char *name, FILE *to)
{
	size_t count = c->nproblems - c->exhausted;

	if (count)
		qsort(c->problems, count, sizeof(*c->problems), problem_compare);
	for (size_t i = 0; i < count; i++) {
		fprintf(to, "%s:%u:%u: %s%s\n", file_name(c, name, c->problems[i].pos), c->problems[i].pos.line,
			c->problems[i].pos.column, c->problems[i].warning ? "warning: " : "", c->problems[i].text);
		free(c->problems[i].text);
	}
	if (c->exhausted)
		fprintf(to, "%s:%u:%u: out of memory\n", file_name(c, name, c->pos), c->pos.line, c->pos.column);
	free(c->problems);
	c->problems = NULL;
	c->nproblems = 0;
}

bool dt_config_append(struct dt_config *c, void *array_ptr, size_t *count, size_t size, const void *item)
{
	bool done = dt_array_append(array_ptr, count, size, item);

	if (!done)
		dt_config_exhausted(c);
	return done;
}

char *dt_config_copy(struct dt_config *c, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		dt_config_exhausted(c);
	return copy;
}

/* --- lines ------------------------------------------------------------------------------------- */

/* A section that was read. */
struct known {
	const struct dt_config_section *section;
	char name[DT_CONFIG_NAME_MAX + 1]; /* "": it has none */
};

struct reader {
	struct dt_config *c;
	const struct dt_config_section *section; /* NULL: before the first, or in a bad one */
	bool skip;				 /* keys of a bad section are not checked */
	void *object;
	struct dt_config_pos opened;
	uint64_t seen; /* keys of this section, by index */
	struct known *known;
	size_t nknown;
	struct dt_index by_name;
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

bool dt_config_name_valid(const char *name)
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

static uint64_t known_hash(const struct dt_config_section *section, const char *name)
{
	return dt_index_hash(name, strlen(name)) ^ dt_index_hash(section->name, strlen(section->name));
}

static bool section_known(const struct reader *r, const struct dt_config_section *section, const char *name)
{
	uint64_t hash = known_hash(section, name);
	size_t probe = 0, i;

	while (dt_index_next(&r->by_name, hash, &probe, &i))
		if (r->known[i].section == section && strcmp(r->known[i].name, name) == 0)
			return true;
	return false;
}

static void section_remember(struct reader *r, const struct dt_config_section *section, const char *name)
{
	struct known known = {.section = section};

	snprintf(known.name, sizeof(known.name), "%s", name);
	if (dt_config_append(r->c, &r->known, &r->nknown, sizeof(known), &known) &&
	    !dt_index_add(&r->by_name, known_hash(section, known.name), r->nknown - 1))
		dt_config_exhausted(r->c);
}

static const struct dt_config_section *section_find(const struct dt_config *c, const char *name)
{
	for (size_t i = 0; i < c->nsections; i++)
		if (strcmp(c->sections[i].name, name) == 0)
			return &c->sections[i];
	return NULL;
}

static void section_unknown(struct dt_config *c, const char *name)
{
	struct dt_nearest nearest = {.word = name};
	char meant[DT_NEAREST_PHRASE_MAX];

	for (size_t i = 0; i < c->nsections; i++)
		dt_nearest_offer(&nearest, c->sections[i].name);
	dt_config_error(c, "unknown section [%s]%s", name, dt_nearest_phrase(&nearest, meant));
}

/* The section that "[section NAME]" names, NULL after an error was reported. *name is "" if it has none. */
static const struct dt_config_section *header_parse(const struct reader *r, char *text, char **name)
{
	const struct dt_config_section *section;
	struct dt_config *c = r->c;
	size_t len = strlen(text);

	if (text[len - 1] != ']') {
		dt_config_error(c, "] is missing at the end of the section's name");
		return NULL;
	}
	text[len - 1] = '\0';
	text = trim(text + 1);
	*name = text + strcspn(text, " \t");
	if (**name) {
		**name = '\0';
		*name = trim(*name + 1);
	}
	section = section_find(c, text);
	if (!section)
		section_unknown(c, text);
	else if (!section->named && **name)
		dt_config_error(c, "[%s] takes no name", text);
	else if (c->pos.file && !section->apart)
		dt_config_error(c, "[%s] must be in the configuration itself, not in a file beside it", text);
	else if (section->named && !dt_config_name_valid(*name))
		dt_config_error(c,
				**name ? "[%s NAME]: \"%s\" is not a name (1 to 32 letters, digits, _ . -)"
				       : "[%s NAME]: the name is missing",
				text, *name);
	else if (section_known(r, section, *name))
		dt_config_error(c, "duplicate section [%s%s%s]", text, **name ? " " : "", *name);
	else
		return section;
	return NULL;
}

static void section_open(struct reader *r, char *text)
{
	const struct dt_config_section *section;
	struct dt_config *c = r->c;
	char *name;

	section_close(r);
	r->section = NULL;
	r->skip = true;
	r->seen = 0;
	r->opened = c->pos;
	section = header_parse(r, text, &name);
	if (!section)
		return;
	section_remember(r, section, name);
	r->object = section->open(c, c->root, section->named ? name : NULL);
	if (!r->object)
		return;
	r->section = section;
	r->skip = false;
}

static const struct dt_config_key *key_find(const struct dt_config_section *section, const char *name)
{
	for (size_t i = 0; i < section->nkeys; i++)
		if (strcmp(section->keys[i].name, name) == 0)
			return &section->keys[i];
	return NULL;
}

/* Tells where it belongs, or what may have been meant. */
static void key_unknown(struct dt_config *c, const struct dt_config_section *in, const char *name)
{
	struct dt_nearest nearest = {.word = name};
	char meant[DT_NEAREST_PHRASE_MAX];

	for (size_t i = 0; i < c->nsections; i++)
		if (key_find(&c->sections[i], name)) {
			dt_config_error(c, "unknown key \"%s\" in [%s]: it belongs into [%s%s]", name, in->name,
					c->sections[i].name, c->sections[i].named ? " NAME" : "");
			return;
		}
	for (size_t i = 0; i < in->nkeys; i++)
		dt_nearest_offer(&nearest, in->keys[i].name);
	dt_config_error(c, "unknown key \"%s\" in [%s]%s", name, in->name, dt_nearest_phrase(&nearest, meant));
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
			dt_config_error(r->c, "%s: empty item in the list", key->name);
		else
			key->take(r->c, r->object, text);
		if (last)
			return;
		item += len + 1;
	}
}

static void key_take(struct reader *r, char *line, char *text)
{
	const struct dt_config_key *key;
	struct dt_config *c = r->c;
	char *equals = strchr(text, '='), *value;
	size_t i;

	if (!equals) {
		dt_config_error(c, "expected [section] or key = value");
		return;
	}
	if (r->skip && !r->section && r->opened.line)
		return; /* the section itself was the error */
	if (!r->section) {
		dt_config_error(c, "key before the first [section]");
		return;
	}
	*equals = '\0';
	value = trim(equals + 1);
	text = trim(text);
	key = key_find(r->section, text);
	if (!key) {
		key_unknown(c, r->section, text);
		return;
	}
	i = (size_t)(key - r->section->keys);
	if (key->kind == DT_CONFIG_ONE && r->seen & 1ULL << i) {
		dt_config_error(c, "duplicate key %s in this section", text);
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
	const char *blank;
	char *text;
	size_t at;

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < 0x20 && line[i] != '\t' && line[i] != '\r') {
			c->pos.column = (unsigned)i + 1;
			dt_config_error(c, "control character (code %u)", (unsigned)(unsigned char)line[i]);
			return;
		}
	line[strcspn(line, "#")] = '\0';
	blank = dt_mistake_blank(line, &at);
	if (blank) {
		c->pos.column = (unsigned)at + 1;
		dt_config_error(c, "this is a %s, which only looks like a space: replace it", blank);
		return;
	}
	text = trim(line);
	c->pos.column = (unsigned)(text - line) + 1;
	if (*text == '[')
		section_open(r, text);
	else if (*text)
		key_take(r, line, text);
}

/* Sections that must be there and are not. */
static void sections_check(const struct reader *r)
{
	struct dt_config *c = r->c;

	for (size_t i = 0; i < c->nsections; i++) {
		const struct dt_config_section *s = &c->sections[i];
		bool required = false;

		for (size_t k = 0; k < s->nkeys; k++)
			required = required || s->keys[k].required;
		if (!s->named && required && !section_known(r, s, ""))
			dt_config_error(c, "the section [%s] is missing", s->name);
	}
}

/* False after an error: it is another encoding, or the other mode's file. */
static bool kind_check(struct dt_config *c, const char *text, size_t len)
{
	const char *encoding = dt_mistake_encoding(text, len);
	unsigned theirs = c->foreign ? dt_mistake_header(text, len, c->foreign->section, false) : 0;

	c->pos.line = c->pos.column = 1;
	if (encoding) {
		dt_config_error(c, "%s", encoding);
		return false;
	}
	for (size_t i = 0; theirs && i < c->nsections; i++)
		if (dt_mistake_header(text, len, c->sections[i].name, c->sections[i].named))
			return true;
	if (theirs) {
		c->pos.line = theirs;
		dt_config_error(c, "%s", c->foreign->advice);
	}
	return !theirs;
}

/* A file ends its last section. False: it is none of this kind, which was reported. */
static bool text_parse(struct reader *r, const char *text, size_t len)
{
	struct dt_config *c = r->c;
	unsigned line = 0;

	if (!kind_check(c, text, len))
		return false;
	while (len && !c->exhausted) {
		const char *end = memchr(text, '\n', len);
		size_t size = end ? (size_t)(end - text) : len;
		char *copy = malloc(size + 1);

		if (!copy) {
			dt_config_exhausted(c);
			break;
		}
		memcpy(copy, text, size);
		copy[size] = '\0';
		c->pos.line = ++line;
		c->pos.column = 1;
		line_take(r, copy, size);
		free(copy);
		text += end ? size + 1 : size;
		len -= end ? size + 1 : size;
	}
	if (!c->exhausted)
		section_close(r);
	r->section = NULL;
	r->skip = false;
	r->opened.line = 0;
	c->pos.line = line ? line : 1;
	c->pos.column = 1;
	return true;
}

/* The whole file; *text is malloc'ed, also on failure. False: reported. */
static bool file_read(struct dt_config *c, const char *path, char **text, size_t *len)
{
	size_t room = 0, got, problems = c->nproblems;
	FILE *file = fopen(path, "re");

	*text = NULL;
	*len = 0;
	if (!file) {
		dt_config_error(c, "cannot open this file: %s", strerror(errno));
		return false;
	}
	do {
		if (*len == room) {
			char *grown = realloc(*text, room = room ? room * 2 : 65536);

			if (!grown) {
				dt_config_exhausted(c);
				break;
			}
			*text = grown;
		}
		got = fread(*text + *len, 1, room - *len, file);
		*len += got;
	} while (got && *len < FILE_MAX);
	if (ferror(file))
		dt_config_error(c, "cannot read this file: %s", strerror(errno));
	else if (*len >= FILE_MAX)
		dt_config_error(c, "this file is too long (16 MiB at most)");
	fclose(file);
	return c->nproblems == problems;
}

/* False: it could not be read, which was reported. */
static bool file_parse(struct reader *r, const char *path)
{
	char *text;
	size_t len;
	bool whole = file_read(r->c, path, &text, &len);

	whole = whole && text_parse(r, text, len);
	free(text);
	return whole;
}

/* --- files beside the configuration ------------------------------------------------------------ */

int dt_config_beside(const char *path, char *out, size_t cap)
{
	size_t len = strlen(path), suffix = strlen(".conf");

	if (len > suffix && strcmp(path + len - suffix, ".conf") == 0)
		len -= suffix;
	return snprintf(out, cap, "%.*s.d", (int)len, path) < (int)cap ? 0 : -ENAMETOOLONG;
}

static int is_conf(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name), suffix = strlen(".conf");

	return entry->d_name[0] != '.' && len > suffix && strcmp(entry->d_name + len - suffix, ".conf") == 0;
}

/* Sections of the same name are duplicates, in whichever files they are. */
static void beside_parse(struct reader *r, const char *dir)
{
	struct dt_config *c = r->c;
	struct dirent **entries;
	int count = scandir(dir, &entries, is_conf, alphasort);
	char *path;

	if (count < 0 && errno != ENOENT)
		dt_config_error(c, "cannot read the directory %s: %s", dir, strerror(errno));
	for (int i = 0; i < count; i++) {
		if (asprintf(&path, "%s/%s", dir, entries[i]->d_name) < 0) {
			dt_config_exhausted(c);
		} else if (dt_config_append(c, &c->files, &c->nfiles, sizeof(path), &path)) {
			c->pos = (struct dt_config_pos){1, 1, (unsigned)c->nfiles};
			file_parse(r, path);
		} else {
			free(path);
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

static void source_parse(struct dt_config *c, const struct dt_config_source *from)
{
	struct reader r = {.c = c};
	struct dt_config_pos end;
	bool whole;

	if (from->text)
		whole = text_parse(&r, from->text, from->len);
	else
		whole = file_parse(&r, from->name);
	end = c->pos;
	if (from->beside)
		beside_parse(&r, from->beside);
	c->pos = end;
	if (whole && !c->exhausted)
		sections_check(&r);
	free(r.known);
	dt_index_fini(&r.by_name);
}

int dt_config_read(struct dt_config *c, const struct dt_config_source *from, void (*check)(struct dt_config *c))
{
	int err;

	c->pos = (struct dt_config_pos){1, 1, 0};
	c->read_files = !from->text;
	c->judge_machine = from->judge;
	source_parse(c, from);
	if (!c->exhausted)
		check(c);
	err = c->exhausted ? -ENOMEM : c->nproblems > (from->strict ? 0 : c->nwarnings) ? -EINVAL : 0;
	problems_report(c, from->name, from->errors);
	for (size_t i = 0; i < c->nfiles; i++)
		free(c->files[i]);
	free(c->files);
	c->files = NULL;
	c->nfiles = 0;
	return err;
}
