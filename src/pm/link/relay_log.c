/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/link/relay_log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "pm/store/relay.h"

#define AT_ONCE 20
#define INTERVAL_NS (3 * DT_SEC)

void dt_relay_log_init(struct dt_pm_relay *relay)
{
	relay->log = (struct dt_bucket){.interval_ns = INTERVAL_NS, .depth_ns = AT_ONCE * INTERVAL_NS};
}

void dt_relay_log(struct dt_pm_relay *relay, enum dt_log_level level, const char *fmt, ...)
{
	char text[512], suppressed[48] = "";
	va_list args;

	if (!dt_bucket_take(&relay->log, dt_now_ns())) {
		relay->log_suppressed++;
		return;
	}
	if (relay->log_suppressed)
		snprintf(suppressed, sizeof(suppressed), " suppressed=%llu", (unsigned long long)relay->log_suppressed);
	relay->log_suppressed = 0;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	dt_log(level, "%s%s", text, suppressed);
}
