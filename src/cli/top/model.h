/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `detourd top` knows: the last answer, the last events, and how fast everything moved. Knows no clock and no terminal. */
#ifndef DETOURD_CLI_TOP_MODEL_H
#define DETOURD_CLI_TOP_MODEL_H

#include <jansson.h>
#include <stdint.h>

#include "cli/top/series.h"

#define DT_TOP_EVENTS 100      /* the last so many are kept */
#define DT_TOP_CONNECTIONS 256 /* of which the past is kept; the one seen longest ago goes first */
#define DT_TOP_LINES 1024      /* paths of all, or clients */
#define DT_TOP_PATHS 12	       /* of one connection */

/* A path, or a client of a relay. */
struct dt_top_line {
	char *name;
	struct dt_series series; /* both directions together */
};

struct dt_top_lines {
	struct dt_top_line *all;
	size_t count;
};

struct dt_top_connection {
	json_int_t id;
	uint64_t seen_ms;
	json_t *last; /* as it was in the last answer that had it */
	struct dt_top_lines paths;
};

struct dt_top_model {
	json_t *status; /* the last answer, cleaned; NULL: none yet */
	uint64_t answered_ms;
	char *problem;	   /* why there is none now; NULL: there is one */
	uint64_t every_ms; /* from sample to sample */
	struct dt_series down, up;
	struct dt_top_lines lines; /* "direct" and relays, or clients */
	struct dt_top_connection *connections;
	size_t nconnections;
	json_t *events; /* cleaned, the oldest first */
};

void dt_top_model_init(struct dt_top_model *m);
void dt_top_model_fini(struct dt_top_model *m);
/* The answer to "status"; takes the reference. Anything may be in it. */
void dt_top_model_answer(struct dt_top_model *m, json_t *status, uint64_t now_ms);
/* There was none. */
void dt_top_model_problem(struct dt_top_model *m, const char *problem);
/* A line of "monitor"; takes the reference. Anything may be in it. */
void dt_top_model_event(struct dt_top_model *m, json_t *event);
/* The daemon is a relay. */
bool dt_top_model_is_relay(const struct dt_top_model *m);
/* NULL: nothing is kept of it. */
const struct dt_top_connection *dt_top_model_connection(const struct dt_top_model *m, json_int_t id);
/* NULL: none of this name. */
const struct dt_series *dt_top_lines_find(const struct dt_top_lines *lines, const char *name);
/* The name of a subflow's path, as lines have it. */
const char *dt_top_path_name(const json_t *subflow);

#endif
