# shellcheck shell=bash source=lib.sh
# Another program has real-time priority, as threaded interrupts and sound servers do. It takes the processor away at any
# moment, also between the two calls that end a dead subflow. The server is told of the end all the same: it closes its
# half of each.
. "$(dirname "$0")/lib.sh"
command -v chrt >/dev/null || skip "no chrt"
standard_network 1
narrow_paths "${RATE:-10}mbit"
relay_start 1
RELAYS=1 client_conf "max-detours = 1"
client_start
relays_up 1
gap_serve

say "ten downloads, and on each processor a program with real-time priority that wakes up all the time"
thief='
import time
while True:
    end = time.monotonic() + 0.00003
    while time.monotonic() < end:
        pass
    time.sleep(0.00006)
'
gap "$(printf 'down,%.0s' 1 2 3 4 5 6 7 8 9)down" $SERVER4 7000 $((12 * SLOWNESS)) >"$TMP/gap" &
gap=$!
wait_for 8 subflows_are 20
sleep 1
busy=()
stop_busy() { kill "${busy[@]}" 2>/dev/null || true; }
end() {
	local code=$?
	set +e
	stop_busy
	(exit $code)
	cleanup
}
trap end EXIT
for ((cpu = 0; cpu < $(nproc --all); cpu++)); do
	taskset -c "$cpu" chrt -f 10 python3 -c "$thief" &
	busy+=($!)
done
direct_hole
# the programs may keep detourd from giving up all of them in time
wait_for 8 status_is client '.counters.subflows_given_up + .counters.subflows_faded >= 5'
stop_busy
# halves that the server has of subflows which the client has closed
halves() {
	status client | jq -r '.connections[].subflows[] | select(.via == "direct" and .state == "closed") | .local' | sort >"$TMP/closed"
	on server ss -Htn state established "sport = :7000 and dst $CLIENT4" | awk '{ print $4 }' | sort >"$TMP/halves"
	comm -12 "$TMP/closed" "$TMP/halves" | wc -l
}
for _ in {1..40}; do
	[ "$(halves)" != 0 ] || break
	sleep 0.05
done
closed=$(wc -l <"$TMP/closed")
say "closed: $closed; the server could not be told at once of $(counter client ends_untold), and was told again of $(counter client ends_told_again)"
# RM_ADDR may be lost on the way; without the cure half of them were
at_most "$(halves)" $((closed / 5)) "halves that the server still has"
kill $gap 2>/dev/null || true
