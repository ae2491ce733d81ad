/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Comparisons: some paths are backup for a moment, to see what the connection has without them. Either all detours, or
 * the direct path. What wins is kept. Pure.
 */
#ifndef DETOURD_PM_DECIDE_COMPARE_H
#define DETOURD_PM_DECIDE_COMPARE_H

#include "pm/decide/paths.h"

/* Begins or ends a comparison when it is time. True: one is under way, so nothing else may change. */
bool dt_compare_tick(struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out, bool busy);
/* Ends the one that is under way, if any, without a verdict. */
void dt_compare_abort(struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out,
		      const char *why);

#endif
