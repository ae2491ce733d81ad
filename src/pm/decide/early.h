/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first moments of a detour. A short transfer ends when its slowest path has delivered what it got, so a path that is
 * slower by far must be left before it gets much. Pure.
 */
#ifndef DETOURD_PM_DECIDE_EARLY_H
#define DETOURD_PM_DECIDE_EARLY_H

#include "pm/decide/paths.h"

/* To be called about so often while a detour is young. */
#define DT_EARLY_LOOK_MS 20

/* At lower rates of the direct path the application is slow, and a look shows nothing. Segments a second. */
#define DT_EARLY_PACE 200
/* So old a connection has no young detours. */
#define DT_EARLY_LASTED_NS (4 * DT_SEC)

/* Makes detours backup that carry little. False: none is young any more. */
bool dt_early_look(const struct dt_policy_input *in, struct dt_policy_output *out);

#endif
