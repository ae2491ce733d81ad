/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sliding replay window over 64-bit counters (as RFC 6479). Pure. */
#ifndef DETOURD_PROTO_REPLAY_H
#define DETOURD_PROTO_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#define DT_REPLAY_BITS 2048

struct dt_replay {
	uint64_t newest;
	uint64_t bitmap[DT_REPLAY_BITS / 64];
};

/* Was this counter not seen before, and is it not too old? Then it counts as seen. 0 is never accepted. */
bool dt_replay_accept(struct dt_replay *r, uint64_t counter);

#endif
