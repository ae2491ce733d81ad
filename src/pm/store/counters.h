/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's counters, with their names in `detourd status --json`. */
#ifndef DETOURD_PM_STORE_COUNTERS_H
#define DETOURD_PM_STORE_COUNTERS_H

#include "pm/decide/fallback.h"

/* X(constant, name). The four fell_back counters are in the order of enum dt_fallback. */
#define DT_PM_COUNTERS_LIST(X)                                            \
	X(DT_PM_CONNECTIONS, "connections")                               \
	X(DT_PM_LOST_EVENTS, "lost_events")                               \
	X(DT_PM_TAKEN_OVER, "taken_over")                                 \
	X(DT_PM_STOCKS, "stocks_taken")                                   \
	X(DT_PM_STOCK_US, "last_stock_us") /* duration of the last one */ \
	X(DT_PM_JOINS, "joins")                                           \
	X(DT_PM_JOINS_ESTABLISHED, "joins_established")                   \
	X(DT_PM_JOIN_REFUSED, "join_refused")                             \
	X(DT_PM_JOIN_TIMEOUT, "join_timeout")                             \
	X(DT_PM_JOIN_FAILED, "join_failed")                               \
	X(DT_PM_LEASES_ASKED, "leases_asked")                             \
	X(DT_PM_LEASES_GRANTED, "leases_granted")                         \
	X(DT_PM_LEASES_REFUSED, "leases_refused")                         \
	X(DT_PM_CLAIMS_REFUSED, "relay_addresses_refused")                \
	X(DT_PM_ANNOUNCED, "addresses_announced")                         \
	X(DT_PM_SURPLUS_CLOSED, "surplus_closed")                         \
	X(DT_PM_PROBES, "probes_sent")                                    \
	X(DT_PM_GIVEN_UP, "subflows_given_up")                            \
	X(DT_PM_ENDS_UNTOLD, "ends_untold")                               \
	X(DT_PM_ENDS_TOLD_AGAIN, "ends_told_again")                       \
	X(DT_PM_FADED, "subflows_faded")                                  \
	X(DT_PM_FELL_BACK, "fell_back")                                   \
	X(DT_PM_FELL_BACK_STRIPPED, "fell_back_stripped")                 \
	X(DT_PM_FELL_BACK_SYN_LOST, "fell_back_syn_lost")                 \
	X(DT_PM_FELL_BACK_DISABLED, "fell_back_disabled")                 \
	X(DT_PM_CONVERTED, "converted")                                   \
	X(DT_PM_DECISIONS, "decisions")                                   \
	X(DT_PM_DROPPED_AUTH, "dropped_auth")                             \
	X(DT_PM_DROPPED_MALFORMED, "dropped_malformed")                   \
	X(DT_PM_DROPPED_UNMATCHED, "dropped_unmatched")                   \
	X(DT_PM_DROPPED_TUNNEL, "dropped_tunnel")

#define DT_PM_COUNTER_CONSTANT(constant, name) constant,
enum dt_pm_counter { DT_PM_COUNTERS_LIST(DT_PM_COUNTER_CONSTANT) DT_PM_COUNTERS };
#undef DT_PM_COUNTER_CONSTANT

_Static_assert(DT_PM_FELL_BACK_DISABLED - DT_PM_FELL_BACK == DT_FALLBACKS - 1, "a counter for each enum dt_fallback");

#endif
