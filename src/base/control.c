/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "base/memory.h"
#include "base/unix.h"

#define REQUEST_MAX 1024
#define BACKLOG 16
#define CLIENTS_MAX 64
/* A monitor that leaves more than this unread is disconnected. */
#define UNREAD_MAX (1024 * 1024)

struct client {
	struct dt_control *control;
	uv_pipe_t pipe;
	char request[REQUEST_MAX];
	size_t used;
	bool asked;	   /* the request was read; whatever follows is ignored */
	bool monitor;	   /* stays for events */
	const char *kinds; /* of a monitor: which, words with blanks between, part of request; "": all */
	bool waiting;	   /* for an answer in steps */
	const struct dt_control_steps *steps; /* which then */
	bool closing;
	struct client *prev, *next;
};

/* Text that is written piece by piece. */
struct text {
	FILE *out;
	char *line;
	size_t len;
};

struct dt_control {
	uv_loop_t *loop;
	uv_pipe_t pipe;
	char *path;
	dt_control_answer_fn status;
	dt_control_answer_fn why;
	const struct dt_control_word *words;
	size_t nwords;
	void *data;
	struct client *clients;
	unsigned nclients;
	/* the answer in steps */
	const struct dt_control_steps *steps; /* NULL: "status" is not answered so */
	uv_idle_t turn;			      /* active while one is being written */
	struct client *asker;		      /* whose it is; NULL: there is none */
	const struct dt_control_steps *now;   /* what writes it */
	void *answer;
	struct text text;
};

struct answer {
	uv_write_t write;
	char *text;
};

/* --- clients --------------------------------------------------------------------------------- */

static void client_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void steps_end(struct dt_control *c);

static void client_close(struct client *client)
{
	if (client->closing)
		return;
	client->closing = true;
	if (client->control->asker == client)
		steps_end(client->control);
	DL_DELETE(client->control->clients, client);
	client->control->nclients--;
	uv_close((uv_handle_t *)&client->pipe, client_closed);
}

static void answer_written(uv_write_t *write, int status)
{
	struct answer *answer = (struct answer *)write;
	struct client *client = write->handle->data;

	free(answer->text);
	free(answer);
	if (status < 0 || !client->monitor)
		client_close(client);
}

/* Frees text, whatever happens. */
static void client_send(struct client *client, char *text)
{
	struct answer *answer = calloc(1, sizeof(*answer));
	uv_buf_t buf;

	if (!answer) {
		free(text);
		client_close(client);
		return;
	}
	answer->text = text;
	buf = uv_buf_init(text, (unsigned)strlen(text));
	if (uv_write(&answer->write, (uv_stream_t *)&client->pipe, &buf, 1, answer_written) < 0) {
		free(text);
		free(answer);
		client_close(client);
	}
}

