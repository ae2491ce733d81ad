/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "web/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/memory.h"
#include "base/unix.h"

#define BACKLOG 16
/* After the answer: how long the reader has to close its side, so that the answer is not lost to a reset. */
#define LINGER_MS 1000

/* What a document wrote last; shared by the answers under way. */
struct page {
	char *text;
	size_t len;
	unsigned used; /* by whom: the documents' table is one */
	uint64_t at_ns;
};

struct reader {
	struct dt_web *web;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} at;
	uv_timer_t timer;
	uv_write_t write;
	uv_shutdown_t shutdown;
	struct dt_web_request request;
	bool answered; /* whatever else it sends is of no interest */
	bool over;     /* the answer is sent */
	bool closing;
	char head[1024];
	struct page *page; /* of the answer; NULL: it has none */
	struct reader *prev, *next;
};

struct dt_web {
	uv_loop_t *loop;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} at;
	struct dt_web_place place;
	const struct dt_web_document *documents;
	struct page **pages; /* of each document; NULL: not written yet */
	size_t count;
	void *data;
	struct reader *readers; /* the oldest first */
	unsigned nreaders;
};

/* --- pages ------------------------------------------------------------------------------------- */

static void page_drop(struct page *page)
{
	if (!page || --page->used)
		return;
	free(page->text);
	free(page);
}

/* NULL: out of memory. */
static struct page *page_write(const struct dt_web *w, const struct dt_web_document *d)
{
	struct page *page = calloc(1, sizeof(*page));
	FILE *out = page ? open_memstream(&page->text, &page->len) : NULL;
	bool whole;

	if (!out) {
		free(page);
		return NULL;
	}
	d->write(out, w->data);
	whole = !ferror(out);
	if (fclose(out) != 0 || !whole) {
		free(page->text);
		free(page);
		return NULL;
	}
	page->used = 1;
	page->at_ns = dt_awake_ns();
	return page;
}

/* The document as it is now, or was a moment ago; the caller's to drop. NULL: out of memory. */
static struct page *page_of(const struct dt_web *w, size_t i)
{
	struct page *known = w->pages[i];

	if (!known || dt_awake_ns() - known->at_ns >= DT_WEB_FRESH_MS * DT_MS) {
		page_drop(known);
		w->pages[i] = known = page_write(w, &w->documents[i]);
	}
	if (known)
		known->used++;
	return known;
}

/* --- readers ----------------------------------------------------------------------------------- */

static void timer_closed(uv_handle_t *handle)
{
	struct reader *r = handle->data;

	page_drop(r->page);
	free(r);
}

static void stream_closed(uv_handle_t *handle)
{
	struct reader *r = handle->data;

	uv_close((uv_handle_t *)&r->timer, timer_closed);
}

static void reader_close(struct reader *r)
{
	if (r->closing)
		return;
	r->closing = true;
	DL_DELETE(r->web->readers, r);
	r->web->nreaders--;
	uv_close(&r->at.handle, stream_closed);
}

static void late(uv_timer_t *timer)
{
	reader_close(timer->data);
}

static void shut_down(uv_shutdown_t *shutdown, int status)
{
	struct reader *r = shutdown->handle->data;

	if (status < 0)
		reader_close(r);
}

static void written(uv_write_t *write, int status)
{
	struct reader *r = write->handle->data;

	r->over = true;
	if (status < 0 || uv_shutdown(&r->shutdown, &r->at.stream, shut_down) < 0)
		reader_close(r);
	else
		dt_timer_arm(&r->timer, late, LINGER_MS, 0);
}

static const char *status_text(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 413:
		return "Content Too Large";
	case 414:
		return "URI Too Long";
	case 431:
		return "Request Header Fields Too Large";
	}
	return "Service Unavailable";
}

static void answer_send(struct reader *r, int status, const char *type, const char *headers, const char *text,
			size_t len)
{
	uv_buf_t bufs[2];
	int used = snprintf(r->head, sizeof(r->head),
			    "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n"
			    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n"
			    "Referrer-Policy: no-referrer\r\nCross-Origin-Resource-Policy: same-origin\r\n%s%s\r\n",
			    status, status_text(status), type, len, status == 405 ? "Allow: GET, HEAD\r\n" : "",
			    headers ? headers : "");

	r->answered = true;
	if (used < 0 || (size_t)used >= sizeof(r->head)) {
		reader_close(r);
		return;
	}
	dt_timer_arm(&r->timer, late, DT_WEB_ANSWER_MS, 0);
	bufs[0] = uv_buf_init(r->head, (unsigned)used);
	/* libuv only reads it */
	bufs[1] = uv_buf_init((char *)(uintptr_t)text, r->request.head ? 0 : (unsigned)len);
	if (uv_write(&r->write, &r->at.stream, bufs, 2, written) < 0)
		reader_close(r);
}

static void error_send(struct reader *r, int status)
{
	const char *text = status_text(status);

	answer_send(r, status, "text/plain; charset=utf-8", NULL, text, strlen(text));
}

