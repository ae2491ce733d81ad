# shellcheck shell=bash source=lib.sh
# The direct path turns into a black hole, both ways or one way, under an upload or a download: the connection goes on
# over the detour at once, the server lets the dead subflow go, and when the path is back it is used again.
. "$(dirname "$0")/lib.sh"
standard_network 1
slowness=${SLOWNESS:-1} # the daemon is not: but all that looks at it, and what moves the data
narrow_paths "${RATE:-40}mbit"
relay_start 1
RELAYS=1 client_conf "max-detours = 1"
client_start
relays_up 1
on server python3 "$(dirname "$0")/gap.py" serve $SERVER4 7000 &
disown
wait_for 5 on server sh -c 'ss -Htln | grep -q :7000'
on r1 nft add table inet gap
on r1 nft add chain inet gap forward '{ type filter hook forward priority 0; }'
hole() { # WAY
	[ "$1" = down ] || on r1 nft add rule inet gap forward oifname narrow drop
	[ "$1" = up ] || on r1 nft add rule inet gap forward iifname narrow drop
}
both_there() { status_is client '[.connections[].subflows[] | select(.state == "established")] | length == 2'; }
mend() { on r1 nft flush chain inet gap forward; }
at_server() { on server ss -Htn state established "sport = :7000 and dst $1" | wc -l; }
none_at_server() { [ "$(at_server $CLIENT4)" = 0 ]; }
gap() { on client python3 "$(dirname "$0")/gap.py" "$@"; }

given=0
# once DIRECTION WAY: sets $let_go and $gap, both in ms
once() {
	local pid begin
	gap "$1" $SERVER4 7000 "$(awk "BEGIN { print 2.5 * $slowness }")" >"$TMP/gap" &
	pid=$!
	wait_for 8 both_there
	sleep 0.7
	hole "$2"
	wait_for 8 status_is client ".counters.subflows_given_up > $given"
	given=$(counter client subflows_given_up)
	begin=$(now_ms)
	until none_at_server || [ $(($(now_ms) - begin)) -gt 2000 ]; do sleep 0.01; done
	let_go=$(($(now_ms) - begin))
	[ "$(at_server "$(relay4 1)")" = 1 ] || let_go="the whole connection"
	wait $pid
	gap=$(cat "$TMP/gap")
	mend
}
# The kernel waits for its time-out, which is never below 200 ms, and does not send a RM_ADDR again that a full queue
# dropped. A busy machine gets three tries.
try() {
	local tries
	for tries in 1 2 3; do
		once "$@"
		say "$1, lost $2 ways: the gap was $gap ms, the server let go after $let_go ms"
		if awk "BEGIN { exit !($gap < 200 * $slowness) }" && [ "$let_go" -lt 2000 ] 2>/dev/null; then return; fi
	done
	fail "$1, lost $2 ways: not in $tries tries"
}
try up both
try down both
try down up
try up down

say "the path comes back"
gap down $SERVER4 7000 $((8 * slowness)) >"$TMP/gap" &
pid=$!
wait_for 8 both_there
sleep 0.7
hole both
wait_for 8 status_is client ".counters.subflows_given_up > $given"
sleep 1
mend
back='.connections[].subflows[] | select(.via == "direct" and .state == "established")'
wait_for 7 status_is client "[$back | select(.bytes_received > 1000000)] | length == 1"
wait $pid
