/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks the policy whether detours help, and carries out what it says. */
#ifndef DETOURD_PM_PLAN_CHOICE_H
#define DETOURD_PM_PLAN_CHOICE_H

#include <stdint.h>

struct dt_pm;

/* Weighs the detours of connections on which something moves; every second, after arrivals were sampled. */
void dt_choice_tick(struct dt_pm *pm, uint64_t now_ns);

/* Looks at young detours more often than each second. Does nothing if it did so a moment ago. */
void dt_choice_look(struct dt_pm *pm, uint64_t now_ns);

#endif
