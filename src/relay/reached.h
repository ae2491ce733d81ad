/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a client has and how fast it moves, and which of its limits keep it from having more now. */
#ifndef DETOURD_RELAY_REACHED_H
#define DETOURD_RELAY_REACHED_H

#include "relay/config.h"
#include "relay/flows.h"

struct dt_relay;

/* Of one client (0: of all): its flows, with the rates of what is converted added to theirs. */
struct dt_flow_totals dt_relay_totals(const struct dt_relay *r, uint64_t client_id);

enum dt_relay_limit { DT_LIMIT_LEASES, DT_LIMIT_FLOWS, DT_LIMIT_RATE, DT_RELAY_LIMITS };

/* As the configuration calls it. */
const char *dt_relay_limit_name(enum dt_relay_limit limit);
/* converted_limited: as dt_converters_limited(). Bits of enum dt_relay_limit. Pure. */
unsigned dt_relay_limits_reached(const struct dt_peer_conf *conf, size_t leases, const struct dt_flow_totals *totals,
				 bool converted_limited);

#endif
