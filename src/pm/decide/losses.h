/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells a path that loses many packets from one that is merely full. A full queue loses packets once in many round trips,
 * and few of many; a path that loses packets by chance does so in every second round trip, or most of what little it is
 * given. Pure.
 */
#ifndef DETOURD_PM_DECIDE_LOSSES_H
#define DETOURD_PM_DECIDE_LOSSES_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/types.h>

#include "detourd/maps.h"

#define DT_LOSSES 6

struct dt_liveness;

/* A moment in which packets were lost, with what had been sent, received and lost until then. */
struct dt_loss {
	uint64_t at_ns;
	uint32_t segments, lost;
};

/* Of one subflow; all zero at first. */
struct dt_losses {
	bool begun;
	uint32_t lost;		/* so far */
	uint32_t retransmitted; /* of the last sample */
	uint32_t rcv_nxt;	/* the missing segment, */
	uint64_t missing_ns;	/* since when (0: none is), */
	bool counted;		/* and it is among those lost */
	struct dt_loss last[DT_LOSSES];
	unsigned at; /* the oldest of these, which is the next to be overwritten */
};

/* To be called after dt_liveness_sample(). True: packets were lost. */
bool dt_losses_sample(struct dt_losses *l, const struct dt_liveness *liveness, const struct dt_pulse *sample,
		      uint64_t now_ns);
/* It loses so much that it should not be used. Judged from losses after since_ns only. */
bool dt_losses_are_many(const struct dt_losses *l, const struct dt_liveness *liveness, uint64_t since_ns,
			uint64_t now_ns);
/* So often since then, DT_LOSSES at most. */
unsigned dt_losses_since(const struct dt_losses *l, uint64_t since_ns);
/* When the oldest of the last DT_LOSSES was; 0: there were not so many. */
uint64_t dt_losses_oldest_ns(const struct dt_losses *l);

#endif
