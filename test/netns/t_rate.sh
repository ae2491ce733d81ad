# shellcheck shell=bash source=lib.sh
# max-rate: one client's flows together, each direction, a reload in mid-flow, the relay's own cap. Never more than rate x
# time and a bucket; and TCP gets nearly all of it. Where there is netem, at 20 ms of round-trip time.
. "$(dirname "$0")/lib.sh"
standard_network 1
narrow_paths 400mbit
if on r1 tc qdisc replace dev relay1 root netem delay 5ms limit 10000 2>/dev/null; then
	on relay1 tc qdisc replace dev eth0 root netem delay 5ms limit 10000
	say "20 ms by netem"
fi
rate() { relay_conf 1 "max-rate = ${2:-40gbit}" "plain-tcp = yes
max-rate = $1"; }
rate 20mbit
relay_start 1
RELAYS=1 client_conf
client_start
relays_up 1
server_iperf
subflow='.connections[].subflows[] | select(.via == "relay1" and .state == "established")'
iperf -t $((2 * ${SLOWNESS:-1})) >/dev/null &
wait_for 5 status_is client "$subflow"
at=$(status client | jq -r "[$subflow | .remote] | first")
wait $!
carried() { status relay1 | jq ".clients[0].bytes_$1"; }
# gets DIRECTION OPTIONS: Mbit/s of plain TCP, while what the relay forwards stays below rate x time + bucket (128 kB at
# least, 400 ms else) and 5 %
gets() {
	local direction=$1 begin bytes ms bucket
	shift
	sleep 0.5 # the bucket fills
	begin=$(now_ms) bytes=$(carried "$direction")
	iperf3_run on client iperf3 -c "${at%:*}" -p "${at##*:}" -J "$@" >"$TMP/gets"
	bytes=$(($(carried "$direction") - bytes)) ms=$(($(now_ms) - begin))
	bucket=$((limit / 20 > 131072 ? limit / 20 : 131072))
	at_most "$bytes" $((limit / 8000 * ms * 105 / 100 + bucket)) "bytes forwarded in $ms ms at $((limit / 1000000)) Mbit/s, $direction"
}
enough() { at_least "$(cat "$TMP/gets")" "$1" "Mbit/s of ${2:-one flow}"; }
limit=20000000
gets up -t 3
enough 16
gets down -t 3 -R
enough 16
gets down -t 3 -R -P 4
enough 16 "four flows"
at_least "$(counter relay1 dropped_rate)" 1 "packets dropped"
at_least "$(status relay1 | jq '.clients[0].rate_dropped')" 1 "of this client"
# in mid-flow
(
	sleep 2
	rate 60mbit
	kill -HUP "$(cat "$TMP/relay1.pid")"
) &
limit=60000000
gets up -t 6
enough 28
# what each took in advance and did not use is not lost
gets down -t 4 -R -P 20
enough 48 "twenty flows"
rate 1gbit 10mbit
kill -HUP "$(cat "$TMP/relay1.pid")"
sleep 0.5
limit=10000000
gets down -t 3 -R
enough 8
equals "$(counter relay1 dropped_window)" 0 "segments outside their window"
