/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections to servers that are made at the client's SYN, so that the first byte comes earlier by one round trip between
 * client and relay. One whose client does not come is reset.
 */
#ifndef DETOURD_CONVERT_EARLY_H
#define DETOURD_CONVERT_EARLY_H

#include "convert/state.h"

/*
 * Connects to the lease's server for who comes from there, under this source port if that is possible (0: any). Does nothing
 * if there is one already, or too many wait.
 */
void dt_early_begin(struct dt_copy_lease *lease, const struct dt_endpoint *from, uint16_t port);
/* The socket for who has come from there, connected or on the way, now the caller's. -1: there is none. */
int dt_early_take(struct dt_copy_lease *lease, const struct dt_endpoint *from);
/* A source port for a connection that was not made early; 0: any. */
uint16_t dt_early_port(struct dt_copy_lease *lease);
/* Ends those whose client did not come. */
void dt_early_tick(struct dt_copy_lease *lease);
/* Ends all. */
void dt_early_drop(struct dt_copy_lease *lease);

#endif
