# shellcheck shell=bash source=../netns/lib.sh
# How long messages of applications wait when something goes wrong with the direct path: see bench/gap-shapes, which runs
# this here or in a guest. SLOWLINK: the program of bench/slowlink.c.
. "$(dirname "$0")/../netns/lib.sh"
export CHOOSE=${CHOOSE:-default}
rounds=${1:-6}
shift || true
faults=() shapes=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	faults+=("$1")
	shift
done
[ $# = 0 ] || shift
shapes=("$@")
[ ${#faults[@]} -gt 0 ] || faults=(hole)
[ ${#shapes[@]} -gt 0 ] && [ "${shapes[0]}" != all ] || shapes=(thin-up thin-down ask keys burst-up burst-down video-down)
rate=${RATE_MBIT:-40} queue=${QUEUE:-40} rtt=${RTT:-20} connections=${CONNECTIONS:-1} who=${WHO:-detourd kernel} last=${LAST:-3}
shapes_py=$(dirname "$0")/shapes.py

standard_network 1
for link in narrow wide; do ip -n "$PREFIX-r1" link del $link; done
mkfifo "$TMP/links.control"
# opened for reading and writing, so that it does not end between two commands
nice -n -15 "$SLOWLINK" "$PREFIX-r1" "$PREFIX-r2" "$rate" "$queue" $((rtt * 500)) narrow wide relays \
	0<>"$TMP/links.control" >"$TMP/links.ready" &
links=$!
disown
wait_for 5 grep -q ready "$TMP/links.ready"
end() {
	kill $links 2>/dev/null || true
	cleanup
}
trap end EXIT
# link_ends NAME NET: addresses
link_ends() {
	addr r1 "$1" "$2.1/30"
	addr r2 "$1" "$2.2/30"
	ip -n "$PREFIX-r1" link set "$1" up
	ip -n "$PREFIX-r2" link set "$1" up
}
link_ends narrow 10.255.0
link_ends wide 10.255.1
link_ends relays 10.255.2
route r1 203.0.113.0/28 via 10.255.1.2
route r1 203.0.113.0/28 via 10.255.0.2 table 100
route r1 203.0.113.0/28 via 10.255.2.2 table 101
on r1 ip rule add from "$(relay4 1)" to 203.0.113.0/28 lookup 101
route r2 default via 10.255.1.1
route r2 192.0.2.0/28 via 10.255.0.1
route r2 "$(relay_net 1)/28" via 10.255.2.1
# each of the others goes by the narrow link from its first address, by the wide one from its second
# other SPACE NET-1 NET-2
other() {
	space_add "$1"
	veth "$1" eth0 r1 "$1"
	addr "$1" eth0 "192.0.2.$(($2 + 2))/28" "192.0.2.$(($3 + 2))/28"
	addr r1 "$1" "192.0.2.$(($2 + 1))/28" "192.0.2.$(($3 + 1))/28"
	route "$1" default via "192.0.2.$(($2 + 1))"
	on "$1" ip rule add from "192.0.2.$(($3 + 2))" lookup 7
	route "$1" default via "192.0.2.$(($3 + 1))" table 7
	on r1 ip rule add from "192.0.2.$2/28" to 203.0.113.0/28 lookup 100
	route r2 "192.0.2.$2/28" via 10.255.0.1
	route r2 "192.0.2.$3/28" via 10.255.1.1
}
other kernel 16 32
other alone 48 64
on kernel ip mptcp limits set subflow 2
on kernel ip mptcp endpoint add 192.0.2.34 dev eth0 subflow
on server python3 $shapes_py serve $SERVER4 7000 &
disown
wait_for 10 listens server 7000
relay_start 1
RELAYS=1 client_conf "max-detours = 1
detour-after = 0"
client_start
relays_up 1

on r1 nft -f - <<'NFT'
add table inet fault
add chain inet fault forward { type filter hook forward priority 0; }
NFT
fault_rules() { on r1 nft -f - <<<"$(printf 'add rule inet fault forward %s drop\n' "$@")"; }
# delay US: how long the direct path takes, one way
delay() {
	echo "up $1" >"$TMP/links.control"
	sleep 0.02
	echo "down $1" >"$TMP/links.control"
}
fault_ends() {
	on r1 nft flush chain inet fault forward
	delay $((rtt * 500))
}
# lasts_still: the fault is not over
lasts_still() { [ "$SECONDS" -lt $((began + last)) ]; }
hole() { fault_rules "oifname narrow" "iifname narrow"; }
fault_begins() {
	local share at began=$SECONDS
	case $1 in
	none) ;;
	hole | early) hole ;;
	hole-up) fault_rules "oifname narrow" ;;
	hole-down) fault_rules "iifname narrow" ;;
	loss-*)
		share=${1#loss-}
		fault_rules "oifname narrow numgen random mod 100 < $share" "iifname narrow numgen random mod 100 < $share"
		;;
	slow) delay 1000000 ;;
	jitter)
		while lasts_still; do
			delay $((rtt * 500 + RANDOM % 30000))
			sleep 0.05
		done
		;;
	stalls-*)
		while lasts_still; do
			at=$((10 + RANDOM % (${1#stalls-} - 9)))
			delay $((rtt * 500 + at * 1000))
			sleep "0.$(printf %03d $at)"
			delay $((rtt * 500))
			sleep "0.$((2 + RANDOM % 8))"
		done
		;;
	crowd)
		for at in bulk-up bulk-down; do
			on alone python3 $shapes_py $at $SERVER4 7000 "$last" >"$TMP/crowd" &
		done
		;;
	flap)
		for ((at = 0; at < last; at++)); do
			hole
			sleep 0.4
			on r1 nft flush chain inet fault forward
			sleep 0.6
		done
		;;
	outage-*)
		fault_rules 'iifname { client, kernel, alone }' 'oifname { client, kernel, alone }'
		sleep "$(awk -v ms="${1#outage-}" 'BEGIN { print ms / 1000 }')"
		on r1 nft flush chain inet fault forward
		;;
	relay) fault_rules "oifname relay1" "iifname relay1" ;;
	*) fail "no such fault: $1" ;;
	esac
}

