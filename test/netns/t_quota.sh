# shellcheck shell=bash source=lib.sh
# Quotas under a flood of joins, while the relay's daemon is killed and started again: whenever the restart comes, the
# number of flows that is counted equals those in the map, and other clients are served.
# alone: a flood takes the processors
. "$(dirname "$0")/lib.sh"
command -v bpftool >/dev/null || skip "no bpftool"
standard_network 1
narrow_paths 200mbit
relay_conf 1
sed -i 's/^max-new-flows.*/max-new-flows = 1000000\nmax-flows = 1000/' "$TMP/relay1.conf"
relay_start 1
RELAYS=1 client_conf
client_start
relays_up 1
server_iperf
on client mptcpize run iperf3 -c $SERVER4 -t $((2 * SLOWNESS)) >/dev/null &
wait_for 5 status_is client '.connections[].subflows[] | select(.via == "relay1" and .state == "established")'
port=$(status client | jq -r '[.connections[].subflows[] | select(.via == "relay1") | .remote] | first' | sed 's/.*://')
wait $!
in_map() { bpftool -j map dump pinned "/sys/fs/bpf/detourd-$PREFIX-relay1/flows" | jq "[.[].formatted.value | select(.dir == 0 and .state != 4)] | length"; }
counts_agree() { [ "$(status relay1 | jq ".clients[0].flows")" = "$(in_map)" ]; }
for round in 1 2 3; do
	on client python3 "$(dirname "$0")/flood.py" $CLIENT4 "$(relay4 1)" "$port" 3 >"$TMP/sent" &
	flood=$!
	for _ in 1 2 3 4; do
		sleep 0.4
		stop relay1 KILL
		relay_start 1
	done
	wait $flood
	# flows may time out between the two looks
	wait_for 10 counts_agree
	say "round $round: $(cat "$TMP/sent") SYNs, $(counter relay1 flows_started) flows so far, $(in_map) in the map, counted $(status relay1 | jq '.clients[0].flows')"
done
at_least "$(counter relay1 denied_max_flows)" 1 "flows denied by max-flows"
at_most "$(in_map)" 1000 "flows in the map"
