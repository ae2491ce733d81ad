/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An HTTP server for a few readers: GET and HEAD of documents that the daemon writes, one request a connection. Readers that
 * send or read too slowly are dropped; the daemon waits for none.
 */
#ifndef DETOURD_WEB_SERVER_H
#define DETOURD_WEB_SERVER_H

#include <stdio.h>
#include <uv.h>

#include "web/request.h"

struct dt_web_document {
	const char *path; /* "/metrics" */
	const char *type; /* Content-Type */
	void (*write)(FILE *out, void *data);
	const char *headers; /* further ones, each ended by "\r\n"; may be NULL */
};

struct dt_web;

/*
 * Listens at place, which is copied. The documents are borrowed; data is for their write(). What one wrote is used again for
 * DT_WEB_FRESH_MS. -EADDRINUSE; -ENAMETOOLONG; -ENOMEM; others of bind(2), listen(2) and chmod(2).
 */
int dt_web_open(struct dt_web **out, uv_loop_t *loop, const struct dt_web_place *place,
		const struct dt_web_document *documents, size_t count, void *data);
/* Frees everything once the loop turns. May be NULL. */
void dt_web_close(struct dt_web *w);

#define DT_WEB_FRESH_MS 500
#define DT_WEB_READERS_MAX 32
/* Until the request is there, and until the answer is read. */
#define DT_WEB_REQUEST_MS 5000
#define DT_WEB_ANSWER_MS 15000

#endif
