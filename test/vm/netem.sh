# shellcheck shell=bash source=../netns/lib.sh
# In a guest: how much of the capacity of two paths does one connection get? In the topology of the thesis, made with
# netem. Measured are one connection with a NAT or WireGuard detour, and plain TCP and MPTCP on the direct path alone and
# through the same carrier alone; both directions, alternating, medians.
#
#     client --1-- r1 --2-- r2 --3-- server        access links 1, 3, 6; core links 2, 4, 5; each 5 ms
#                   \       /                      direct path: 1-2-3
#                    4     5                       detour: 1-4-6-(relay)-6-5-3
#                     \   /
#                      r3 --6-- relay1
#
#     netem.sh CELL [ROUNDS]
#
# CELL is core (core 10 Mbit/s, access 20) or symmetric (all 10), alone or with -loss or -loss=PERCENT on link 2 (1), or
# -skew or -skew=MS (link 2 has so much delay; 100). Each transfer is measured for SECONDS_EACH (10), after 2 s that do
# not count. A queue holds 100 packets more than the link's delay does. BUFFERS="DEFAULT MAX" are the middle and last
# value of tcp_rmem and tcp_wmem, in bytes, at client and server. SIX=yes leaves MPTCP through the carrier alone out, as
# the thesis did. A core cell with less than FLOOR (0.85) of the sum fails.
. "$(dirname "$0")/../netns/lib.sh"
export CHOOSE=${CHOOSE:-default}
cell=${1:?usage: netem.sh core|symmetric[-loss[=PERCENT]|-skew[=MS]] [ROUNDS]} rounds=${2:-3}
seconds=${SECONDS_EACH:-10}
case $cell in
core*) access=20 ;;
symmetric*) access=10 ;;
*) fail "no such cell: $cell" ;;
esac
core=10 direct_ms=5 direct_loss=0
case $cell in
core | symmetric) ;;
*-loss) direct_loss=1 ;;
*-skew) direct_ms=100 ;;
*-loss=[0-9]*) direct_loss=${cell#*=} ;;
*-skew=[0-9]*) direct_ms=${cell#*=} ;;
*) fail "no such cell: $cell" ;;
esac

# link A IFA B IFB MBIT MS LOSS: without offloads, so that packets are as large as on a wire
link() {
	local end
	veth "$1" "$2" "$3" "$4"
	for end in "$1:$2" "$3:$4"; do
		on "${end%:*}" ethtool -K "${end#*:}" tso off gso off gro off >/dev/null
		on "${end%:*}" tc qdisc replace dev "${end#*:}" root netem rate "$5mbit" delay "$6ms" loss "$7%" \
			limit $((100 + $5 * $6 / 12 + 1))
	done
}
space_add client
space_add server
space_add relay1
for n in 1 2 3; do router_add r$n; done
link client eth0 r1 client "$access" 5 0
link r1 r2 r2 r1 $core "$direct_ms" "$direct_loss"
link server eth0 r2 server "$access" 5 0
link r1 r3 r3 r1 $core 5 0
link r2 r3 r3 r2 $core 5 0
link relay1 eth0 r3 relay1 "$access" 5 0
addr client eth0 $CLIENT4/28
addr r1 client 192.0.2.1/28
addr server eth0 $SERVER4/28
addr r2 server 203.0.113.1/28
addr relay1 eth0 "$(relay4 1)/28"
addr r3 relay1 198.51.100.17/28
addr r1 r2 10.255.0.1/30
addr r2 r1 10.255.0.2/30
addr r1 r3 10.255.1.1/30
addr r3 r1 10.255.1.2/30
addr r2 r3 10.255.2.1/30
addr r3 r2 10.255.2.2/30
route client default via 192.0.2.1
route server default via 203.0.113.1
route relay1 default via 198.51.100.17
route r1 203.0.113.0/28 via 10.255.0.2
route r1 198.51.100.16/28 via 10.255.1.2
route r2 192.0.2.0/28 via 10.255.0.1
route r2 198.51.100.16/28 via 10.255.2.2
route r3 192.0.2.0/28 via 10.255.1.1
route r3 203.0.113.0/28 via 10.255.2.1
on server ip mptcp limits set subflow 8 add_addr_accepted 8
if [ -n "${BUFFERS:-}" ]; then
	for space in client server; do
		on $space sysctl -qw net.ipv4.tcp_rmem="4096 $BUFFERS" net.ipv4.tcp_wmem="4096 $BUFFERS"
	done
