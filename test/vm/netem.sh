# shellcheck shell=bash source=../netns/lib.sh
# In a guest: NAT and WireGuard detours over two paths with netem's rate and delay; both directions, alternating, medians,
# the first second of each run left out. Loss and more delay go onto the direct path alone, as in the thesis.
#
#     netem.sh [ROUNDS] [RATE] [DELAY] [LOSS] [DIRECT-DELAY]        e.g. netem.sh 5 10mbit 5ms 1% 100ms
#
# Prints two ratios: the goodput of one connection over both paths, divided by the sum of the plain TCP goodputs of the
# direct path and of the same carrier, and by the sum of the MPTCP goodputs of either path alone.
. "$(dirname "$0")/../netns/lib.sh"
rounds=${1:-3} rate=${2:-10mbit} delay=${3:-5ms} loss=${4:-0%} direct_delay=${5:-$delay}
seconds=${SECONDS_EACH:-10}
standard_network 1
# netem where the narrow links leave, one way each; the queue holds what such a path has under way, and as much again
netem() { on "$1" tc qdisc replace dev "$2" root netem rate "$rate" limit 200 "${@:3}"; }
netem r1 narrow delay "$direct_delay" loss "$loss"
netem r2 narrow delay "$direct_delay" loss "$loss"
netem r1 relay1 delay "$delay"
netem relay1 eth0 delay "$delay"
relay_conf 1 "$(wg_relay 1)" "plain-tcp = yes"
relay_start 1
server_iperf
key client
plain() { iperf3_run on client iperf3 -J -O 1 -t "$seconds" "$@"; }
mptcp() { iperf3_run on client mptcpize run iperf3 -J -O 1 -t "$seconds" "$@"; }
carrier() { # CARRIER N
	RELAYS=1 client_conf "max-detours = $2"
	carrier_set 1 "$1"
	if [ -e "$TMP/client.pid" ] && grep -q "carrier = $1" "$TMP/carrier" 2>/dev/null; then
		kill -HUP "$(cat "$TMP/client.pid")"
		sleep 1
	else
		[ ! -e "$TMP/client.pid" ] || stop client
		client_start
	fi
	echo "carrier = $1" >"$TMP/carrier"
	relays_up 1
	[ "$1" = nat ] || wait_for 10 tunnel_is_up
}
tunnel_is_up() { [ -n "$(tunnel_address)" ] && status_is client '.relays[0].reason == ""'; }
tunnel_address() { on client ip -4 -o addr show dev "$(wg_name c1)" | awk '{ sub("/.*", "", $4); print $4 }'; }
nat_port() {
	on client mptcpize run iperf3 -c $SERVER4 -t 3 >/dev/null &
	wait_for 5 status_is client '.connections[].subflows[] | select(.via == "relay1" and .state == "established")'
	status client | jq -r '[.connections[].subflows[] | select(.via == "relay1") | .remote] | first' | sed 's/.*://'
	wait $!
}
# one_round CARRIER DIRECTION
one_round() {
	local c=$1 way=$2 through
	carrier "$c" 1
	if [ "$c" = nat ]; then
		through="-c $(relay4 1) -p $(nat_port)"
	else
		through="-c $SERVER4 -B $(tunnel_address)"
	fi
	# shellcheck disable=SC2086 # words
	{
		plain -c $SERVER4 $way >>"$TMP/tcp-direct$way"
		plain $through $way >>"$TMP/tcp-$c$way"
		mptcp -c $SERVER4 $way >>"$TMP/both-$c$way"
		carrier "$c" 0
		mptcp -c $SERVER4 $way >>"$TMP/mptcp-direct$way"
		mptcp $through $way >>"$TMP/mptcp-$c$way"
	}
}
ratio() { awk -v a="$1" -v b="$2" -v s="$3" 'BEGIN { printf "%.3f", s / (a + b) }'; }
for way in ${WAYS:-"" -R}; do
	[ "$way" != up ] || way=
	for ((round = 1; round <= rounds; round++)); do
		for c in nat wireguard; do one_round $c "$way"; done
	done
	for c in nat wireguard; do
		tcp=$(median <"$TMP/tcp-direct$way") tcp_c=$(median <"$TMP/tcp-$c$way")
		mptcp=$(median <"$TMP/mptcp-direct$way") mptcp_c=$(median <"$TMP/mptcp-$c$way")
		both=$(median <"$TMP/both-$c$way")
		echo "$(uname -r) $rate $delay direct $direct_delay loss $loss ${way:-up} $c: TCP $tcp + $tcp_c, MPTCP $mptcp + $mptcp_c," \
			"both $both: ratio to TCP $(ratio "$tcp" "$tcp_c" "$both"), to MPTCP $(ratio "$mptcp" "$mptcp_c" "$both")"
	done
done
