#!/bin/bash
# Three relays and one detour: the relay with the highest rate is tried, and kept; the next connection begins with it. A
# detour that carries almost nothing becomes backup. monitor and status show the decisions. What was measured is kept
# in `state` and used after a restart.
. "$(dirname "$0")/lib.sh"
export CHOOSE=default
standard_network 3
narrow_paths 20mbit
narrow r1 relay1 4mbit
narrow relay1 eth0 4mbit
narrow r1 relay3 4mbit
narrow relay3 eth0 4mbit
for n in 1 2 3; do relay_start $n; done
server_iperf
RELAYS="1 2 3" client_conf "max-detours = 1
state = $TMP/history"
client_start
relays_up 3
"$DETOURD" monitor --json --control "$TMP/client.sock" >"$TMP/events" &
disown
iperf -t 22 >/dev/null &
transfer=$!
wait_for_join 20 status_is client '[.connections[].subflows[] | select(.via == "relay2" and .state == "established")] | length >= 1'
wait_for 3 status_is client '[.connections[].subflows[] | select(.via == "relay2") | .note] | any(test("trial|measured"))'
wait_for_join 15 status_is client '[.connections[].subflows[] | select(.via == "relay2" and .bytes_acked > 6000000)] | length == 1'
wait $transfer
grep -q "\"event\":\"decision\".*\"relay\":\"relay2\"" "$TMP/events" || fail "no decision in monitor"
say "what was measured holds for the next connection"
iperf -t $((2 * SLOWNESS)) >/dev/null &
transfer=$!
wait_for 3 status_is client '[.connections[].subflows[] | select(.via == "relay2" and .state == "established")] | length >= 1'
wait $transfer

say "... and after a restart"
next_by_relay2() {
	iperf -t 1 >/dev/null &
	transfer=$!
	wait_for 3 status_is client '[.connections[].subflows[] | select(.via == "relay2" and .state == "established")] | length >= 1'
	wait $transfer
}
stop client
equals "$(stat -c %a "$TMP/history")" 600 "the state's mode"
client_start
relays_up 3
next_by_relay2

say "a truncated state file is renamed, one that cannot be read stays"
stop client
sed -i '$d' "$TMP/history"
cp "$TMP/history" "$TMP/cut"
client_start
grep -q "state $TMP/history: damaged at line [0-9]*, or not written by detourd; renamed" "$TMP/client.log" ||
	fail "the log does not mention it"
cmp "$TMP/history.damaged" "$TMP/cut"
stop client
rm -f "$TMP/history"
mkdir "$TMP/history"
client_start
grep -q "state $TMP/history: cannot read it: Is a directory" "$TMP/client.log" || fail "the log does not mention the directory"
stop client
rmdir "$TMP/history"
