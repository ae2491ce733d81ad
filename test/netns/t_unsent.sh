# shellcheck shell=bash source=lib.sh
# What each subflow of an upload holds unsent is kept short while there are several (bpf/unsent.h); a connection alone on
# its path is left as it is, or gets back what it had.
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
on server python3 "$(dirname "$0")/gap.py" serve $SERVER4 7000 &
disown
wait_for 5 on server sh -c '[ "$(ss -Htln "sport = 7000" | wc -l)" = 1 ]'
subflows_are() { status_is client "[.connections[].subflows[] | select(.state == \"established\")] | length == $1"; }
upload() {
	on client python3 "$(dirname "$0")/gap.py" up $SERVER4 7000 $((60 * ${SLOWNESS:-1})) >/dev/null &
	disown
	wait_for 10 subflows_are "$1"
}
# most: the most bytes that a subflow holds unsent, in some seconds
most() {
	sleep "${SLOWNESS:-1}"
	for _ in $(seq 50); do
		on client ss -Htni state established | sed -n 's/.* notsent:\([0-9]*\).*/\1/p'
		sleep 0.05
	done | sort -n | tail -n 1 | sed 's/^$/0/'
}
upload 2
limited=$(most)
conf 0
kill -HUP "$(cat "$TMP/client.pid")"
wait_for 5 subflows_are 1
sleep 3 # until the other one is forgotten
again=$(most)
kill_in client python3
wait_for 10 status_is client '.connections | length == 0'
upload 1
alone=$(most)
# two: a quarter of a window and a batch; one: as much as the send buffer holds
at_least "$((10 * alone / limited))" 15 "tenths, unsent: alone / two subflows: $alone / $limited"
at_least "$((10 * again / limited))" 15 "tenths, unsent: alone again / two subflows: $again / $limited"