# round FAULT SHAPE SPACE...: appends to $TMP/SPACE.values
round() {
	local fault=$1 shape=$2 space i pids=() after=3 settled=1
	shift 2
	[ "$fault" != early ] || after=0.4 settled=0.2
	[ "${shape%%-*}" != burst ] || [ "$fault" = early ] || after=$(awk -v r=$RANDOM 'BEGIN { print 3 + 2 * r / 32768 }')
	for space in "$@"; do
		for ((i = 0; i < connections; i++)); do
			SETTLED=$settled on "$space" python3 $shapes_py "$shape" $SERVER4 7000 \
				"$(awk -v a="$after" -v l="$last" 'BEGIN { print a + l }')" >>"$TMP/$space.values" &
			pids+=($!)
		done
	done
	for ((i = 0; i < 100; i++)); do
		[ "$(on server ss -HMn state established | wc -l)" -lt ${#pids[@]} ] || break
		sleep 0.02
	done
	sleep "$after"
	fault_begins "$fault"
	case " $* " in *" alone "*)
		sleep 4
		fault_ends
		;;
	esac
	wait "${pids[@]}"
	fault_ends
	sleep 0.5
}

echo "rate=$rate Mbit/s queue=$queue ms rtt=$rtt ms rounds=$rounds connections=$connections kernel=$(uname -r)"
spaces=()
for name in $who; do spaces+=("$([ "$name" = detourd ] && echo client || echo "$name")"); done
for fault in "${faults[@]}"; do
	for shape in "${shapes[@]}"; do
		for space in "${spaces[@]}"; do : >"$TMP/$space.values"; done
		before=$(counter client subflows_given_up)
		faded=$(counter client 'subflows_faded // 0')
		for ((n = 0; n < rounds; n++)); do
			case $shape in
			thin-* | ask | keys) round "$fault" "$shape" "${spaces[@]}" ;;
			*) for space in "${spaces[@]}"; do round "$fault" "$shape" "$space"; done ;;
			esac
		done
		for space in "${spaces[@]}"; do
			sort -g "$TMP/$space.values" | awk -v what="$fault $shape" -v name="${space/client/detourd}" '
				{ v[NR] = $1; sum += $1; all = all " " $1 }
				END { printf "%-22s %-8s mean %6.0f  median %6.0f  worst %6.0f :%s\n", what, name, sum / NR,
					v[int((NR + 1) / 2)], v[NR], all }'
		done
		case " ${spaces[*]} " in *" client "*)
			printf '%-22s subflows given up: %d, faded: %d, of %d connections\n' "$fault $shape" \
				$(($(counter client subflows_given_up) - before)) $(($(counter client 'subflows_faded // 0') - faded)) \
				$((rounds * connections))
			;;
		esac
	done
done
[ -z "${LOG:-}" ] || cp "$TMP/client.log" "$LOG"
