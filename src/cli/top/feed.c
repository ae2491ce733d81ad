/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/top/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/fields.h"
#include "cli/query.h"

#define ANSWER_MAX (64 * 1024 * 1024)
#define EVENT_MAX 16384
#define PATIENCE_MS 10000 /* for an answer */
#define READ_AT_ONCE (1024 * 1024)
/* The events that say what detourd did, not what programs did: there are few of them. */
#define KINDS "decision relay fallback client limit"

struct dt_top_feed {
	const struct dt_options *options;
	int ask, events; /* sockets; -1: none */
	uint64_t asked_ms;
	char *answer;
	size_t len, room;
	char line[EVENT_MAX];
	size_t used;
	bool skipping;	 /* the rest of a line that is too long */
	bool knows_less; /* the daemon is older: it answers "status" only */
	bool tells_all;	 /* likewise: "monitor" only */
};

struct dt_top_feed *dt_top_feed_new(const struct dt_options *options)
{
	struct dt_top_feed *f = calloc(1, sizeof(*f));

	if (!f)
		dt_memory_exhausted("detourd top");
	f->options = options;
	f->ask = f->events = -1;
	return f;
}

static void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void dt_top_feed_free(struct dt_top_feed *f)
{
	fd_close(&f->ask);
	fd_close(&f->events);
	free(f->answer);
	free(f);
}

/* --- asking ------------------------------------------------------------------------------------ */

/* A socket to which the request was written; -1: *problem says why not, to be freed. */
static int begin(const struct dt_top_feed *f, const char *request, char **problem)
{
	static const char prefix[] = "detourd: ";
	char *said = NULL;
	size_t len;
	FILE *errors = open_memstream(&said, &len);
	int fd;

	if (!errors)
		dt_memory_exhausted("detourd top");
	fd = dt_query_connect(f->options, SOCK_NONBLOCK, errors);
	if (fd >= 0 && send(fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request)) {
		fprintf(errors, "cannot ask: %s", strerror(errno));
		fd_close(&fd);
	}
	if (fclose(errors) != 0)
		dt_memory_exhausted("detourd top");
	said[strcspn(said, "\n")] = '\0';
	*problem = NULL;
	if (fd < 0)
		*problem = strdup(strncmp(said, prefix, strlen(prefix)) == 0 ? said + strlen(prefix) : said);
	free(said);
	return fd;
}

void dt_top_feed_ask(struct dt_top_feed *f, struct dt_top_model *m, size_t connections, json_int_t id, uint64_t now_ms)
{
	char request[80], *problem;

	if (f->ask >= 0 && now_ms - f->asked_ms < PATIENCE_MS)
		return;
	if (f->ask >= 0) {
		fd_close(&f->ask);
		dt_top_model_problem(m, "the daemon does not answer");
	}
	snprintf(request, sizeof(request), "status brief %zu %" JSON_INTEGER_FORMAT "\n", connections, id);
	f->ask = begin(f, f->knows_less ? "status\n" : request, &problem);
	f->asked_ms = now_ms;
	f->len = 0;
	if (problem) {
		dt_top_model_problem(m, problem);
		free(problem);
		return;
	}
	if (f->events < 0) {
		f->used = 0;
		f->skipping = false;
		f->events = begin(f, f->tells_all ? "monitor\n" : "monitor " KINDS "\n", &problem);
		free(problem);
	}
}

void dt_top_feed_poll(const struct dt_top_feed *f, struct pollfd fds[2])
{
	fds[0] = (struct pollfd){.fd = f->ask, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = f->events, .events = POLLIN};
}

/* --- answers ----------------------------------------------------------------------------------- */

static void answer_done(struct dt_top_feed *f, struct dt_top_model *m, uint64_t now_ms)
{
	json_t *answer = json_loadb(f->answer ? f->answer : "", f->len, 0, NULL);
	const char *refused = dt_field_text_if_any(answer, "error");

	fd_close(&f->ask);
	if (json_is_object(answer) && !*refused) {
		dt_top_model_answer(m, answer, now_ms);
		return;
	}
	if (!f->knows_less && strstr(refused, "unknown request"))
		f->knows_less = true;
	else if (*refused)
		dt_top_model_problem(m, refused);
	else if (f->len == 0)
		dt_top_model_problem(m, "the daemon hung up");
	else
		dt_top_model_problem(m, "invalid reply of the daemon; is it of another version?");
	json_decref(answer);
}

static bool answer_read(struct dt_top_feed *f, struct dt_top_model *m, uint64_t now_ms)
{
	for (size_t all = 0; f->ask >= 0 && all < READ_AT_ONCE;) {
		ssize_t got;

		if (f->room - f->len < 65536) {
			f->room = f->room ? 2 * f->room : 131072;
			f->answer = realloc(f->answer, f->room);
			if (!f->answer)
				dt_memory_exhausted("an answer");
		}
		got = recv(f->ask, f->answer + f->len, f->room - f->len, 0);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return false;
		if (got <= 0) {
			answer_done(f, m, now_ms);
			return true;
		}
		f->len += (size_t)got;
		all += (size_t)got;
		if (f->len > ANSWER_MAX) {
			fd_close(&f->ask);
			dt_top_model_problem(m, "the daemon's answer is too long");
			return true;
		}
	}
	return false;
}

/* --- events ------------------------------------------------------------------------------------ */

static void event_take(struct dt_top_feed *f, struct dt_top_model *m, const char *text, size_t len)
{
	json_t *event = json_loadb(text, len, 0, NULL);

	if (json_object_get(event, "event")) {
		dt_top_model_event(m, event);
		return;
	}
	if (json_object_get(event, "error"))
		f->tells_all = true;
	json_decref(event);
}

/* The whole lines that have been read. */
static bool lines_take(struct dt_top_feed *f, struct dt_top_model *m)
{
	char *at = f->line, *end = f->line + f->used, *newline;
	bool some = false;

	while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
		if (!f->skipping)
			event_take(f, m, at, (size_t)(newline - at));
		f->skipping = false;
		some = true;
		at = newline + 1;
	}
	f->used = (size_t)(end - at);
	memmove(f->line, at, f->used);
	if (f->used == sizeof(f->line)) {
		f->skipping = true;
		f->used = 0;
	}
	return some;
}

static bool events_read(struct dt_top_feed *f, struct dt_top_model *m)
{
	bool some = false;

	for (size_t all = 0; f->events >= 0 && all < READ_AT_ONCE;) {
		ssize_t got = recv(f->events, f->line + f->used, sizeof(f->line) - f->used, 0);

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (got <= 0) {
			fd_close(&f->events);
			break;
		}
		f->used += (size_t)got;
		all += (size_t)got;
		some = lines_take(f, m) || some;
	}
	return some;
}

bool dt_top_feed_read(struct dt_top_feed *f, struct dt_top_model *m, bool events, uint64_t now_ms)
{
	bool answered = answer_read(f, m, now_ms), told = events && events_read(f, m);

	return answered || told;
}
