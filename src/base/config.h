/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reader of both configuration files: sections, keys, lists, comments, and every error with its place. What a
 * file may hold is told by tables; the values land where each key's function puts them.
 */
#ifndef DETOURD_BASE_CONFIG_H
#define DETOURD_BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/log.h"

#define DT_CONFIG_NAME_MAX 32

struct dt_config;

/* A place in the file; 1 is the first line and the first byte of a line. */
struct dt_config_pos {
	unsigned line;
	unsigned column;
};

enum dt_config_kind {
	DT_CONFIG_ONE,	/* one value, once */
	DT_CONFIG_LIST, /* values separated by commas; the key may repeat; take() gets one value at a time */
};

struct dt_config_key {
	const char *name;
	enum dt_config_kind kind;
	bool required;
	/* Reports what is wrong with dt_config_error(). section is what open() returned. */
	void (*take)(struct dt_config *c, void *section, const char *value);
};

struct dt_config_section {
	const char *name;
	bool named; /* [name NAME], any number of them; else [name], once */
	const struct dt_config_key *keys;
	size_t nkeys;
	/* The object the section's keys are for; name is NULL if it has none. NULL after an error was reported. */
	void *(*open)(struct dt_config *c, void *root, const char *name);
	/* All keys were taken; may be NULL. Names in *pos the section's header. */
	void (*close)(struct dt_config *c, void *section, struct dt_config_pos pos);
};

struct dt_config {
	const struct dt_config_section *sections;
	size_t nsections;
	void *root;
	bool read_files; /* follow private-key-file and the like */

	struct dt_config_pos pos; /* of the value at hand */
	struct dt_config_problem *problems;
	size_t nproblems;
};

/* Parses text; problems are collected. Returns their number. */
size_t dt_config_parse(struct dt_config *c, const char *text, size_t len);
/* Reads a whole file and parses it. An unreadable file is a problem too. */
size_t dt_config_load(struct dt_config *c, const char *path);
/* Prints the problems in the file's order as "name:line:column: reason" and forgets them. */
void dt_config_report(struct dt_config *c, const char *name, FILE *to);

/* Notes a problem at c->pos, or at a place of its own. */
void dt_config_error(struct dt_config *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void dt_config_error_at(struct dt_config *c, struct dt_config_pos pos, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* --- values: each reports and returns false if text is not one ---------------------------------- */

bool dt_config_bool(struct dt_config *c, const char *text, bool *out);
bool dt_config_unsigned(struct dt_config *c, const char *text, unsigned min, unsigned max, unsigned *out);
/* "100mbit": a whole number with bit, kbit, mbit or gbit (SI), as bits a second; 64 kbit to 1000 gbit. */
bool dt_config_rate(struct dt_config *c, const char *text, uint64_t *out_bps);
/* "port" or "first-last". */
bool dt_config_ports(struct dt_config *c, const char *text, struct dt_port_range *out);
bool dt_config_endpoint(struct dt_config *c, const char *text, struct dt_endpoint *out);
bool dt_config_ip(struct dt_config *c, const char *text, struct dt_ip *out);
bool dt_config_prefix(struct dt_config *c, const char *text, struct dt_prefix *out);
bool dt_config_key32(struct dt_config *c, const char *text, uint8_t out[32]);
/* An absolute path of at most max bytes; a copy. Replaces *out, which may be NULL. */
bool dt_config_path(struct dt_config *c, const char *text, size_t max, char **out);
/* Name of a network device; a copy. Replaces *out, which may be NULL. */
bool dt_config_device(struct dt_config *c, const char *text, char **out);
bool dt_config_log_level(struct dt_config *c, const char *text, enum dt_log_level *out);

/* Appends a copy of item to an array; false (reported) when out of memory. */
bool dt_config_append(struct dt_config *c, void *array_ptr, size_t *count, size_t size, const void *item);
char *dt_config_copy(struct dt_config *c, const char *text);

#endif
