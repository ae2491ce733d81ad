/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of `detourd top`: a client's paths and connections, a relay's clients. Pure. */
#ifndef DETOURD_CLI_TOP_LISTS_H
#define DETOURD_CLI_TOP_LISTS_H

#include "cli/top/canvas.h"

/* Each with so many lines at most, the heading among them. list: of dt_top_list(), of which the part that fits is drawn. */
void dt_top_paths_add(struct dt_canvas *c, size_t most);
void dt_top_clients_add(struct dt_canvas *c, const json_t *list, size_t most);
void dt_top_connections_add(struct dt_canvas *c, const json_t *list, size_t most);
/* A line, where the list is not of all connections. */
void dt_top_rest_add(struct dt_canvas *c, const json_t *list);

#endif
