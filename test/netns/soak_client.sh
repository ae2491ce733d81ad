# shellcheck shell=bash source=lib.sh
# Random faults for a while (DURATION seconds, 600; SEED): black holes, relays killed, the client's daemon killed,
# subflows reset, the link down, another address. Transfers both ways run throughout and must arrive byte for byte; at the
# end nothing has leaked: no subflow, lease, descriptor or memory.
. "$(dirname "$0")/lib.sh"
DURATION=${DURATION:-600}
SEED=${SEED:-$((RANDOM * 32768 + RANDOM))}
RANDOM=$SEED
say "seed $SEED, $DURATION s"
standard_network 3
veth client eth1 r1 client2
addr client eth1 192.0.2.18/28
addr r1 client2 192.0.2.17/28
route r2 192.0.2.16/28 via 10.255.1.1
narrow_paths "${RATE:-40}mbit"
for n in 1 2 3; do relay_start $n; done
RELAYS="1 2 3" client_conf
client_start
relays_up 3
web_start
random_file "$TMP/www/file" 10
random_file "$TMP/up" 10

touch "$TMP/done"
# --- transfers: each worker repeats until told to stop, and leaves FAILED-n where bytes differ
# A transfer is broken when it makes no end in so many seconds, as slow as the machine is just now.
patience() { echo $((150 * $(slowness))); }
# wrong WHAT SENT RECEIVED: what is known about a transfer that failed
wrong() {
	echo "$1 after $(wc -l <"$TMP/done") transfers"
	python3 "$(dirname "$0")/../tools/wrong_bytes.py" "$2" "$3" 2>&1 | head -20
	echo "mismatches at the server: $(on server nstat -asz MPTcpExtDSSNotMatching MPTcpExtDataCsumErr 2>/dev/null | grep MPTcp | xargs)"
}
# A connection cannot begin while the link is down: then it is tried again.
download() {
	local n=$1 code
	while [ ! -e "$TMP/stop" ]; do
		code=0
		on client mptcpize run curl -sS --max-time "$(patience)" -o "$TMP/down-$n" "http://$SERVER4/file" 2>>"$TMP/curl-$n.log" || code=$?
		if [ $code = 7 ]; then
			sleep 0.5
			continue
		fi
		if [ $code != 0 ] || ! cmp -s "$TMP/www/file" "$TMP/down-$n"; then
			wrong "download: curl $code" "$TMP/www/file" "$TMP/down-$n" >>"$TMP/FAILED-$n"
			return
		fi
		echo >>"$TMP/done"
	done
}
# The server's answer says that all has arrived. After its close() a connection takes no new subflow, so what it still has to
# send then is lost with its last address.
upload() {
	local n=$1 code
	while [ ! -e "$TMP/stop" ]; do
		code=0
		on client mptcpize run curl -sSf --max-time "$(patience)" -T "$TMP/up" -o "$TMP/answer-$n" "http://$SERVER4/put/$n" 2>>"$TMP/curl-up-$n.log" || code=$?
		if [ $code = 7 ]; then
			sleep 0.5
			continue
		fi
		if [ $code != 0 ] || ! cmp -s "$TMP/up" "$TMP/put/$n"; then
			wrong "upload: curl $code" "$TMP/up" "$TMP/put/$n" >>"$TMP/FAILED-$n"
			return
		fi
		echo >>"$TMP/done"
	done
}
for n in 1 2; do
	download $n &
	upload $n &
done

# --- faults
roamed=
fault() {
	local n=$((RANDOM % 3 + 1)) pause=$((RANDOM % 8 + 1))
	case $((RANDOM % 9)) in
	0) say "black hole: relay $n for $pause s" && black_hole $n && sleep $pause && black_hole_end ;;
	1) say "black hole: all relays for $pause s" && black_hole 1 2 3 && sleep $pause && black_hole_end ;;
	2) say "relay $n killed for $pause s" && stop relay$n KILL && sleep $pause && relay_start $n ;;
	3) say "client killed for $pause s" && stop client KILL && sleep $pause && client_start ;;
	4) say "detours by relay $n reset" && { on client ss -tK dst "$(relay4 $n)" >/dev/null 2>&1 || true; } ;;
	5) say "relay $n forgets all" && stop relay$n && on relay$n "$DETOURD" --relay --flush -c "$TMP/relay$n.conf" && relay_start $n ;;
	6)
		say "the link is down for 3 s"
		local dev=eth0 via=192.0.2.1
		[ -z "$roamed" ] || { dev=eth1 via=192.0.2.17; }
		on client ip link set $dev down
		sleep 3
		on client ip link set $dev up
		on client ip route replace default via $via
		;;
	7)
		say "roaming"
		if [ -z "$roamed" ]; then
			on client ip link set eth1 up
			on client ip addr replace 192.0.2.18/28 dev eth1
			on client ip route replace default via 192.0.2.17
			sleep 1
			on client ip addr flush dev eth0
			roamed=1
		else
			on client ip link set eth0 up
			on client ip addr replace $CLIENT4/28 dev eth0
			on client ip route replace default via 192.0.2.1
			sleep 1
			on client ip addr flush dev eth1
			roamed=
		fi
		;;
	8) say "reload" && kill -HUP "$(cat "$TMP/client.pid")" ;;
	esac
}
rss() { awk '/VmRSS/ { print $2 }' "/proc/$(cat "$TMP/$1.pid")/status"; }
fds() { find "/proc/$(cat "$TMP/$1.pid")/fd" -mindepth 1 | wc -l; }
end=$((SECONDS + DURATION))
faults=0
while [ $SECONDS -lt $end ]; do
	fault
	faults=$((faults + 1))
	for log in "$TMP"/FAILED-*; do [ ! -e "$log" ] || fail "$(cat "$log"): ${log##*/}"; done
	sleep $((RANDOM % 3 + 1))
done

# --- what is left
touch "$TMP/stop"
wait_for 200 eval '[ -z "$(ip netns pids $PREFIX-client | xargs -r ps -o comm= -p | grep -x curl)" ]'
for log in "$TMP"/FAILED-*; do [ ! -e "$log" ] || fail "$(cat "$log"): ${log##*/}"; done
say "$faults faults, $(wc -l <"$TMP/done") transfers"
[ "$(wc -l <"$TMP/done")" -ge $((DURATION / 60 / SLOWNESS)) ] || fail "hardly a transfer came to its end"
wait_for 90 status_is client '.connections | length == 0'
wait_for 30 eval '[ "$(on client ss -tnH state established | wc -l)" = 0 ]'
for n in 1 2 3; do
	status_is relay$n '.clients[0].leases <= 8' || fail "leases are left at relay$n: $(status relay$n)"
done
say "RSS: client $(rss client) kB, relays $(rss relay1) $(rss relay2) $(rss relay3) kB; descriptors: $(fds client) $(fds relay1)"
at_most "$(fds client)" 60 "the client's descriptors"
at_most "$(fds relay1)" 60 "the relay's descriptors"
