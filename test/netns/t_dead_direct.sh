# shellcheck shell=bash source=lib.sh
# The direct path turns into a black hole, both ways or one way, under an upload or a download: the connection goes on
# over the detour at once, the server closes the dead subflow, and when the path works again it is used again.
# alone: measures gaps
. "$(dirname "$0")/lib.sh"
standard_network 1
narrow_paths "${RATE:-40}mbit"
relay_start 1
RELAYS=1 client_conf "max-detours = 1"
client_start
relays_up 1
gap_serve
at_server() { on server ss -Htn state established "sport = :7000 and dst $1" | wc -l; }
none_at_server() { [ "$(at_server $CLIENT4)" = 0 ]; }

given=0
# once DIRECTION WAY: sets $closed_ms and $gap_ms
once() {
	local pid begin
	gap "$1" $SERVER4 7000 "$(awk "BEGIN { print 2.5 * $SLOWNESS }")" >"$TMP/gap" &
	pid=$!
	wait_for 8 subflows_are 2
	sleep 0.7
	direct_hole "$2"
	wait_for 8 status_is client ".counters.subflows_given_up > $given"
	given=$(counter client subflows_given_up)
	begin=$(now_ms)
	until none_at_server || [ $(($(now_ms) - begin)) -gt 2000 ]; do sleep 0.01; done
	closed_ms=$(($(now_ms) - begin))
	[ "$(at_server "$(relay4 1)")" = 1 ] || closed_ms="(the whole connection ended)"
	wait $pid
	gap_ms=$(cat "$TMP/gap")
	direct_hole_end
}
# The kernel waits for its time-out, which is never below 200 ms, and does not send a RM_ADDR again that a full queue
# dropped. A busy machine gets three tries.
try() {
	local tries
	for tries in 1 2 3; do
		once "$@"
		say "$1, lost $2 ways: the gap was $gap_ms ms, the server closed its end after $closed_ms ms"
		if awk "BEGIN { exit !($gap_ms < 200 * $SLOWNESS) }" && [ "$closed_ms" -lt 2000 ] 2>/dev/null; then return; fi
	done
	fail "$1, lost $2 ways: not in $tries tries"
}
try up both
try down both
try down up
try up down

say "the path comes back"
gap down $SERVER4 7000 $((8 * SLOWNESS)) >"$TMP/gap" &
pid=$!
wait_for 8 subflows_are 2
sleep 0.7
direct_hole
wait_for 8 status_is client ".counters.subflows_given_up > $given"
sleep 1
direct_hole_end
back='.connections[].subflows[] | select(.via == "direct" and .state == "established")'
wait_for 7 status_is client "[$back | select(.bytes_received > 1000000)] | length == 1"
wait $pid
