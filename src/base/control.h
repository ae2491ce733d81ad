/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: a Unix stream socket (0600). A client sends one line, "status [HOW]", "why SERVER",
 * "monitor [KIND...]" or a word of the daemon's own; all but monitor are answered by one JSON line, monitor by one JSON line for each event until
 * the client disconnects.
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
 * Writes one JSON object on one line. out is memory, so that a long answer may be written piece by piece. about is the
 * rest of the request, "" where it is one word.
 */
typedef void (*dt_control_answer_fn)(FILE *out, const char *about, void *data);

/*
 * An answer that takes long: it is written in steps, and the loop does other work between them. One such answer is written
 * at a time; whoever asks meanwhile waits.
 */
struct dt_control_steps {
	/* about as for dt_control_answer_fn, data that of dt_control_open(). NULL: out of memory. */
	void *(*begin)(const char *about, void *data);
	/* Writes on to out, as dt_control_answer_fn, for some milliseconds. False: the answer is whole. */
	bool (*step)(void *answer, FILE *out);
	/* After the last step, or earlier where nobody waits for the answer any more. Frees it. */
	void (*end)(void *answer);
};

/*
 * Listens at path. A socket file that nobody listens on is replaced; -EADDRINUSE: somebody does. Missing parent
 * directories are made (0755). Other errors: of bind, chmod, listen. why may be NULL.
 */
int dt_control_open(struct dt_control **out, uv_loop_t *loop, const char *path, dt_control_answer_fn status,
		    dt_control_answer_fn why, void *data);
/* From now on steps, which is borrowed, answers "status". */
void dt_control_status_in_steps(struct dt_control *c, const struct dt_control_steps *steps);
/* A request of the daemon's own: "WORD ABOUT". */
struct dt_control_word {
	const char *word;
	dt_control_answer_fn answer;
	const struct dt_control_steps *steps; /* NULL, or what answers instead */
};
/* From now on words, which are borrowed, are answered too. */
void dt_control_words(struct dt_control *c, const struct dt_control_word *words, size_t count);
/* Sends event to all monitors that watch its kind, the text "event" in it; takes the reference. A monitor that reads too slowly is disconnected. */
void dt_control_publish(struct dt_control *c, json_t *event);
/* Does a monitor watch events of this kind? If not, a caller need not build them. */
bool dt_control_watched(const struct dt_control *c, const char *kind);
/* Unlinks the socket and frees everything once the loop turns. May be NULL. */
void dt_control_close(struct dt_control *c);

#endif