/* One line; takes the reference. NULL when out of memory. */
static char *line_of(json_t *value)
{
	char *text = value ? json_dumps(value, DT_CONTROL_JSON) : NULL, *line = NULL;

	json_decref(value);
	if (text && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	free(text);
	return line;
}

/* False when out of memory. */
static bool text_begin(struct text *t)
{
	*t = (struct text){0};
	t->out = open_memstream(&t->line, &t->len);
	return t->out;
}

/* The line, malloc'ed. NULL when out of memory. */
static char *text_end(struct text *t)
{
	bool whole;

	fputc('\n', t->out);
	whole = !ferror(t->out);
	if (fclose(t->out) == 0 && whole)
		return t->line;
	free(t->line);
	return NULL;
}

/* NULL when out of memory. */
static char *answer_line(struct dt_control *c, dt_control_answer_fn answer, const char *about)
{
	struct text text;

	if (!text_begin(&text))
		return NULL;
	answer(text.out, about, c->data);
	return text_end(&text);
}

/* --- an answer in steps -------------------------------------------------------------------------- */

/* Drops what is written so far. The next turn sees to others that wait. */
static void steps_end(struct dt_control *c)
{
	c->now->end(c->answer);
	fclose(c->text.out);
	free(c->text.line);
	c->asker = NULL;
}

/* Sends what is written. */
static void steps_finish(struct dt_control *c)
{
	struct client *asker = c->asker;
	char *line = text_end(&c->text);

	c->now->end(c->answer);
	c->asker = NULL;
	if (line)
		client_send(asker, line);
	else
		client_close(asker);
}

/* The rest of a request, behind its first word. */
static const char *rest_of(const char *request)
{
	const char *blank = strchr(request, ' ');

	return blank ? blank + 1 : "";
}

/* The word, or it and more behind a blank. */
static bool asks(const char *request, const char *word)
{
	size_t len = strcspn(request, " ");

	return len == strlen(word) && strncmp(request, word, len) == 0;
}

static void steps_begin(struct dt_control *c, struct client *asker)
{
	asker->waiting = false;
	if (text_begin(&c->text)) {
		c->now = asker->steps;
		c->answer = c->now->begin(rest_of(asker->request), c->data);
		if (c->answer) {
			c->asker = asker;
			return;
		}
		fclose(c->text.out);
		free(c->text.line);
	}
	client_close(asker);
}

static void step_due(uv_idle_t *turn)
{
	struct dt_control *c = turn->data;
	struct client *client;

	if (!c->asker) {
		DL_FOREACH(c->clients, client)
			if (client->waiting)
				break;
		if (client)
			steps_begin(c, client);
		else
			uv_idle_stop(turn);
		return;
	}
	if (!c->now->step(c->answer, c->text.out))
		steps_finish(c);
}

/* NULL: the request is not answered in steps. */
static const struct dt_control_steps *steps_for(const struct dt_control *c, const char *request)
{
	if (asks(request, "status"))
		return c->steps;
	for (size_t i = 0; i < c->nwords; i++)
		if (asks(request, c->words[i].word))
			return c->words[i].steps;
	return NULL;
}

/* The answer to a word of the daemon's own; NULL: it has no such word, or memory ran out. */
static char *word_answer(struct dt_control *c, const char *request, bool *known)
{
	*known = false;
	for (size_t i = 0; i < c->nwords; i++) {
		*known = asks(request, c->words[i].word);
		if (*known)
			return answer_line(c, c->words[i].answer, rest_of(request));
	}
	return NULL;
}

static void request_serve(struct client *client, const char *request)
{
	struct dt_control *c = client->control;
	bool known;
	char *line;

	client->asked = true;
	if (asks(request, "monitor")) {
		client->monitor = true;
		client->kinds = rest_of(request);
		return;
	}
	client->steps = steps_for(c, request);
	if (client->steps) {
		client->waiting = true;
		uv_idle_start(&c->turn, step_due);
		return;
	}
	if (strcmp(request, "status") == 0)
		line = answer_line(c, c->status, "");
	else if (strncmp(request, "why ", 4) == 0 && c->why)
		line = answer_line(c, c->why, request + 4);
	else if (!(line = word_answer(c, request, &known)) && !known)
		line = line_of(json_pack("{s:s}", "error",
					 c->why ? "unknown request; known are status, why and monitor"
						: "unknown request; known are status and monitor"));
	if (line)
		client_send(client, line);
	else
		client_close(client);
}

static void room_give(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct client *client = handle->data;
	static char waste[256];

	if (client->asked)
		*buf = uv_buf_init(waste, sizeof(waste));
	else
		*buf = uv_buf_init(client->request + client->used,
				   (unsigned)(sizeof(client->request) - 1 - client->used));
}

static void request_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	struct client *client = stream->data;
	char *newline;

	if (got < 0) {
		/* a client may shut down its side and still wait for the answer */
		if (!client->asked || client->monitor)
			client_close(client);
		else
			uv_read_stop(stream);
		return;
	}
	if (client->asked)
		return;
	client->used += (size_t)got;
	client->request[client->used] = '\0';
	newline = strchr(client->request, '\n');
	if (newline) {
		*newline = '\0';
		request_serve(client, client->request);
	} else if (client->used == sizeof(client->request) - 1) {
		client_close(client);
	}
}

