#!/bin/bash
# Three relays, one detour: the widest gets its turn and stays; the next connection begins with it; a detour that
# carries next to nothing becomes backup. Decisions are told in monitor and status.
. "$(dirname "$0")/lib.sh"
standard_network 3
narrow_paths 20mbit
narrow r1 relay1 4mbit
narrow relay1 eth0 4mbit
narrow r1 relay3 4mbit
narrow relay3 eth0 4mbit
for n in 1 2 3; do relay_start $n; done
server_iperf
RELAYS="1 2 3" client_conf "max-detours = 1
choose = measured"
client_start
relays_up 3
"$DETOURD" monitor --json --control "$TMP/client.sock" >"$TMP/events" &
disown
iperf -t 22 >/dev/null &
transfer=$!
wait_for 20 status_is client '[.connections[].subflows[] | select(.via == "relay2" and .state == "established")] | length >= 1'
wait_for 3 status_is client '[.connections[].subflows[] | select(.via == "relay2") | .note] | any(test("trial|measured"))'
wait_for 15 status_is client '[.connections[].subflows[] | select(.via == "relay2" and .bytes_acked > 6000000)] | length == 1'
wait $transfer
grep -q "\"event\":\"decision\".*\"relay\":\"relay2\"" "$TMP/events" || fail "no decision in monitor"
say "what was measured holds for the next connection"
iperf -t 2 >/dev/null &
transfer=$!
wait_for 3 status_is client '[.connections[].subflows[] | select(.via == "relay2" and .state == "established")] | length >= 1'
wait $transfer
