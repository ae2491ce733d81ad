/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attribution: one line for every flow that ended, so that whoever is asked about his relay's traffic can say whose it
 * was. To a file, which is opened anew by a reload (so that logs can be rotated), or to the daemon's own log. A line that
 * the file does not take goes to the daemon's log and is counted: none is lost without a word.
 */
#ifndef DETOURD_RELAY_FLOWLOG_H
#define DETOURD_RELAY_FLOWLOG_H

#include "relay/flows.h"

#define DT_FLOWLOG_STDERR "-"

struct dt_flowlog;

/* where: NULL for none, DT_FLOWLOG_STDERR, or a path. Negative errno of open(2), -ENOMEM. */
int dt_flowlog_open(struct dt_flowlog **out, const char *where);
/* May be NULL. */
void dt_flowlog_close(struct dt_flowlog *log);
/* Opens where in the place of what is open; on failure nothing changes. */
int dt_flowlog_reopen(struct dt_flowlog *log, const char *where);

/* client: its name, NULL if its section is gone; now and the flow's times are CLOCK_BOOTTIME. */
void dt_flowlog_write(struct dt_flowlog *log, const struct dt_flow_view *flow, const char *client, const char *reason,
		      uint64_t ended_ns, uint64_t now_ns);

struct dt_flowlog_counts {
	uint64_t lines;	 /* written */
	uint64_t failed; /* that the file did not take */
};
struct dt_flowlog_counts dt_flowlog_counts(const struct dt_flowlog *log);

#endif
