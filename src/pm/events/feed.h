/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two descriptors that events of connections come from: path-manager netlink, and track.bpf's ring. */
#ifndef DETOURD_PM_EVENTS_FEED_H
#define DETOURD_PM_EVENTS_FEED_H

struct dt_pm;

/* -errno; what was opened is closed by dt_feed_close(). */
int dt_feed_open(struct dt_pm *pm);
/* May be called if open failed. */
void dt_feed_close(struct dt_pm *pm);

#endif
