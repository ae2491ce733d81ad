/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/wall.h"

#include <stdio.h>
#include <time.h>

uint64_t dt_wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

const char *dt_wall_format(uint64_t wall_ms, char *buf)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	char date[DT_WALL_STRLEN];

	if (!gmtime_r(&seconds, &tm) || strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) != 19) {
		snprintf(buf, DT_WALL_STRLEN, "-"); /* beyond the year 9999 */
		return buf;
	}
	snprintf(buf, DT_WALL_STRLEN, "%.19s.%03uZ", date, (unsigned)(wall_ms % 1000));
	return buf;
}
