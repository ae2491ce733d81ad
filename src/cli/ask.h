/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One question to a running daemon, by its control socket. */
#ifndef DETOURD_CLI_ASK_H
#define DETOURD_CLI_ASK_H

#include <jansson.h>

/*
 * Sends request, a line without its end, and takes the answer, to be freed by json_decref(). -ENOENT or -ECONNREFUSED:
 * nobody listens at path; -EPROTO: the answer is no JSON, or none came; other errors of connecting.
 */
int dt_ask(const char *path, const char *request, json_t **answer);
/* The same for people: says on stderr what went wrong, also if the answer is an error. NULL: something did. */
json_t *dt_ask_or_complain(const char *path, const char *request);

#endif
