/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What moved in a tick, and whether it shows anything about the paths. Pure. */
#ifndef DETOURD_PM_DECIDE_MEASURE_H
#define DETOURD_PM_DECIDE_MEASURE_H

#include "pm/decide/paths.h"

/* Updates the memories. True: the connection was busy in this tick. */
bool dt_measure_tick(struct dt_chooser *p, const struct dt_policy_input *in);
/* A path carries little below this share of another's rate: then they are so different that one may harm the other. */
#define DT_LITTLE_SHARE 0.35
/* Measured for long enough to be rated. */
bool dt_path_is_settled(const struct dt_path *path, uint64_t now_ns);
/* Of the connection: a detour that carries less is not worth its risk. */
#define DT_NOTHING_SHARE 0.02

#endif
