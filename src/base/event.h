/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every event of `detourd monitor` has, whichever daemon it is of. */
#ifndef DETOURD_BASE_EVENT_H
#define DETOURD_BASE_EVENT_H

#include <jansson.h>

/* With the time of now. event: its kind; level: "debug", "info" or "warn"; detail: what happened. NULL: out of memory. */
json_t *dt_event_new(const char *event, const char *level, const char *detail);

#endif
