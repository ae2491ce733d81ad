# shellcheck shell=bash source=lib.sh
# Tunnels over links with a smaller MTU, another one at each end: nobody fragments anything, in either direction or family,
# because both tunnel devices' MTUs follow their routes' and the MSS of every subflow follows the smaller of the two;
# also after the relay's link shrank.
#
#     client ─ 1400 ─ r1 ─ 1380 ─ relay1          direct and r1 ─ server: 1500
. "$(dirname "$0")/lib.sh"
wireguard_or_skip
standard_network 1
narrow_paths "${RATE:-40}mbit"
mtu() { # SPACE IF MTU: both ends of a link to r1
	ip -n "$PREFIX-$1" link set "$2" mtu "$3"
	ip -n "$PREFIX-r1" link set "$1" mtu "$3"
}
mtu client eth0 1400
mtu relay1 eth0 1380
relay_conf 1 "$(wg_relay 1)"
relay_start 1
RELAYS=1 client_conf "detour-after = 0"
carrier_set 1 wireguard
client_start
relays_up 1
server_iperf
fragments() {
	local space
	for space in client relay1 r1 r2 server; do on $space nstat -az IpFragCreates Ip6FragCreates; done |
		awk '/Frag/ { sum += $2 } END { print sum + 0 }'
}
device_mtu_is() { on "$1" ip -o link show dev "$2" | grep -q " mtu $3 "; }
tunnelled() { status client | jq "[.connections[] | select(.remote | contains(\"$1\")) | .subflows[] | select(.carrier == \"wireguard\" and .state == \"established\") | .bytes_acked + .bytes_received] | add // 0"; }
moved() { [ "$(tunnelled "$1")" -gt 200000 ]; }
# mss SPACE FILTER: of what MPTCP sends there, in bytes
mss() { on "$1" ss -tniH state established "$2" | sed -n 's/.* mss:\([0-9]*\) .*/\1/p' | sort -u | paste -sd ' '; }
# run MSS SERVER RELAY [-R]: data goes by the tunnel, in segments of that size, as both ends say
run() {
	local size=$1 server=$2 relay=$3
	TARGET=$server iperf -t $((1 + 2 * SLOWNESS)) "${@:4}" >"$TMP/rate" &
	wait_for 10 moved "$server"
	equals "$(mss client "( not src $CLIENT4 and not src [$CLIENT6] and dst ${server/#*:*/[$server]} )")" "$size" "MSS at the client, $server ${4:-up}"
	equals "$(mss server "( dst ${relay/#*:*/[$relay]} )")" "$size" "MSS at the server, $server ${4:-up}"
	wait $! || fail "iperf3 failed"
	say "$(cat "$TMP/rate") Mbit/s"
}
wait_for 5 device_mtu_is relay1 "$(wg_name r1)" 1300
wait_for 5 device_mtu_is client "$(wg_name c1)" 1320
# the tunnel's MTU without IP's and TCP's headers and timestamps
run 1248 $SERVER4 "$(relay4 1)"
run 1228 $SERVER6 "$(relay6 1)" -R
mtu relay1 eth0 1360
wait_for 5 device_mtu_is relay1 "$(wg_name r1)" 1280
# nat.bpf hears of it a moment later
sleep 0.5
run 1228 $SERVER4 "$(relay4 1)" -R
run 1208 $SERVER6 "$(relay6 1)"
equals "$(fragments)" 0 fragments
