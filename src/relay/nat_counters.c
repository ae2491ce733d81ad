/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/nat_counters.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *dt_nat_counter_name(enum dt_nat_counter counter)
{
	static const char *const names[DT_NAT_COUNTERS] = {
		[DT_NAT_FORWARDED_UP] = "forwarded_up",
		[DT_NAT_FORWARDED_DOWN] = "forwarded_down",
		[DT_NAT_PASS_NOT_TCP] = "passed_not_tcp",
		[DT_NAT_PASS_FRAGMENT] = "passed_fragment",
		[DT_NAT_PASS_OPTIONS] = "passed_options",
		[DT_NAT_PASS_TRUNCATED] = "passed_truncated",
		[DT_NAT_PASS_NO_FLOW] = "passed_no_flow",
		[DT_NAT_PASS_REFUSED] = "passed_refused",
		[DT_NAT_PASS_EXPIRED] = "passed_expired",
		[DT_NAT_PASS_DEAD] = "passed_dead",
		[DT_NAT_PASS_CONVERTED] = "passed_converted",
		[DT_NAT_DROP_NO_LEASE] = "denied_no_lease",
		[DT_NAT_DROP_NO_DAEMON] = "denied_no_daemon",
		[DT_NAT_DROP_REVOKED] = "denied_revoked",
		[DT_NAT_DROP_GATE_SYN] = "denied_gate_syn",
		[DT_NAT_DROP_GATE_STATE] = "denied_gate_state",
		[DT_NAT_DROP_DESTINATION] = "denied_flow_destination",
		[DT_NAT_DROP_MAX_FLOWS] = "denied_max_flows",
		[DT_NAT_DROP_HALF_OPEN] = "denied_half_open",
		[DT_NAT_DROP_NEW_FLOWS] = "denied_new_flows",
		[DT_NAT_DROP_NO_PORT] = "denied_no_source_port",
		[DT_NAT_DROP_TABLE_FULL] = "dropped_table_full",
		[DT_NAT_DROP_NO_ROUTE] = "dropped_no_route",
		[DT_NAT_DROP_TTL] = "dropped_ttl",
		[DT_NAT_DROP_TUNNEL] = "dropped_tunnel",
		[DT_NAT_DROP_ERROR] = "dropped_error",
		[DT_NAT_DROP_STALE] = "dropped_stale",
		[DT_NAT_FORWARDED_ICMP] = "forwarded_icmp",
		[DT_NAT_DROP_ICMP] = "dropped_icmp",
		[DT_NAT_DROP_WINDOW] = "dropped_window",
		[DT_NAT_DROP_RATE] = "dropped_rate",
		[DT_NAT_DROP_TOO_BIG] = "dropped_too_big",
		[DT_NAT_FLOWS_STARTED] = "flows_started",
		[DT_NAT_DROP_SYN_DATA] = "dropped_syn_data",
		[DT_NAT_DROP_FRAGMENT] = "dropped_fragment",
		[DT_NAT_DROP_OPTIONS] = "dropped_options",
	};

	return names[counter];
}

int dt_nat_counters_sum(int counters_fd, uint64_t out[DT_NAT_COUNTERS])
{
	int cpus = libbpf_num_possible_cpus(), err = 0;
	uint64_t *values;

	memset(out, 0, DT_NAT_COUNTERS * sizeof(*out));
	if (cpus < 0)
		return cpus;
	values = calloc((size_t)cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (uint32_t i = 0; err == 0 && i < DT_NAT_COUNTERS; i++) {
		err = bpf_map_lookup_elem(counters_fd, &i, values);
		for (int cpu = 0; err == 0 && cpu < cpus; cpu++)
			out[i] += values[cpu];
	}
	free(values);
	return err;
}
