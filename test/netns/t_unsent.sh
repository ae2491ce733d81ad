# shellcheck shell=bash source=lib.sh
# While an upload has several subflows, each may hold only little unsent data (bpf/unsent.h). A connection with one subflow
# has no such limit, or loses it again.
. "$(dirname "$0")/lib.sh"
standard_network 1
# both paths alike, with queues of 40 ms; what goes through the relay passes its link only once each way
narrow_paths "${RATE:-40}mbit"
on r1 tc qdisc del dev relay1 root
relay_start 1
conf() { RELAYS=1 client_conf "max-detours = $1"; }
conf 1
client_start
relays_up 1
gap_serve
upload() {
	gap up $SERVER4 7000 $((60 * SLOWNESS)) >/dev/null &
	disown
	wait_for 10 subflows_are "$1"
}
# unsent: prints how many unsent bytes a subflow holds: the median of what all hold at 50 moments. (The most of them says
# nothing of the limit: it is set at each round trip, and a busy machine stops a path between two.)
unsent() {
	sleep "$SLOWNESS"
	for _ in $(seq 50); do
		on client ss -Htni state established | sed -n 's/.* notsent:\([0-9]*\).*/\1/p'
		sleep 0.05
	done | median
}
upload 2
several=$(unsent)
conf 0
kill -HUP "$(cat "$TMP/client.pid")"
wait_for 5 subflows_are 1
sleep 3 # until the limit has gone
again=$(unsent)
kill_in client python3
wait_for 10 status_is client '.connections | length == 0'
upload 1
alone=$(unsent)
# with two subflows a quarter of a window and a batch; with one as much as the send buffer holds
at_least "$(awk "BEGIN { print $alone / $several }")" 2.5 "unsent: alone / two subflows: $alone / $several"
at_least "$(awk "BEGIN { print $again / $several }")" 2.5 "unsent: alone again / two subflows: $again / $several"
