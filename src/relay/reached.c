/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/reached.h"

#include "relay/relay.h"

/* A share of max-rate: TCP is slowed down before it has all of it. */
#define RATE_REACHED 0.9

const char *dt_relay_limit_name(enum dt_relay_limit limit)
{
	static const char *const names[DT_RELAY_LIMITS] = {
		[DT_LIMIT_LEASES] = "max-leases", [DT_LIMIT_FLOWS] = "max-flows", [DT_LIMIT_RATE] = "max-rate"};

	return names[limit];
}

struct dt_flow_totals dt_relay_totals(const struct dt_relay *r, uint64_t client_id)
{
	struct dt_converter_totals converted = dt_converters_totals(r->converters, client_id);
	struct dt_flow_totals totals;

	dt_flows_totals(r->flows, client_id, &totals);
	totals.up_bps += converted.up_bps;
	totals.down_bps += converted.down_bps;
	return totals;
}

unsigned dt_relay_limits_reached(const struct dt_peer_conf *conf, size_t leases, const struct dt_flow_totals *totals,
				 bool converted_limited)
{
	uint64_t rate_bps = totals->up_bps > totals->down_bps ? totals->up_bps : totals->down_bps;
	unsigned reached = 0;

	if (leases >= conf->max_leases)
		reached |= 1u << DT_LIMIT_LEASES;
	if (totals->flows >= conf->max_flows || converted_limited)
		reached |= 1u << DT_LIMIT_FLOWS;
	if ((double)rate_bps >= (double)conf->max_rate_bps * RATE_REACHED)
		reached |= 1u << DT_LIMIT_RATE;
	return reached;
}
