/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/event.h"

#include "base/clock.h"
#include "base/wall.h"

json_t *dt_event_new(const char *event, const char *level, const char *detail)
{
	char time[DT_WALL_STRLEN];

	return json_pack("{s:I, s:s, s:s, s:s, s:s}", "time_ms", (json_int_t)(dt_now_ns() / DT_MS), "event", event,
			 "detail", detail, "time", dt_wall_format(dt_wall_ms(), time), "level", level);
}
