/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemons' JSON as text for people. Missing or unexpected keys show as "?" or nothing. */
#ifndef DETOURD_CLI_RENDER_H
#define DETOURD_CLI_RENDER_H

#include <jansson.h>
#include <stdio.h>

void dt_render_status(const json_t *status, FILE *to);
void dt_render_why(const json_t *why, FILE *to);
/* One line. */
void dt_render_event(const json_t *event, FILE *to);

#endif
