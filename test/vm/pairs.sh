# shellcheck shell=bash source=../netns/lib.sh
# In a guest: a client, a server and relays as far from each other as hosts that were measured, made with netem: what do
# detours bring to one connection? Two detours of the relays given, as by default; plain TCP beside it, alternating.
#
#     client ── r1 ──────── direct ──────── r2 ── server
#               ├── leg ── relay1 ── leg ──┤
#               └── leg ── relay2 ── leg ──┘ ...
#
#     pairs.sh ROUNDS MBIT:MS MBIT:MS:MBIT:MS...
#
# The direct path's rate and round-trip time, then both legs of each relay (bench/pairs.py). A queue holds 100 packets more
# than the link's delay does. Each transfer is measured for SECONDS_EACH (15), after 5 s that do not count.
. "$(dirname "$0")/../netns/lib.sh"
export CHOOSE=${CHOOSE:-default}
rounds=${1:?usage: pairs.sh ROUNDS MBIT:MS MBIT:MS:MBIT:MS...} direct=${2:?}
shift 2
seconds=${SECONDS_EACH:-15}

# link A IFA B IFB MBIT RTT-MS: without offloads, so that packets are as large as on a wire
link() {
	local end
	veth "$1" "$2" "$3" "$4"
	for end in "$1:$2" "$3:$4"; do
		on "${end%:*}" ethtool -K "${end#*:}" tso off gso off gro off >/dev/null
		on "${end%:*}" tc qdisc replace dev "${end#*:}" root netem \
			rate "$(awk -v m="$5" 'BEGIN { printf "%d", m * 1e6 }')bit" delay "$(awk -v m="$6" 'BEGIN { printf "%d", m * 500 }')us" \
			limit "$(awk -v m="$5" -v d="$6" 'BEGIN { printf "%d", 101 + m * d / 24 }')"
	done
}
space_add client
space_add server
router_add r1
router_add r2
veth client eth0 r1 client
veth server eth0 r2 server
link r1 direct r2 direct "${direct%:*}" "${direct#*:}"
addr client eth0 $CLIENT4/28
addr r1 client 192.0.2.1/28
addr server eth0 $SERVER4/28
addr r2 server 203.0.113.1/28
addr r1 direct 10.255.0.1/30
addr r2 direct 10.255.0.2/30
route client default via 192.0.2.1
route server default via 203.0.113.1
route r1 203.0.113.0/28 via 10.255.0.2
route r2 192.0.2.0/28 via 10.255.0.1
on server ip mptcp limits set subflow 8 add_addr_accepted 8
relays=
for legs in "$@"; do
	n=$((${relays##* } + 1))
	relays+=" $n"
	IFS=: read -r near_mbit near_ms far_mbit far_ms <<<"$legs"
	space_add relay$n
	link r1 relay$n relay$n eth0 "$near_mbit" "$near_ms"
	link r2 relay$n relay$n eth1 "$far_mbit" "$far_ms"
	addr r1 relay$n "198.51.100.$((16 * n + 1))/28"
	addr relay$n eth0 "$(relay4 $n)/28"
	addr r2 relay$n 10.255.$n.1/30
	addr relay$n eth1 10.255.$n.2/30
	route relay$n default via "198.51.100.$((16 * n + 1))"
	route relay$n 203.0.113.0/28 via 10.255.$n.1
	route r2 "$(relay_net $n)/28" via 10.255.$n.2
	relay_conf $n
	relay_start $n
done
server_iperf
RELAYS=$relays client_conf
client_start
policy_watch
relays_up $#
measured() { iperf3_run on client "$@" -c $SERVER4 -J -O 5 -t "$seconds" ${direction:+$direction}; }
for way in up down; do
	direction=
	[ $way = up ] || direction=-R
	for ((round = 1; round <= rounds; round++)); do
		measured iperf3 >>"$TMP/tcp-$way"
		measured mptcpize run iperf3 >>"$TMP/both-$way"
		say "$way round $round: $(jq -r '[.intervals[].sum | select(.omitted | not) | .bits_per_second / 1e5 | round / 10] | join(" ")' "$TMP/iperf3.json") Mbit/s, $(status client | jq -c '.counters | {join_refused, join_timeout, subflows_given_up}')"
		policy_decided
	done
	tcp=$(median <"$TMP/tcp-$way") both=$(median <"$TMP/both-$way")
	echo "$(uname -r) pair $way: TCP $tcp, with detours $both ($(paste -sd ' ' "$TMP/both-$way")), gain $(awk -v a="$tcp" -v b="$both" 'BEGIN { printf "%.3f", b / a }')"
done
