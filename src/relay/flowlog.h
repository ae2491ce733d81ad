/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line for every flow that ended, so that the owner of a relay can say whose traffic it was. Lines go to a file,
 * which a reload opens again (so that logs can be rotated), or to the daemon's own log. A line that cannot be written
 * to the file goes to the daemon's log and is counted.
 */
#ifndef DETOURD_RELAY_FLOWLOG_H
#define DETOURD_RELAY_FLOWLOG_H

#include "convert/channel.h"
#include "relay/flows.h"

struct dt_flowlog;

/* where: NULL for none, DT_FLOWLOG_STDERR, or a path. Negative errno of open(2), -ENOMEM. */
int dt_flowlog_open(struct dt_flowlog **out, const char *where);
/* May be NULL. */
void dt_flowlog_close(struct dt_flowlog *log);
/* Replaces the open file by where. If that cannot be opened, the lines go to the daemon's log, and it says so. */
void dt_flowlog_reopen(struct dt_flowlog *log, const char *where);

/* client: its name, NULL if its section is gone. All times are CLOCK_BOOTTIME. */
void dt_flowlog_write(struct dt_flowlog *log, const struct dt_flow_view *flow, const char *client, const char *reason,
		      uint64_t ended_ns, uint64_t now_ns);

/* A converted connection; its bytes are payload, its packets are not counted. */
void dt_flowlog_converted(struct dt_flowlog *log, const struct dt_channel_message *flow, const char *client,
			  uint64_t now_ns);

struct dt_flowlog_counts {
	uint64_t lines;	 /* written */
	uint64_t failed; /* could not be written to the file */
};
struct dt_flowlog_counts dt_flowlog_counts(const struct dt_flowlog *log);

#endif
