/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What connections with servers move, converted and directly, so that decide/worth can compare. */
#ifndef DETOURD_PM_PLAN_PAYS_H
#define DETOURD_PM_PLAN_PAYS_H

#include <stdint.h>

struct dt_pm;

/* Called every second, after dt_arrivals_sample(). */
void dt_pays_sample(struct dt_pm *pm, uint64_t now_ns);

#endif
