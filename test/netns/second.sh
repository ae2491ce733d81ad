# shellcheck shell=bash source=lib.sh
# What tests with a second interface share, sourced after lib.sh. The host has no rules by source address:
#
#     client eth1 192.0.2.66, 2001:db8:c2::2 (default routes of higher metric, rp_filter=1) ── r1 second
standard_network 2
veth client eth1 r1 second
addr client eth1 192.0.2.66/28 2001:db8:c2::2/64
addr r1 second 192.0.2.65/28 2001:db8:c2::1/64
route client default via 192.0.2.65 metric 500
route client default via 2001:db8:c2::1 metric 2000
narrow_paths 50mbit
narrow r1 second 50mbit
narrow client eth1 50mbit

# crossed FIELD: bytes at r1's end of the second interface: rx (up) or tx (down)
crossed() { ip -n "$PREFIX-r1" -s -j link show second | jq ".[0].stats64.$1.bytes"; }
# has_eth1 [COUNT [FILTER]]: so many of its subflows live, and are so; iperf3 has two connections
has_eth1() {
	status_is client "[.connections[].subflows[] | select(.interface == \"eth1\" and .via == \"direct\" and
		.state == \"established\" and (${2:-true}))] | length == ${1:-2}"
}
rules() { { on client ip rule; on client ip -6 rule; } | grep -c '^4567:' || true; }
tables() { { on client ip route show table all; on client ip -6 route show table all; } | grep -c 'table 46' || true; }
conf() { RELAYS='' client_conf "$1" "${2:-}"; }
# flow SECONDS OPTIONS...: iperf3 in the background, with its connection seen
flow() {
	local seconds=$1
	shift
	on client mptcpize run iperf3 -c "${TARGET:-$SERVER4}" -t "$seconds" -J "$@" >"$TMP/flow.json" 2>&1 &
	FLOW=$!
	wait_for 5 status_is client '.connections | length == 2'
}
flow_end() {
	kill_in client iperf3
	wait $FLOW 2>/dev/null || true
	wait_for 10 status_is client '.connections | length == 0'
}
reload() {
	kill -HUP "$(cat "$TMP/client.pid")"
}

