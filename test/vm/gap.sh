# shellcheck shell=bash source=../netns/lib.sh
# How long an application waits when its direct path stops carrying anything while one other subflow is there. That is one
# of the in-kernel path manager (from a second address, over the wide link) or one of detourd (over a relay), alternating.
#
#     gap.sh [ROUNDS] [both|up|down: which way packets are lost] [RATE in Mbit/s] [QUEUE in ms] [RTT in ms]
#
# Every path has this rate, queue and round-trip time; a time above 0 needs netem: see bench/gap. It happens AFTER
# seconds (1) of the connection, because windows take some round trips to grow.
. "$(dirname "$0")/../netns/lib.sh"
export CHOOSE=${CHOOSE:-default}
rounds=${1:-20} way=${2:-both} rate=${3:-40} queue=${4:-5} rtt=${5:-0}
export AFTER=${AFTER:-1}
gap_py=$(dirname "$0")/../netns/gap.py
# limit SPACE IF RTT: half of it each way
limit() {
	if [ "$rtt" = 0 ]; then
		on "$1" tc qdisc replace dev "$2" root tbf rate "${rate}mbit" burst 32kbit latency "${queue}ms"
	else
		on "$1" tc qdisc replace dev "$2" root netem rate "${rate}mbit" delay "$(($3 * 500))us" \
			limit $((rate * (queue + $3 / 2) / 12 + 20))
	fi
}
standard_network 1
for dev in narrow wide; do
	limit r1 $dev "$rtt"
	limit r2 $dev "$rtt"
done
# what goes through a relay passes both ends of its link
limit r1 relay1 $((rtt / 2))
limit relay1 eth0 $((rtt / 2))
space_add kernel
veth kernel eth0 r1 kernel
addr kernel eth0 192.0.2.18/28 192.0.2.34/28
addr r1 kernel 192.0.2.17/28 192.0.2.33/28
route kernel default via 192.0.2.17
on kernel ip rule add from 192.0.2.34 lookup 7
route kernel default via 192.0.2.33 table 7
on kernel ip mptcp limits set subflow 2
on kernel ip mptcp endpoint add 192.0.2.34 dev eth0 subflow
# its first address goes by the narrow link as the client's does, the second by the wide one
on r1 ip rule add from 192.0.2.16/28 to 203.0.113.0/28 lookup 100
route r2 192.0.2.16/28 via 10.255.0.1
route r2 192.0.2.32/28 via 10.255.1.1
# the relay's traffic has a wide link of its own, or its path would be limited twice
veth r1 relays r2 relays
addr r1 relays 10.255.2.1/30
addr r2 relays 10.255.2.2/30
on r1 ip rule add from "$(relay4 1)" to 203.0.113.0/28 lookup 101
route r1 203.0.113.0/28 via 10.255.2.2 table 101
route r2 "$(relay_net 1)/28" via 10.255.2.1
on server python3 "$gap_py" serve $SERVER4 7000 &
disown
wait_for 10 on server sh -c 'ss -Htln | grep -q :7000'
relay_start 1
RELAYS=1 client_conf "max-detours = 1"
client_start
relays_up 1
on r1 nft add table inet gap
on r1 nft add chain inet gap forward '{ type filter hook forward priority 0; }'
case $way in
both) hole="nft add rule inet gap forward oifname narrow drop; nft add rule inet gap forward iifname narrow drop" ;;
up) hole="nft add rule inet gap forward oifname narrow drop" ;;
down) hole="nft add rule inet gap forward iifname narrow drop" ;;
*) fail "which way: both, up or down" ;;
esac
hole="nsenter --net=/run/netns/$PREFIX-r1 sh -c '$hole'"
gap() { # SPACE DIRECTION
	on r1 nft flush chain inet gap forward
	sleep 0.3
	on "$1" python3 "$gap_py" "$2" $SERVER4 7000 $((AFTER + 2)) "$hole"
}
for direction in up down; do
	for space in kernel client; do gap $space $direction >/dev/null; done
	for ((round = 0; round < rounds; round++)); do
		for space in kernel client; do gap $space $direction >>"$TMP/$space.$direction"; done
	done
	for space in kernel client; do
		sort -g "$TMP/$space.$direction" | awk -v name="$([ $space = client ] && echo detourd || echo in-kernel)" -v way="$direction" '
			{ v[NR] = $1; sum += $1 }
			END { printf "%-4s  %-9s  n %d  mean %6.1f  p10 %6.1f  p50 %6.1f  p90 %6.1f  max %6.1f ms\n", way, name, NR,
				sum / NR, v[int(NR * 0.1) + 1], v[int(NR / 2) + 1], v[int(NR * 0.9) + (NR * 0.9 < NR)], v[NR] }'
	done
	sed -n 's/.*given up via=direct .*silent_ms=\([0-9]*\) probing_ms=\([0-9]*\).*/\1 \2/p' "$TMP/client.log" | tail -n "$rounds" |
		awk -v way="$direction" '{ s += $1; p += $2 } END {
			if (NR) printf "%s: detourd noticed after a silence of %.1f ms, asking for %.1f, means of %d\n", way, s / NR, p / NR, NR }'
	paste "$TMP/client.$direction" "$TMP/kernel.$direction" |
		awk -v way="$direction" '{ a += $1; b += $2 } END { printf "%s: detourd / in-kernel, of the means: %.3f\n", way, a / b }'
done
