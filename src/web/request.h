/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One HTTP request, as it comes in. libhttp-parser reads it; here is what of it is taken: a GET or HEAD of a path, for a
 * host of ours, without a body. Pure.
 */
#ifndef DETOURD_WEB_REQUEST_H
#define DETOURD_WEB_REQUEST_H

#include <http_parser.h>
#include <stdbool.h>

#include "web/place.h"

#define DT_WEB_REQUEST_MAX 8192 /* bytes until the end of the headers */
#define DT_WEB_TARGET_MAX 1024
#define DT_WEB_HOST_MAX 256

struct dt_web_request {
	http_parser parser;
	size_t size;			/* bytes so far */
	char target[DT_WEB_TARGET_MAX]; /* as sent */
	size_t target_len;
	char host[DT_WEB_HOST_MAX];
	size_t host_len;
	unsigned hosts; /* headers of this name */
	char name[8];	/* of the header at hand; longer ones are of no interest */
	size_t name_len;
	bool in_value;
	/* once it is read: */
	int status;	  /* 0: not yet; 200: take it; else the answer */
	bool head;	  /* the body of the answer is left out */
	const char *path; /* in target, without the query */
};

void dt_web_request_begin(struct dt_web_request *r);
/* The next bytes. True: it is read, and status says how; further bytes are of no interest. */
bool dt_web_request_feed(struct dt_web_request *r, const struct dt_web_place *place, const char *data, size_t len);
/*
 * Is text, a Host header's value, a name of this place: its address, localhost, or any loopback address? A browser tells
 * the name that it looked up, which a stranger may have led to us. No browser comes to a Unix socket: there any is.
 */
bool dt_web_host_is_ours(const char *text, const struct dt_web_place *place);

#endif
