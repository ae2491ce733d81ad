/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's last events in `detourd top`. Pure. */
#ifndef DETOURD_CLI_TOP_EVENTS_H
#define DETOURD_CLI_TOP_EVENTS_H

#include "cli/top/canvas.h"

/* So many lines at most, the newest event at the bottom. id: only of this connection; 0: all. */
void dt_top_events_add(struct dt_canvas *c, size_t most, json_int_t id);

#endif
