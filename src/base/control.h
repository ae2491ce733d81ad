/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: a Unix stream socket (0600). A client sends one line, "status", "why SERVER" or "monitor"; the
 * first two are answered by one JSON line, monitor by one JSON line per event until it hangs up.
 */
#ifndef DETOURD_BASE_CONTROL_H
#define DETOURD_BASE_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <uv.h>

struct dt_control;

#define DT_CONTROL_JSON (JSON_COMPACT | JSON_ENSURE_ASCII)

/*
 * Writes one JSON object, on one line; into memory, so that what is long may come piece by piece. about is the rest of
 * the request, "" with status.
 */
typedef void (*dt_control_answer_fn)(FILE *out, const char *about, void *data);

/*
 * Listens at path. A socket file nobody listens on is replaced; -EADDRINUSE if somebody does. The parent
 * directory is made if missing (one level, 0755). Other errors: of bind, chmod, listen. why may be NULL.
 */
int dt_control_open(struct dt_control **out, uv_loop_t *loop, const char *path, dt_control_answer_fn status,
		    dt_control_answer_fn why, void *data);
/* Sends event to all monitors; steals the reference. A monitor that reads too slowly is cut off. */
void dt_control_publish(struct dt_control *c, json_t *event);
/* Lets a caller skip building events nobody reads. */
bool dt_control_watched(const struct dt_control *c);
/* Unlinks the socket and frees everything once the loop turns. May be NULL. */
void dt_control_close(struct dt_control *c);

#endif
