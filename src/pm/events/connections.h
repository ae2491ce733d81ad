/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events of connections: from the path-manager interface, and from track.bpf. */
#ifndef DETOURD_PM_EVENTS_CONNECTIONS_H
#define DETOURD_PM_EVENTS_CONNECTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "net/mptcp_pm.h"

struct dt_endpoint;
struct dt_pm;

void dt_connections_event(struct dt_pm *pm, const struct dt_mptcp_event *event);
/* A subflow reached TCP_CLOSE. */
void dt_connections_subflow_closed(struct dt_pm *pm, dt_mptcp_token token, const struct dt_endpoint *local,
				   const struct dt_endpoint *remote, uint64_t now_ns);
/* Something moves on a subflow again. timed_out: its RTO fired, and it retransmits. */
void dt_connections_subflow_moves(struct dt_pm *pm, dt_mptcp_token token, const struct dt_endpoint *local,
				  const struct dt_endpoint *remote, bool timed_out);

#endif
