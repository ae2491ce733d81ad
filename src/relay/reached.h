/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of a client's limits keep it from having more now. Pure. */
#ifndef DETOURD_RELAY_REACHED_H
#define DETOURD_RELAY_REACHED_H

#include "relay/config.h"
#include "relay/flows.h"

enum dt_relay_limit { DT_LIMIT_LEASES, DT_LIMIT_FLOWS, DT_LIMIT_RATE, DT_RELAY_LIMITS };

/* As the configuration calls it. */
const char *dt_relay_limit_name(enum dt_relay_limit limit);
/* Bits of enum dt_relay_limit. */
unsigned dt_relay_limits_reached(const struct dt_peer_conf *conf, size_t leases, const struct dt_flow_totals *totals);

#endif
