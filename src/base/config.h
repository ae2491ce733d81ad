/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reader of both configuration files: sections, keys, lists, comments, and every error with its place. What a
 * file may hold is told by tables; each key's function stores its value.
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

/* A place in a file; 1 is the first line and the first byte of a line. */
struct dt_config_pos {
	unsigned line;
	unsigned column;
	unsigned file; /* 0: the configuration itself; others as they were read */
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
	/* The object that the section's keys are for; name is NULL if it has none. NULL after an error was reported. */
	void *(*open)(struct dt_config *c, void *root, const char *name);
	/* All keys were taken; pos is the section's header. May be NULL. */
	void (*close)(struct dt_config *c, void *section, struct dt_config_pos pos);
	bool apart; /* may also be in a file of the directory beside the configuration */
};

/* The other mode's file, known by its one section without a name, and that it has none of ours. */
struct dt_config_foreign {
	const char *section;
	const char *advice; /* what to tell whoever gives it */
};

struct dt_config {
	const struct dt_config_section *sections;
	size_t nsections;
	void *root;
	const struct dt_config_foreign *foreign;

	/* the reader's own: */
	bool read_files;	  /* follow private-key-file and the like */
	bool judge_machine;	  /* whether this machine has what is named, and the daemon could start */
	bool exhausted;		  /* memory ran out: nothing more is read, and the whole is refused */
	struct dt_config_pos pos; /* of the value at hand */
	char **files;		  /* names of those beside the configuration, in their order */
	size_t nfiles;
	struct dt_config_problem *problems;
	size_t nproblems; /* out of memory is one, without an entry in problems */
	size_t nwarnings; /* of them */
};

/* Where a configuration comes from. */
struct dt_config_source {
	const char *name; /* its path; or, with text, what to call it */
	const char *text; /* NULL: the file at name, whose key files are read too */
	size_t len;	  /* of text */
	/* NULL, or a directory whose files *.conf are read too, by order of their names; it may be missing */
	const char *beside;
	FILE *errors; /* where problems are printed */
	bool judge;   /* judge this machine too, for --check; the daemon finds out by itself */
	bool strict;  /* a warning is an error */
};

/*
 * Reads all of it, has check() look at what only the whole can show, and prints every problem in the order of the text
 * as "name:line:column: reason", or "...: warning: reason". 0; -EINVAL: there were errors; -ENOMEM, printed too.
 */
int dt_config_read(struct dt_config *c, const struct dt_config_source *from, void (*check)(struct dt_config *c));

/* "DIR/X.d" for the configuration "DIR/X.conf" (for "DIR/X" too): the directory beside it. -ENAMETOOLONG. */
int dt_config_beside(const char *path, char *out, size_t cap);
/* May a section have this name: 1 to DT_CONFIG_NAME_MAX letters, digits, _ . - */
bool dt_config_name_valid(const char *name);

/* Notes an error at c->pos, or at a place of its own. */
void dt_config_error(struct dt_config *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void dt_config_error_at(struct dt_config *c, struct dt_config_pos pos, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Notes what is allowed, and can hardly be meant. */
void dt_config_warn(struct dt_config *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void dt_config_warn_at(struct dt_config *c, struct dt_config_pos pos, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* --- values: each reports a problem and returns false if text is not one ---------------------------------- */

bool dt_config_bool(struct dt_config *c, const char *text, bool *out);
bool dt_config_unsigned(struct dt_config *c, const char *text, unsigned min, unsigned max, unsigned *out);
/* "100mbit" without a configuration. -EINVAL. */
int dt_rate_parse(const char *text, uint64_t *out_bps);
/* "100mbit": a whole number with bit, kbit, mbit or gbit (SI), as bits a second; 64 kbit to 1000 gbit. */
bool dt_config_rate(struct dt_config *c, const char *text, uint64_t *out_bps);
/* "port" or "first-last". */
bool dt_config_ports(struct dt_config *c, const char *text, struct dt_port_range *out);
bool dt_config_endpoint(struct dt_config *c, const char *text, struct dt_endpoint *out);
bool dt_config_ip(struct dt_config *c, const char *text, struct dt_ip *out);
bool dt_config_prefix(struct dt_config *c, const char *text, struct dt_prefix *out);
/* A public key, and not a weak one. */
bool dt_config_key32(struct dt_config *c, const char *text, uint8_t out[32]);
/* An absolute path of at most max bytes; a copy. Replaces *out, which may be NULL. */
bool dt_config_path(struct dt_config *c, const char *text, size_t max, char **out);
/* Name of a network device; a copy. Replaces *out, which may be NULL. */
bool dt_config_device(struct dt_config *c, const char *text, char **out);
bool dt_config_log_level(struct dt_config *c, const char *text, enum dt_log_level *out);

/* Memory ran out: the configuration is refused as a whole. */
void dt_config_exhausted(struct dt_config *c);
/* As dt_array_append(); running out of memory is reported. */
bool dt_config_append(struct dt_config *c, void *array_ptr, size_t *count, size_t size, const void *item);
/* NULL when out of memory, which is reported. */
char *dt_config_copy(struct dt_config *c, const char *text);

#endif
