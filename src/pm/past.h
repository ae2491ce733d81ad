/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's answer to `detourd history`. Reads only. */
#ifndef DETOURD_PM_PAST_H
#define DETOURD_PM_PAST_H

#include "base/control.h"

/* The answer to "history SECONDS": what was measured in so many seconds until now. Data is the struct dt_pm. */
extern const struct dt_control_steps dt_pm_past;

#endif
