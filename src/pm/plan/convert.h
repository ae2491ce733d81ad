/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which new connections go to a converter, and over which relay. The kernel is told for a few seconds at a time. */
#ifndef DETOURD_PM_PLAN_CONVERT_H
#define DETOURD_PM_PLAN_CONVERT_H

#include <stdint.h>

struct dt_pm;

/* Plans for each server that was noted. Called every second, and when something that bears on it changed. */
void dt_convert_plan(struct dt_pm *pm, uint64_t now_ns);

#endif
