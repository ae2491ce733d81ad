# shellcheck shell=bash source=lib.sh
# A relay cannot be reached for a while: once too short for the client to call it down, once long enough. When it answers
# again, its detour soon carries data again, in both directions, though TCP's own time-out has doubled meanwhile.
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
	on client mptcpize run iperf3 -c $SERVER4 -t $((120 * SLOWNESS)) $way >/dev/null 2>&1 &
	disown
	for outage in 3 8; do
		moved_after relay1 >/dev/null
		black_hole 1
		sleep $outage
		black_hole_end
		at_most_ms "$(moved_after relay1)" 2500 "milliseconds after ${outage} s without the relay, ${way:-upload}"
	done
	kill_in client iperf3
	wait_for 10 on server sh -c "! ss -tnH state established '( sport = :5201 )' | grep -q ."
	sleep 1
	wait_for 10 status_is client '.connections | length == 0'
done
