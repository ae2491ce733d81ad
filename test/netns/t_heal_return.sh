# shellcheck shell=bash source=lib.sh
# A relay is out of reach for a while, shorter and longer than it takes to call it down; when it is back, its detour
# carries data again soon, both ways, though TCP's own time-out has doubled meanwhile.
. "$(dirname "$0")/lib.sh"
standard_network 1
narrow_paths "${RATE:-40}mbit"
relay_start 1
RELAYS=1 client_conf
client_start
relays_up 1
server_iperf
for way in "" -R; do
	# shellcheck disable=SC2086 # may be nothing
	on client mptcpize run iperf3 -c $SERVER4 -t 120 $way >/dev/null 2>&1 &
	disown
	for outage in 3 8; do
		moved_after relay1 >/dev/null
		black_hole 1
		sleep $outage
		light_again
		at_most "$(moved_after relay1)" $((2500 * ${SLOWNESS:-1})) "milliseconds after ${outage} s without the relay, ${way:-upload}"
	done
	kill_in client iperf3
	wait_for 10 on server sh -c "! ss -tnH state established '( sport = :5201 )' | grep -q ."
	sleep 1
	wait_for 10 status_is client '.connections | length == 0'
done
