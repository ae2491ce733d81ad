/* SPDX-License-Identifier: GPL-2.0-or-later */
/* That a path does not pay, or not yet: how long it is backup for that reason, and when that no longer holds. Pure. */
#ifndef DETOURD_PM_DECIDE_VERDICT_H
#define DETOURD_PM_DECIDE_VERDICT_H

#include "pm/decide/paths.h"

/*
 * The path is backup for a while, longer each time in a row. bps goes with the verdict: what the connection had without a
 * detour, or what it had with the direct path.
 */
void dt_verdict_reach(const struct dt_policy_input *in, const struct dt_path *path, double bps);
/* The path is backup for the rest of the time that the history's verdict says. */
void dt_verdict_recall(const struct dt_policy_input *in, const struct dt_path *path, struct dt_path_memory *m);
/* It is backup until then, without a verdict: the connection is too young for it. */
void dt_verdict_wait(struct dt_path_memory *m, uint64_t until_ns);
/* It is used again; nothing is held against it from now on. */
void dt_verdict_clear(struct dt_path_memory *m, uint64_t now_ns);
/* It is used again, because its time is over or circumstances changed. If it does not pay again, it waits longer. */
void dt_verdict_suspend(struct dt_path_memory *m, uint64_t now_ns);

#endif
