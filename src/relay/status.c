/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The relay's answer to `detourd status`. */
#include "relay/relay.h"

static const char *const counter_names[DT_RELAY_COUNTERS] = {
	[DT_RELAY_COUNT_REQUESTS] = "requests",
	[DT_RELAY_COUNT_TOKENS_SENT] = "tokens_sent",
	[DT_RELAY_COUNT_DROPPED_MALFORMED] = "dropped_malformed",
	[DT_RELAY_COUNT_DROPPED_AUTH] = "dropped_auth",
	[DT_RELAY_COUNT_DROPPED_REPLAY] = "dropped_replay",
	[DT_RELAY_COUNT_DROPPED_GREEDY] = "dropped_greedy",
	[DT_RELAY_COUNT_LEASES_MADE] = "leases_made",
	[DT_RELAY_COUNT_LEASES_RENEWED] = "leases_renewed",
	[DT_RELAY_COUNT_LEASES_RELEASED] = "leases_released",
	[DT_RELAY_COUNT_DENIED_DESTINATION] = "denied_destination",
	[DT_RELAY_COUNT_DENIED_QUOTA] = "denied_quota",
	[DT_RELAY_COUNT_DENIED_NO_PORT] = "denied_no_port",
	[DT_RELAY_COUNT_DENIED_FAMILY] = "denied_family",
	[DT_RELAY_COUNT_DENIED_DRAINING] = "denied_draining",
	[DT_RELAY_COUNT_TUNNELS_MADE] = "tunnels_made",
	[DT_RELAY_COUNT_TUNNELS_ENDED] = "tunnels_ended",
};

static json_t *client_status(struct dt_relay *r, const struct dt_relay_client *client)
{
	struct dt_flow_totals totals;

	dt_flows_totals(r->flows, client->id, &totals);
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "name", client->conf->name, "leases",
			 (json_int_t)dt_leases_count_client(r->leases, client->id), "flows", (json_int_t)totals.flows,
			 "bytes_up", (json_int_t)totals.bytes_up, "bytes_down", (json_int_t)totals.bytes_down,
			 "rate_dropped", (json_int_t)totals.rate_dropped, "tunnels",
			 (json_int_t)(r->tunnels ? dt_tunnels_count(r->tunnels, client->id) : 0));
}

void dt_relay_status(FILE *out, const char *about, void *data)
{
	(void)about;
	struct dt_relay *r = data;
	json_t *clients = json_array(), *counters = json_object();
	struct dt_flowlog_counts logged;
	uint64_t nat[DT_NAT_COUNTERS];
	json_t *status;

	dt_flows_sample(r->flows);
	for (const struct dt_relay_client *c = r->clients; c; c = c->next)
		json_array_append_new(clients, client_status(r, c));
	for (int i = 0; i < DT_RELAY_COUNTERS; i++)
		json_object_set_new(counters, counter_names[i], json_integer((json_int_t)r->counters[i]));
	dt_dataplane_counters(r->dataplane, nat);
	for (int i = 0; i < DT_NAT_COUNTERS; i++)
		json_object_set_new(counters, dt_nat_counter_name((enum dt_nat_counter)i),
				    json_integer((json_int_t)nat[i]));
	/* a destination refused is one, whether the lease or the flow was refused */
	json_object_set_new(counters, "denied_destination",
			    json_integer((json_int_t)(r->counters[DT_RELAY_COUNT_DENIED_DESTINATION] +
						      nat[DT_NAT_DROP_DESTINATION])));
	json_object_set_new(
		counters, "denied_quota",
		json_integer((json_int_t)(r->counters[DT_RELAY_COUNT_DENIED_QUOTA] + nat[DT_NAT_DROP_MAX_FLOWS] +
					  nat[DT_NAT_DROP_HALF_OPEN] + nat[DT_NAT_DROP_NEW_FLOWS])));
	logged = dt_flowlog_counts(r->flowlog);
	json_object_set_new(counters, "flow_lines", json_integer((json_int_t)logged.lines));
	json_object_set_new(counters, "flow_lines_not_in_file", json_integer((json_int_t)logged.failed));
	status = json_pack("{s:i, s:s, s:s, s:b, s:I, s:o, s:o}", "version", 1, "mode", "relay", "release", DT_VERSION,
			   "draining", r->draining, "open_flows", (json_int_t)dt_flows_open(r->flows), "clients",
			   clients, "counters", counters);
	json_dumpf(status, out, DT_CONTROL_JSON);
	json_decref(status);
}
