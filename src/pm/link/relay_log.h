/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log lines that a relay can cause by what it says or does not say. Each relay may cause 20 at once, and one every three
 * seconds after that. Others are counted, and the next line that is written says how many: suppressed=N.
 */
#ifndef DETOURD_PM_LINK_RELAY_LOG_H
#define DETOURD_PM_LINK_RELAY_LOG_H

#include "base/log.h"

struct dt_pm_relay;

void dt_relay_log(struct dt_pm_relay *relay, enum dt_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* For a relay that was just opened. */
void dt_relay_log_init(struct dt_pm_relay *relay);

#endif
