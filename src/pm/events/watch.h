/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looks at connections on which something moves every few milliseconds, all of them in one call, and gives up a subflow
 * soon after its path dies. Connections on which nothing moves cost nothing: an event of track.bpf, a new subflow or
 * taking stock puts them on the list again.
 */
#ifndef DETOURD_PM_EVENTS_WATCH_H
#define DETOURD_PM_EVENTS_WATCH_H

struct dt_connection;
struct dt_endpoint;
struct dt_pm;

/* Logs why it failed; then the kernel alone deals with dead paths. */
void dt_watch_open(struct dt_pm *pm);
/* After the connections are gone. */
void dt_watch_close(struct dt_pm *pm);
/* Something moves on it, or it has a new subflow: watched until nothing has moved for a while. */
void dt_watch_wake(struct dt_connection *c);
/* The RTO of this subflow fired: it retransmits. */
void dt_watch_timed_out(struct dt_connection *c, const struct dt_endpoint *local, const struct dt_endpoint *remote);
void dt_watch_forget(struct dt_connection *c);

#endif
