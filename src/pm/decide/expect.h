/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a path will probably carry, and the order that follows from it. Pure. */
#ifndef DETOURD_PM_DECIDE_EXPECT_H
#define DETOURD_PM_DECIDE_EXPECT_H

#include "pm/decide/paths.h"

/* What a detour over this path will probably carry, in bits per second; negative: unknown. */
double dt_policy_expect(const struct dt_gain *gain, uint64_t now_s);
/* What an idle path may carry at best. More than expected, if it was never measured, or little, or long ago. */
double dt_policy_best_case(const struct dt_policy_input *in, const struct dt_path *path);
/*
 * What orders the paths. One that was never measured counts as it did elsewhere, else as the mean of the others,
 * more where its round trip is shorter than theirs. One
 * that failed lately comes last; others of its network, and those that did not pay, come before it. Equal ones stay in
 * the user's order.
 */
double dt_policy_worth(const struct dt_policy_input *in, const struct dt_path *path);
/* It did not pay lately, and its time as backup is not over. Without a direct path nothing is backup. */
bool dt_policy_did_not_pay(const struct dt_policy_input *in, const struct dt_path *path);
/* Writes in->npaths indexes, best first. Paths that are opening come before all others. */
void dt_policy_order(const struct dt_policy_input *in, size_t *order);

#endif
