/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which connections or clients `status` shows, and in which order: --sort, --limit and the filters. */
#ifndef DETOURD_CLI_CHOOSE_H
#define DETOURD_CLI_CHOOSE_H

#include <jansson.h>
#include <stdio.h>

#include "base/addr.h"
#include "cli/options.h"

#define DT_CHOOSE_LIMIT_DEFAULT 20

struct dt_choose_key;

struct dt_choose {
	const struct dt_choose_key *sort;
	bool sort_given;
	size_t limit; /* of what is shown as text; SIZE_MAX: none */
	bool limit_given;
	const char *program; /* these four: NULL, or not set, without such a filter */
	const char *via;
	bool by_user, by_server;
	uint32_t uid;
	struct dt_prefix server;
	uint16_t port; /* 0: any */
};

/* -EINVAL after one line on errors that says what is wrong. */
int dt_choose_parse(struct dt_choose *out, const struct dt_options *options, FILE *errors);
const char *dt_choose_sort_name(const struct dt_choose *c);
/* The next order that makes sense for connections, or for a relay's clients; after the last the first. */
void dt_choose_sort_next(struct dt_choose *c, bool relay);
/* There is a filter: only a client has what it speaks of. */
bool dt_choose_filters(const struct dt_choose *c);
/* The connections with the highest rates, of all. */
bool dt_choose_is_by_rate(const struct dt_choose *c);
/* A new array of the items of list (connections, or clients if relay) that pass the filters, sorted. */
json_t *dt_choose(const struct dt_choose *c, const json_t *list, bool relay);

#endif
