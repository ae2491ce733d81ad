# shellcheck shell=bash source=lib.sh
# max-rate is one for what a client has translated and what it has converted, together, in each direction: never more than
# rate x time plus a bucket, and neither kind is starved. Alone each has nearly all of it.
# alone: measures rates
. "$(dirname "$0")/lib.sh"
convert_network "plain-tcp = yes
max-rate = 20mbit"
stop client
RELAYS=1 client_conf "convert = always
detour-after = 0"
client_start
relays_up 1
plain_web
random_file "$TMP/www/file" 200
chmod a+r "$TMP/www/file"
server_iperf
plain_serve 9000 "OPEN:/dev/null" -u
learn 80
learn 9000
subflow='.connections[].subflows[] | select(.via == "relay1" and .state == "established")'
iperf -t $((2 * SLOWNESS)) >/dev/null &
wait_for 5 status_is client "$subflow"
at=$(status client | jq -r "[$subflow | .remote] | first")
wait $!
# a plain connection over the lease that this connection made
translate() { iperf3_run on client iperf3 -c "${at%:*}" -p "${at##*:}" -J "$@" >/dev/null; }
translate_down() { translate -R -t "$1"; }
translate_up() { translate -t "$1"; }
convert_down() { on client timeout "$1" mptcpize run curl -fsS -o /dev/null "http://$SERVER4/file" || [ $? = 124 ]; }
convert_up() { on client timeout "$1" mptcpize run socat -u "FILE:$TMP/www/file" "TCP4:$SERVER4:9000" || [ $? = 124 ]; }
# bytes DIRECTION: those translated, and those converted. Totals are told once a second, and what waits in sockets goes on
bytes() { status relay1 | jq -r ".clients[0] | \"\(.bytes_$1) \(.converted.bytes_$1)\""; }
limit=20000000
# moves DIRECTION COMMAND...: runs these for some seconds at once; leaves Mbit/s in $translated and $converted
moves() {
	local direction=$1 command begin ms a b c d pids=()
	shift
	sleep 1.5
	read -r a b < <(bytes "$direction")
	begin=$(now_ms)
	for command; do
		"$command" 5 &
		pids+=($!)
	done
	for command in "${pids[@]}"; do wait "$command" || fail "$direction: a transfer failed"; done
	sleep 1.5
	ms=$(($(now_ms) - begin))
	read -r c d < <(bytes "$direction")
	at_most $((c - a + d - b)) $((limit / 8000 * ms * 105 / 100 + limit / 20)) "bytes in $ms ms, $direction"
	translated=$(((c - a) * 8 / 5000000)) converted=$(((d - b) * 8 / 5000000))
	say "$direction: $translated Mbit/s translated, $converted converted"
}
moves down convert_down
at_least "$converted" 15 "Mbit/s converted, alone"
for direction in down up; do
	moves $direction translate_$direction convert_$direction
	at_least "$converted" 4 "Mbit/s converted"
	at_least "$translated" 3 "Mbit/s translated"
done

say "without the daemon it goes on"
stop relay1 KILL
convert_down 2
relay_start 1
moves down convert_down
at_least "$converted" 15 "Mbit/s converted by the process of an earlier run"
