/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events for `detourd monitor`: clients, leases, flows and limits. Costs nothing while no monitor watches. Clients cause them,
 * so there are no more than some hundred a second; the next one says how many were left out.
 */
#ifndef DETOURD_RELAY_REPORT_H
#define DETOURD_RELAY_REPORT_H

#include <stdbool.h>

#include "base/addr.h"

struct dt_relay;
struct dt_relay_reports;

void dt_relay_reports_init(struct dt_relay_reports *reports);
/* About a client, by its name; from and server may be NULL. */
void dt_relay_report(struct dt_relay *r, const char *event, const char *level, const char *client,
		     const struct dt_endpoint *from, const struct dt_endpoint *server, const char *detail);
/* Does a monitor watch these? */
bool dt_relay_report_watched(const struct dt_relay *r, const char *event);
/* What nat.bpf refused since the last call, and which clients came to their limits. To be called every sweep. */
void dt_relay_report_tick(struct dt_relay *r);

#endif
