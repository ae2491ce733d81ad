/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemons' JSON as text for people. Missing or unexpected keys show as "?" or nothing. view.h has `status`. */
#ifndef DETOURD_CLI_RENDER_H
#define DETOURD_CLI_RENDER_H

#include <jansson.h>
#include <stdio.h>

/* What a client's status says of servers: those without MPTCP, those that refuse, and endpoints without effect. */
void dt_render_servers(const json_t *status, FILE *to);
void dt_render_why(const json_t *why, FILE *to);
/* One line. */
void dt_render_event(const json_t *event, FILE *to);

#endif
