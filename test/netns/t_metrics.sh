# shellcheck shell=bash source=lib.sh
# Metrics of client and relay: promtool finds no fault, bytes are those that moved, a path's death leaves a gap; and over
# HTTP: other hosts' names, methods and paths are refused, and neither readers that never ask nor such that never read keep
# others waiting.
. "$(dirname "$0")/lib.sh"
standard_network 1
narrow_paths 40mbit
relay_conf 1 "metrics = $TMP/relay1.metrics"
relay_start 1
RELAYS=1 client_conf "max-detours = 1
detour-after = 0
metrics = 127.0.0.1:9745"
client_start
relays_up 1
equals "$(stat -c %a "$TMP/relay1.metrics")" 660 "mode of the socket"
web_start
random_file "$TMP/www/file" 20
BASE=http://127.0.0.1:9745
get() { on client curl -sS --max-time $((10 * SLOWNESS)) "$@"; }
code() { get -o /dev/null -w '%{http_code}' "$@"; }
# value NAME{LABELS}: of the client's metrics, as they are
value() { "$DETOURD" metrics --control "$TMP/${NAME:-client}.sock" | awk -v name="$1" '$1 == name { print $2; found = 1 } END { exit !found }'; }
is() { [ "$(value "$1")" = "$2" ]; }
above() { awk -v v="$(value "$1")" -v l="$2" 'BEGIN { exit !(v > l) }'; }
clean() {
	if ! command -v promtool >/dev/null; then
		say "no promtool: $1 is not checked"
		return
	fi
	promtool check metrics <"$TMP/$1.prom" >"$TMP/faults" 2>&1 || fail "$1: $(cat "$TMP/faults")"
	[ ! -s "$TMP/faults" ] || fail "$1: $(cat "$TMP/faults")"
	say "promtool finds no fault with $1: $(grep -c '^# TYPE' "$TMP/$1.prom") families, $(grep -vc '^#' "$TMP/$1.prom") samples"
}

say "a download, and what was counted of it"
on client mptcpize run curl -sS -o "$TMP/got" "http://$SERVER4/file"
cmp "$TMP/got" "$TMP/www/file" || fail "the download is broken"
size=$(wc -c <"$TMP/www/file")
wait_for 10 is detourd_connections 0
direct=$(value 'detourd_path_bytes_total{relay="direct",carrier="direct",direction="receive"}')
detour=$(value 'detourd_path_bytes_total{relay="relay1",carrier="nat",direction="receive"}')
say "of $size bytes $direct came directly and $detour over the relay"
at_least "$((direct + detour))" "$size" "bytes by both paths"
at_most "$((direct + detour))" "$((size + size / 5))" "bytes by both paths"
at_least "$detour" "$((size / 10))" "bytes over the relay"
is 'detourd_setup_seconds_count{relay="relay1",carrier="nat"}' 1 || fail "$(value 'detourd_setup_seconds_count{relay="relay1",carrier="nat"}') detours were set up"
is 'detourd_relay_up{relay="relay1"}' 1 || fail "the relay is not up"
is 'detourd_path_joins_established_total{relay="relay1",carrier="nat"}' "$(counter client joins_established)" || fail "joins differ from status"
NAME=relay1
wait_for 10 above 'detourd_client_bytes_total{client="client",direction="down"}' "$((detour - 1))"
is 'detourd_client_max_flows{client="client"}' 4096 || fail "the client's limit"
unset NAME

say "both commands, and both servers"
"$DETOURD" metrics --control "$TMP/client.sock" >"$TMP/client.prom"
"$DETOURD" metrics --relay --control "$TMP/relay1.sock" >"$TMP/relay1.prom"
get $BASE/metrics >"$TMP/client-http.prom"
curl -sS --unix-socket "$TMP/relay1.metrics" http://any.host/metrics >"$TMP/relay1-http.prom"
for name in client relay1 client-http relay1-http; do
	clean $name
done
for name in client relay1; do
	families() { sed -n 's/^# TYPE //p' "$TMP/$1.prom"; }
	[ "$(families $name)" = "$(families $name-http)" ] || fail "$name: other families by HTTP than by the command"
done

if command -v promtool >/dev/null; then
	top=$(dirname "${BASH_SOURCE[0]}")
	promtool check rules "$top/../../configs/prometheus-alerts.yml" >"$TMP/rules" 2>&1 || fail "alerts: $(cat "$TMP/rules")"
	promtool test rules "$top/alerts.yml" >"$TMP/rules" 2>&1 || fail "alerts: $(cat "$TMP/rules")"
	say "alerts are raised when they should be"
fi

