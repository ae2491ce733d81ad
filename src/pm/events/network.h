/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Follows the host's links, addresses and routes. */
#ifndef DETOURD_PM_EVENTS_NETWORK_H
#define DETOURD_PM_EVENTS_NETWORK_H

struct dt_pm;

/* Removes the routes and rules that a killed run left, then follows. -errno, logged. */
int dt_network_events_open(struct dt_pm *pm);
/* May be called if open failed. */
void dt_network_events_close(struct dt_pm *pm);

#endif