static void request_serve(struct reader *r)
{
	struct dt_web *w = r->web;
	const struct dt_web_document *d;
	size_t i = 0;

	if (r->request.status != 200) {
		error_send(r, r->request.status);
		return;
	}
	while (i < w->count && strcmp(w->documents[i].path, r->request.path) != 0)
		i++;
	if (i == w->count) {
		error_send(r, 404);
		return;
	}
	d = &w->documents[i];
	r->page = page_of(w, i);
	if (r->page)
		answer_send(r, 200, d->type, d->headers, r->page->text, r->page->len);
	else
		error_send(r, 503);
}

static char room[4096]; /* what is read is used at once */

static void room_give(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	*buf = uv_buf_init(room, sizeof(room));
}

static void request_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	struct reader *r = stream->data;

	if (got < 0) {
		/* it may have shut down its side, and wait for the answer */
		if (!r->answered || r->over || got != UV_EOF)
			reader_close(r);
		else
			uv_read_stop(stream);
		return;
	}
	if (!r->answered && dt_web_request_feed(&r->request, &r->web->place, buf->base, (size_t)got))
		request_serve(r);
}

/* Makes room: the one that has been here longest without asking for anything, else the longest. */
static void oldest_close(struct dt_web *w)
{
	struct reader *r;

	DL_FOREACH(w->readers, r)
		if (!r->answered)
			break;
	reader_close(r ? r : w->readers);
}

static void reader_accept(uv_stream_t *server, int status)
{
	struct dt_web *w = server->data;
	struct reader *r;

	if (status < 0)
		return;
	r = calloc(1, sizeof(*r));
	if (!r) /* libuv hands out no other connection before this one is accepted */
		dt_memory_exhausted("metrics socket");
	r->web = w;
	dt_web_request_begin(&r->request);
	if (w->place.path)
		uv_pipe_init(w->loop, &r->at.pipe, 0);
	else
		uv_tcp_init(w->loop, &r->at.tcp);
	uv_timer_init(w->loop, &r->timer);
	r->at.handle.data = r->timer.data = r;
	if (w->nreaders >= DT_WEB_READERS_MAX)
		oldest_close(w);
	DL_APPEND(w->readers, r);
	w->nreaders++;
	if (uv_accept(server, &r->at.stream) < 0 || uv_read_start(&r->at.stream, room_give, request_read) < 0)
		reader_close(r);
	else
		dt_timer_arm(&r->timer, late, DT_WEB_REQUEST_MS, 0);
}

/* --- the whole --------------------------------------------------------------------------------- */

static void web_free(struct dt_web *w)
{
	for (size_t i = 0; w->pages && i < w->count; i++)
		page_drop(w->pages[i]);
	free(w->pages);
	free(w->place.path);
	free(w);
}

static void web_closed(uv_handle_t *handle)
{
	web_free(handle->data);
}

static int listen_unix(struct dt_web *w)
{
	mode_t mask;
	int err = dt_unix_place_clear(w->place.path);

	if (err)
		return err;
	/* the daemon's group may ask, such as a web server in front of it */
	mask = umask(0117);
	err = uv_pipe_bind(&w->at.pipe, w->place.path);
	umask(mask);
	return err;
}

static int listen_tcp(struct dt_web *w)
{
	struct sockaddr_storage sa;

	dt_endpoint_to_sockaddr(&w->place.at, &sa);
	return uv_tcp_bind(&w->at.tcp, (struct sockaddr *)&sa, UV_TCP_IPV6ONLY * (sa.ss_family == AF_INET6));
}

int dt_web_open(struct dt_web **out, uv_loop_t *loop, const struct dt_web_place *place,
		const struct dt_web_document *documents, size_t count, void *data)
{
	struct dt_web *w = calloc(1, sizeof(*w));
	int err = 0;

	if (!w)
		return -ENOMEM;
	*w = (struct dt_web){.loop = loop, .documents = documents, .count = count, .data = data, .place.at = place->at};
	w->pages = calloc(count, sizeof(struct page *));
	w->place.path = place->path ? strdup(place->path) : NULL;
	if (!w->pages || (place->path && !w->place.path))
		err = -ENOMEM;
	else if (place->path)
		err = uv_pipe_init(loop, &w->at.pipe, 0);
	else
		err = uv_tcp_init(loop, &w->at.tcp);
	if (err) {
		web_free(w);
		return err;
	}
	w->at.handle.data = w;
	err = place->path ? listen_unix(w) : listen_tcp(w);
	if (err == 0)
		err = uv_listen(&w->at.stream, BACKLOG, reader_accept);
	if (err) {
		uv_close(&w->at.handle, web_closed);
		return err;
	}
	*out = w;
	return 0;
}

void dt_web_close(struct dt_web *w)
{
	struct reader *r, *tmp;

	if (!w)
		return;
	DL_FOREACH_SAFE(w->readers, r, tmp)
		reader_close(r);
	if (w->place.path)
		unlink(w->place.path);
	uv_close(&w->at.handle, web_closed);
}