say "requests that are not answered with metrics"
equals "$(code $BASE/metrics)" 200 "GET"
equals "$(code -I $BASE/metrics)" 200 "HEAD"
equals "$(get -I $BASE/metrics | wc -l)" 10 "lines of HEAD's answer"
equals "$(code -H 'Host: localhost:9745' $BASE/metrics)" 200 "localhost"
equals "$(code -H 'Host: evil.example:9745' $BASE/metrics)" 403 "another name that was led here"
equals "$(code $BASE/etc/passwd)" 404 "another path"
equals "$(code -X POST $BASE/metrics)" 405 "POST"
equals "$(code -X DELETE $BASE/metrics)" 405 "DELETE"
equals "$(code -X GET -d body $BASE/metrics)" 413 "a body"
equals "$(code -H "X: $(head -c 9000 /dev/zero | tr '\0' x)" $BASE/metrics)" 431 "9,000 bytes of headers"
equals "$(code "$BASE/$(head -c 2000 /dev/zero | tr '\0' x)")" 414 "a path of 2,000 bytes"
raw() { printf "$1" | on client timeout $((10 * SLOWNESS)) socat -t5 - TCP:127.0.0.1:9745 | head -n 1 | tr -d '\r'; }
equals "$(raw 'GET /metrics HTTP/1.1\r\n\r\n')" "HTTP/1.1 400 Bad Request" "no Host"
equals "$(raw 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n')" "HTTP/1.1 400 Bad Request" "two Hosts"
equals "$(raw 'GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')" "HTTP/1.1 403 Forbidden" "another host's URL"
equals "$(raw '\026\003\001garbage\r\n\r\n')" "HTTP/1.1 400 Bad Request" "garbage"
! on relay1 curl -sS --max-time 2 "http://192.0.2.2:9745/metrics" 2>/dev/null || fail "other hosts are served"

say "40 readers that never ask, and 40 that never read"
on client python3 - "$TMP/held" <<'PY' &
import socket, sys, time
held = []
for i in range(80):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    s.connect(("127.0.0.1", 9745))
    s.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" if i % 2 else b"GET /metrics HTTP/1.1\r\n")
    held.append(s)
open(sys.argv[1], "w").close()
time.sleep(600)
PY
holder=$!
wait_for 10 [ -e "$TMP/held" ]
for _ in 1 2 3 4 5; do
	equals "$(code $BASE/metrics)" 200 "GET beside them"
done
wait_for 30 sh -c "[ \$(nsenter --net=/run/netns/$PREFIX-client ss -Htn state established 'sport = 9745' | wc -l) = 0 ]"
kill $holder

say "a path dies"
gap_serve
gap down $SERVER4 7000 "$(awk "BEGIN { print 2.5 * $SLOWNESS }")" >"$TMP/gap" &
pid=$!
wait_for 8 subflows_are 2
sleep 0.7
direct_hole
wait_for 8 status_is client '.counters.subflows_given_up > 0'
wait $pid
direct_hole_end
is 'detourd_gap_seconds_count{relay="direct"}' 1 || fail "$(value 'detourd_gap_seconds_count{relay="direct"}') gaps were seen"
above 'detourd_gap_seconds_sum{relay="direct"}' 0 || fail "the gap has no length"
is 'detourd_path_ends_total{relay="direct",carrier="direct",reason="dead"}' 1 || fail "no dead path was counted"
say "the program measured $(cat "$TMP/gap") ms, detourd $(value 'detourd_gap_seconds_sum{relay="direct"}') s"

say "a reload keeps counters, moves to another place, and is refused where a place cannot be used"
before=$(value 'detourd_path_bytes_total{relay="relay1",carrier="nat",direction="receive"}')
sed -i 's/^max-detours = 1/max-detours = 2/; s/^endpoint = .*/&/' "$TMP/client.conf"
kill -HUP "$(cat "$TMP/client.pid")"
wait_for 5 grep -q 'reloaded relays=1 max-detours=2' "$TMP/client.log"
at_least "$(value 'detourd_path_bytes_total{relay="relay1",carrier="nat",direction="receive"}')" "$before" "bytes over the relay"
sed -i 's/^metrics = .*/metrics = 127.0.0.1:9746/' "$TMP/client.conf"
kill -HUP "$(cat "$TMP/client.pid")"
wait_for 5 grep -q 'serving metrics at=127.0.0.1:9746' "$TMP/client.log"
equals "$(code http://127.0.0.1:9746/metrics)" 200 "GET at the new place"
equals "$(code $BASE/metrics 2>/dev/null)" 000 "GET at the old place"
sed -i 's/^metrics = .*/metrics = 198.51.100.99:9746/; s/^max-detours = 2/max-detours = 3/' "$TMP/client.conf"
kill -HUP "$(cat "$TMP/client.pid")"
wait_for 5 grep -q 'cannot serve metrics at 198.51.100.99:9746: .*no interface of this host has this address' "$TMP/client.log"
wait_for 5 grep -q 'nothing was reloaded' "$TMP/client.log"
equals "$(code http://127.0.0.1:9746/metrics)" 200 "GET after the refused reload"
! grep -q 'reloaded relays=1 max-detours=3' "$TMP/client.log" || fail "a refused reload changed something"
sed -i "s|^metrics = .*|metrics = $TMP/moved.metrics|" "$TMP/relay1.conf"
kill -HUP "$(cat "$TMP/relay1.pid")"
wait_for 5 grep -q "serving metrics at=$TMP/moved.metrics" "$TMP/relay1.log"
equals "$(code --unix-socket "$TMP/moved.metrics" http://any.host/metrics)" 200 "GET at the relay's new place"
[ ! -e "$TMP/relay1.metrics" ] || fail "the relay left the old socket"
stop relay1
wait_for 10 is 'detourd_relay_up{relay="relay1"}' 0
[ ! -e "$TMP/moved.metrics" ] || fail "the relay left its socket"
