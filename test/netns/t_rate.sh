# shellcheck shell=bash source=lib.sh
# max-rate: for all flows of a client together, in each direction, changed by a reload during a transfer, and for the
# relay as a whole. Never more than rate x time plus a bucket, and TCP gets nearly all of it. With 20 ms of round-trip
# time where there is netem.
# alone: measures rates
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
iperf -t $((2 * SLOWNESS)) >/dev/null &
wait_for 5 status_is client "$subflow"
at=$(status client | jq -r "[$subflow | .remote] | first")
wait $!
carried() { status relay1 | jq ".clients[0].bytes_$1"; }
# gets DIRECTION OPTIONS: prints Mbit/s of plain TCP; checks that the relay forwards at most rate x time plus a bucket (400
# ms, but at least 128 kB) plus 5 %
gets() {
	local direction=$1 begin bytes ms bucket
	shift
	sleep 0.5 # the bucket fills
	begin=$(now_ms) bytes=$(carried "$direction")
	iperf3_run on client iperf3 -c "${at%:*}" -p "${at##*:}" -J "$@"
	bytes=$(($(carried "$direction") - bytes)) ms=$(($(now_ms) - begin))
	bucket=$((limit / 20 > 131072 ? limit / 20 : 131072))
	at_most "$bytes" $((limit / 8000 * ms * 105 / 100 + bucket)) "bytes forwarded in $ms ms at $((limit / 1000000)) Mbit/s, $direction" >&2
}
limit=20000000
measure_at_least 16 "Mbit/s of one flow" gets up -t 3
measure_at_least 16 "Mbit/s of one flow" gets down -t 3 -R
measure_at_least 16 "Mbit/s of four flows" gets down -t 3 -R -P 4
at_least "$(counter relay1 dropped_rate)" 1 "packets dropped"
at_least "$(status relay1 | jq '.clients[0].rate_dropped')" 1 "of this client"
# during a transfer
(
	sleep 2
	rate 60mbit
	kill -HUP "$(cat "$TMP/relay1.pid")"
) &
limit=60000000
at_least "$(gets up -t 6)" 28 "Mbit/s of one flow"
# processors take tokens in advance; what they do not use is not lost
measure_at_least 48 "Mbit/s of twenty flows" gets down -t 4 -R -P 20
rate 1gbit 10mbit
kill -HUP "$(cat "$TMP/relay1.pid")"
sleep 0.5
limit=10000000
measure_at_least 8 "Mbit/s of one flow" gets down -t 3 -R
equals "$(counter relay1 dropped_window)" 0 "segments outside their window"
