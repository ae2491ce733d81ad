/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copying between the two ends of a connection, both ways. What one end sent is never lost while this process lives: the end
 * of its data is passed on after the data, and so is a reset.
 */
#ifndef DETOURD_CONVERT_COPY_H
#define DETOURD_CONVERT_COPY_H

#include "convert/state.h"

enum dt_copy_verdict {
	DT_COPY_WAITS,	   /* for an event */
	DT_COPY_MORE,	   /* it had its turn: there is more to copy */
	DT_COPY_THROTTLED, /* for max-rate */
	DT_COPY_DRAINS,	   /* one end failed: see dt_copy_drained() */
	DT_COPY_OVER,	   /* both ends sent all, and have all */
	DT_COPY_DEAD,	   /* nothing can be delivered any more: to be reset */
};
/* Copies for a turn. */
enum dt_copy_verdict dt_copy_run(struct dt_copy_pair *p, uint64_t now_ns);
/* Has the end that is left all that was sent to it, or does it not take more? Then both are to be reset. */
bool dt_copy_drained(struct dt_copy_pair *p, uint64_t now_ns);
void dt_copy_held_drop(struct dt_copy_pair *p, struct dt_copy_side *s);

#endif