static void client_accept(uv_stream_t *server, int status)
{
	struct dt_control *c = server->data;
	struct client *client;

	if (status < 0)
		return;
	client = calloc(1, sizeof(*client));
	if (!client) /* libuv hands out no other connection before this one is accepted */
		dt_memory_exhausted("control socket");
	client->control = c;
	uv_pipe_init(c->loop, &client->pipe, 0);
	client->pipe.data = client;
	DL_APPEND(c->clients, client);
	c->nclients++;
	if (uv_accept(server, (uv_stream_t *)&client->pipe) < 0 || c->nclients > CLIENTS_MAX ||
	    uv_read_start((uv_stream_t *)&client->pipe, room_give, request_read) < 0)
		client_close(client);
}

/* --- events ------------------------------------------------------------------------------------ */

static bool monitors(const struct client *client, const char *kind)
{
	size_t len = strlen(kind);

	if (!client->monitor)
		return false;
	for (const char *at = client->kinds;; at += strspn(at, " ")) {
		size_t word = strcspn(at, " ");

		if (!*at)
			return at == client->kinds;
		if (word == len && strncmp(at, kind, len) == 0)
			return true;
		at += word;
	}
}

bool dt_control_watched(const struct dt_control *c, const char *kind)
{
	const struct client *client;

	DL_FOREACH(c->clients, client)
		if (monitors(client, kind))
			return true;
	return false;
}

void dt_control_publish(struct dt_control *c, json_t *event)
{
	const char *word = json_string_value(json_object_get(event, "event"));
	char *kind = strdup(word ? word : ""), *line = line_of(event);
	struct client *client, *tmp;

	DL_FOREACH_SAFE(c->clients, client, tmp) {
		char *copy;

		if (!line || !kind || !monitors(client, kind))
			continue;
		copy = uv_stream_get_write_queue_size((uv_stream_t *)&client->pipe) > UNREAD_MAX ? NULL : strdup(line);
		if (copy)
			client_send(client, copy);
		else
			client_close(client);
	}
	free(kind);
	free(line);
}

/* --- the socket -------------------------------------------------------------------------------- */

static void control_closed(uv_handle_t *handle)
{
	struct dt_control *c = handle->data;

	free(c->path);
	free(c);
}

static void turn_closed(uv_handle_t *handle)
{
	struct dt_control *c = handle->data;

	uv_close((uv_handle_t *)&c->pipe, control_closed);
}

int dt_control_open(struct dt_control **out, uv_loop_t *loop, const char *path, dt_control_answer_fn status,
		    dt_control_answer_fn why, void *data)
{
	struct dt_control *c;
	mode_t mask;
	int err = dt_unix_place_clear(path);

	if (err)
		return err;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->path = strdup(path);
	if (!c->path) {
		free(c);
		return -ENOMEM;
	}
	c->loop = loop;
	c->status = status;
	c->why = why;
	c->data = data;
	uv_pipe_init(loop, &c->pipe, 0);
	uv_idle_init(loop, &c->turn);
	c->pipe.data = c->turn.data = c;
	mask = umask(0177);
	err = uv_pipe_bind(&c->pipe, path);
	umask(mask);
	if (err == 0)
		err = uv_listen((uv_stream_t *)&c->pipe, BACKLOG, client_accept);
	if (err) {
		uv_close((uv_handle_t *)&c->turn, turn_closed);
		return err;
	}
	*out = c;
	return 0;
}

void dt_control_status_in_steps(struct dt_control *c, const struct dt_control_steps *steps)
{
	c->steps = steps;
}

void dt_control_words(struct dt_control *c, const struct dt_control_word *words, size_t count)
{
	c->words = words;
	c->nwords = count;
}

void dt_control_close(struct dt_control *c)
{
	struct client *client, *tmp;

	if (!c)
		return;
	DL_FOREACH_SAFE(c->clients, client, tmp)
		client_close(client);
	unlink(c->path);
	uv_close((uv_handle_t *)&c->turn, turn_closed);
}
