/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decides which paths a connection should use: state and measurements go in, actions come out, each with its reason.
 * Pure: no clock, no I/O, no randomness. docs/policy.md explains what it weighs and why.
 */
#ifndef DETOURD_PM_DECIDE_POLICY_H
#define DETOURD_PM_DECIDE_POLICY_H

#include "pm/decide/backups.h"
#include "pm/decide/expect.h"
#include "pm/decide/paths.h"

/* One tick: updates the memories from the measurements, then decides. */
void dt_policy_tick(struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out);

#endif