fi

relay_conf 1 "$(wg_relay 1)" "plain-tcp = yes"
relay_start 1
server_iperf
key client
measured() { iperf3_run on client "$@" -J -O 2 -t "$seconds" ${direction:+$direction}; }
carrier() { # CARRIER N: from now on, with so many detours; the same carrier's addresses and ports stay
	RELAYS=1 client_conf "max-detours = $2"
	carrier_set 1 "$1"
	if [ "$(cat "$TMP/carrier" 2>/dev/null)" = "$1" ]; then
		kill -HUP "$(cat "$TMP/client.pid")"
		sleep 1
	else
		[ ! -e "$TMP/client.pid" ] || stop client
		client_start
		policy_watch
	fi
	echo "$1" >"$TMP/carrier"
	relays_up 1
	[ "$1" = nat ] || wait_for 10 tunnel_is_up
}
tunnel_is_up() { [ -n "$(tunnel_address)" ] && status_is client '.relays[0].reason == ""'; }
tunnel_address() { on client ip -4 -o addr show dev "$(wg_name c1)" | awk '{ sub("/.*", "", $4); print $4 }'; }
# the relay's port that leads to the server, as a connection's detour uses it
nat_port() {
	iperf -t 2 >/dev/null &
	wait_for 5 status_is client '.connections[].subflows[] | select(.via == "relay1" and .state == "established")'
	status client | jq -r '[.connections[].subflows[] | select(.via == "relay1") | .remote] | first' | sed 's/.*://'
	wait $!
	policy_decided >/dev/null
}
# one_round CARRIERS...: each result goes to a file of its own
one_round() {
	local c through direct=
	for c in "$@"; do
		carrier "$c" 1
		if [ "$c" = nat ]; then
			through="-c $(relay4 1) -p $(nat_port)"
		else
			through="-c $SERVER4 -B $(tunnel_address)"
		fi
		# shellcheck disable=SC2086 # words
		{
			measured mptcpize run iperf3 -c $SERVER4 >>"$TMP/both-$c$direction"
			say "$cell $way $c each second: $(jq -r '[.intervals[].sum | select(.omitted | not) | .bits_per_second / 1e5 | round / 10] | join(" ")' "$TMP/iperf3.json") Mbit/s, $(status client | jq -c '.counters | {join_refused, join_timeout, subflows_given_up}')"
			given_up | tail -n 3
			policy_decided
			measured iperf3 $through >>"$TMP/tcp-$c$direction"
			carrier "$c" 0
			[ -n "${SIX:-}" ] || measured mptcpize run iperf3 $through >>"$TMP/mptcp-$c$direction"
		}
		[ -z "$direct" ] || continue
		direct=measured
		measured iperf3 -c $SERVER4 >>"$TMP/tcp-direct$direction"
		measured mptcpize run iperf3 -c $SERVER4 >>"$TMP/mptcp-direct$direction"
	done
}
ratio() { awk -v a="$1" -v b="$2" -v s="$3" 'BEGIN { printf "%.3f", s / (a + b) }'; }
for direction in ${WAYS:-up -R}; do
	way=down
	[ "$direction" != up ] || { direction='' way=up; }
	for ((round = 1; round <= rounds; round++)); do
		# shellcheck disable=SC2086 # words
		one_round ${CARRIERS:-nat wireguard}
		say "round $round $way"
	done
	for c in ${CARRIERS:-nat wireguard}; do
		tcp=$(median <"$TMP/tcp-direct$direction") tcp_c=$(median <"$TMP/tcp-$c$direction")
		mptcp=$(median <"$TMP/mptcp-direct$direction") both=$(median <"$TMP/both-$c$direction")
		line="$(uname -r) $cell $way $c: TCP $tcp + $tcp_c, MPTCP $mptcp" last=
		if [ -z "${SIX:-}" ]; then
			mptcp_c=$(median <"$TMP/mptcp-$c$direction")
			line+=" + $mptcp_c" last=", to MPTCP $(ratio "$mptcp" "$mptcp_c" "$both")"
		fi
		echo "$line, both $both ($(paste -sd ' ' "$TMP/both-$c$direction")): ratio to TCP $(ratio "$tcp" "$tcp_c" "$both")$last"
		# one path alone would give about half
		case $cell in core*) at_least "$(ratio "$tcp" "$tcp_c" "$both")" "${FLOOR:-0.85}" "$cell $way $c" ;; esac
	done
done
