# shellcheck shell=bash source=../netns/lib.sh
# In a guest: NAT and WireGuard detours over two paths with netem's rate and delay, against the plain TCP goodputs of
# the direct path and of the same carrier; both directions, alternating, medians. With loss if asked.
#
#     netem.sh [ROUNDS] [RATE] [DELAY] [LOSS]        e.g. netem.sh 5 10mbit 5ms 1%
. "$(dirname "$0")/../netns/lib.sh"
rounds=${1:-3} rate=${2:-10mbit} delay=${3:-5ms} loss=${4:-0%}
seconds=${SECONDS_EACH:-8}
standard_network 1
# netem where the narrow links leave, one way each
for at in r1:narrow r2:narrow r1:relay1 relay1:eth0; do
	on "${at%:*}" tc qdisc replace dev "${at#*:}" root netem rate "$rate" delay "$delay" loss "$loss" limit 100
done
relay_conf 1 "$(wg_relay 1)" "plain-tcp = yes"
relay_start 1
server_iperf
key client
plain() { iperf3_run on client iperf3 -J -t "$seconds" "$@"; }
carrier() { # NAT or WireGuard from now on
	RELAYS=1 client_conf "max-detours = ${2:-1}"
	carrier_set 1 "$1"
	[ ! -e "$TMP/client.pid" ] || stop client
	client_start
	relays_up 1
	[ "$1" = nat ] || wait_for 10 tunnel_is_up
}
tunnel_is_up() { [ -n "$(tunnel_address)" ] && status_is client '.relays[0].reason == ""'; }
tunnel_address() { on client ip -4 -o addr show dev "$(wg_name c1)" | awk '{ sub("/.*", "", $4); print $4 }'; }
nat_port() {
	on client mptcpize run iperf3 -c $SERVER4 -t 2 >/dev/null &
	wait_for 5 status_is client '.connections[].subflows[] | select(.via == "relay1" and .state == "established")'
	status client | jq -r '[.connections[].subflows[] | select(.via == "relay1") | .remote] | first' | sed 's/.*://'
	wait $!
}
for direction in "" -R; do
	for ((round = 1; round <= rounds; round++)); do
		for c in nat wireguard; do
			carrier $c
			plain -c $SERVER4 ${direction:+$direction} >>"$TMP/direct$direction"
			if [ $c = nat ]; then
				port=$(nat_port)
				plain -c "$(relay4 1)" -p "$port" ${direction:+$direction} >>"$TMP/plain-nat$direction"
			else
				plain -c $SERVER4 -B "$(tunnel_address)" ${direction:+$direction} >>"$TMP/plain-wireguard$direction"
			fi
			iperf -t "$seconds" ${direction:+$direction} >>"$TMP/$c$direction"
		done
	done
	direct=$(median <"$TMP/direct$direction")
	for c in nat wireguard; do
		through=$(median <"$TMP/plain-$c$direction") both=$(median <"$TMP/$c$direction")
		echo "$(uname -r) $rate $delay loss $loss ${direction:-up} $c: direct $direct, plain through it $through, both $both:" \
			"ratio $(awk -v a="$direct" -v b="$through" -v s="$both" 'BEGIN { printf "%.3f", s / (a + b) }')"
	done
done
