/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a daemon's JSON says, as cells of tables: shared by `status` and `top`. */
#ifndef DETOURD_CLI_CELLS_H
#define DETOURD_CLI_CELLS_H

#include <jansson.h>

#include "cli/table.h"

/* "9.1 Mbit/s"; "?" where there is no such rate. */
void dt_cell_rate(struct dt_table *t, const json_t *object, const char *key);
/* "" where there is no such time; ago: " ago" or "". */
void dt_cell_duration(struct dt_table *t, const json_t *object, const char *key, const char *ago);
/* "+61 % ± 8", without what the whole text says of its measurements. */
void dt_cell_gain(struct dt_table *t, const json_t *object);
/* What a relay converts for a client: how many connections; "" where it may have none. */
void dt_cell_converted(struct dt_table *t, const json_t *client);
/* So many bytes of a client: of flows and of what is converted. */
void dt_cell_carried(struct dt_table *t, const json_t *client, const char *key);
/* A share from 0 to 1, rounded. */
long dt_cell_percent(double share);
/* Name, state, round trip, and the rate each way of a client's relay. */
void dt_cells_relay(struct dt_table *t, const json_t *relay);
/* A connection: ID, PROGRAM, USER, SERVER, RULE, AGE, DOWN, UP, PATHS. */
void dt_cells_connection(struct dt_table *t, const json_t *connection);
enum dt_colour dt_cell_state_colour(const char *state);

#endif
