/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One converted connection: accepted from the client, opened to the server, copied, ended. */
#ifndef DETOURD_CONVERT_PAIR_H
#define DETOURD_CONVERT_PAIR_H

#include "convert/state.h"

/* Takes an accepted connection, and begins one to the lease's server. What fails is told to the daemon. */
void dt_pair_open(struct dt_copy_lease *lease, int client_fd, const struct dt_endpoint *from);
/* Resets both ends at once. reason: a word for the log. */
void dt_pair_reset(struct dt_copy_pair *p, const char *reason);
/* Those that have something to copy, and those that wait for max-rate, have their turn. */
void dt_pairs_run(struct dt_copier *copier, bool throttled_too);
/* Called now and then: time-outs, and ends that drain. */
void dt_pairs_tick(struct dt_copier *copier);
/* Frees those that ended; no event of theirs may be left. */
void dt_pairs_reap(struct dt_copier *copier);

#endif
