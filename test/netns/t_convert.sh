# shellcheck shell=bash source=lib.sh
# A server without MPTCP: the first connection shows that, the next ones end at a converter, over its direct path and detours
# to it by two other relays. The application sees the server. Byte for byte, both ways.
. "$(dirname "$0")/lib.sh"
convert_network
plain_web
random_file "$TMP/www/file" "${MEGABYTES:-100}"
echo small >"$TMP/www/small"
chmod a+r "$TMP/www"/*
# so that a transfer lasts for longer than the test looks at it
narrow_client() {
	narrow r1 client 50mbit
	narrow client eth0 50mbit
}
fetch() { on client mptcpize run curl -fsS -o "$TMP/got" -w '%{remote_ip}:%{remote_port}' "http://$SERVER4/$1"; }

say "the first is direct, and is waited for by nobody"
equals "$(fetch small)" "$SERVER4:80" "the peer"
equals "$(counter client converted)" 0 "converted"
wait_for 10 converted_by 80 relay1

say "doctor: the relay's own listener is nobody's, and a server that is converted lacks nothing"
on relay1 "$DETOURD" doctor --relay --json -c "$TMP/relay1.conf" | jq -e '[.checks[] | select(.name == "listener")] == []' >/dev/null ||
	fail "doctor calls the converter's listener a stranger's"
on client "$DETOURD" doctor --json -c "$TMP/client.conf" | jq -e '[.checks[] | select(.name == "no-server-mptcp")] == []' >/dev/null ||
	fail "doctor says that connections with a converted server stay TCP"

say "down"
"$DETOURD" monitor --control "$TMP/client.sock" --kind connection >"$TMP/events" 2>/dev/null &
disown
wait_for 5 test -e "$TMP/events"
sleep "$LOOK_PAUSE"
narrow_client
fetch file >"$TMP/peer" &
curl=$!
wait_for 15 vias_are "direct relay2 relay3"
connection() { status client | jq -r ".connections[0].$1"; }
equals "$(connection remote) $(connection converter)" "$SERVER4:80 relay1" "the connection in status"
equals "$(connection converter_address | cut -d: -f1)" "$(relay4 1)" "the converter's address in status"
"$DETOURD" status --control "$TMP/client.sock" --via relay1 >"$TMP/text"
grep -q "converted by relay1: direct" "$TMP/text" || fail "status --via: $(cat "$TMP/text")"
grep -q "connection  [0-9]* $SERVER4:80  converted by relay1  established" "$TMP/events" || fail "monitor: $(cat "$TMP/events")"
"$DETOURD" why --control "$TMP/client.sock" $SERVER4:80 >"$TMP/why"
grep -q "converted by relay1" "$TMP/why" || fail "why: $(cat "$TMP/why")"
equals "$(servers_peers 80)" "$(relay4 1)" "whom the server sees"
wait_for 30 status_is client '[.connections[0].subflows[] | select(.bytes_received > 100000)] | length == 3'
say "what the relay's owner sees of it"
# the client's rates have those of the converted connection in them, and so has the sum
wait_for 15 status_is relay1 '.converted_connections == 1 and (.clients[0] | .convert and .converted.receive_bps > 1000000 and .receive_bps >= .converted.receive_bps) and .total.receive_bps > 1000000'
status relay1 | valid status-relay
"$DETOURD" status --relay --control "$TMP/relay1.sock" >"$TMP/text"
tr '\n' ' ' <"$TMP/text" | grep -q "1 converted *connection;" || fail "status: $(cat "$TMP/text")"
"$DETOURD" clients --control "$TMP/relay1.sock" >"$TMP/text"
grep -q "^client *config *yes " "$TMP/text" || fail "clients: $(cat "$TMP/text")"
widen_paths
wait $curl || fail "curl failed"
equals "$(cat "$TMP/peer")" "$SERVER4:80" "the peer, as curl sees it"
same_bytes "$TMP/www/file" "$TMP/got"

say "up"
narrow_client
plain_serve 9000 "OPEN:$TMP/received,creat,trunc" -u
learn 9000
wait_for 5 sh -c "! nsenter --net=/run/netns/$PREFIX-server ss -Htn state established 'sport = 9000' | grep -q ."
: >"$TMP/received"
on client mptcpize run socat -u "FILE:$TMP/www/file" "TCP4:$SERVER4:9000" &
upload=$!
wait_for 30 status_is client '[.connections[] | select(.remote | endswith(":9000")) | .subflows[] | select(.bytes_acked > 100000)] | length == 3'
widen_paths
wait $upload || fail "socat failed"
wait_for 15 cmp -s "$TMP/www/file" "$TMP/received"
say "all $(stat -c %s "$TMP/received") bytes arrived"

say "what the application sees of its peer, and of a server that went away"
peer() {
	on client timeout $((30 * SLOWNESS)) python3 -c "if 1:
		import socket
		s = socket.socket($1, socket.SOCK_STREAM, 262)
		s.connect(('$2', 80))
		s.sendall(b'GET /small HTTP/1.0\r\n\r\n')
		print(s.getpeername()[:2], s.recv(1000).decode().split()[1])"
}
at=$(counter client converted)
equals "$(peer socket.AF_INET $SERVER4)" "('$SERVER4', 80) 200" "IPv4"
equals "$(peer socket.AF_INET6 ::ffff:$SERVER4)" "('::ffff:$SERVER4', 80) 200" "mapped into IPv6"
wait_for 5 sh -c "[ \$('$DETOURD' status --json --control '$TMP/client.sock' | jq .counters.converted) -ge $((at + 2)) ]"
say "a socket that is bound stays direct"
equals "$(on client mptcpize run curl -fsS --interface eth0 "http://$SERVER4/small")" small "bound to its device"
equals "$(counter client converted)" $((at + 2)) "converted"

say "plain TCP sockets are left alone"
equals "$(on client curl -fsS "http://$SERVER4/small")" small "plain"
equals "$(counter client converted)" $((at + 2)) "converted"

say "a rule, by a reload"
cp "$TMP/client.conf" "$TMP/client.with"
sed -i 's/^convert = auto/convert = no/' "$TMP/client.conf"
kill -HUP "$(cat "$TMP/client.pid")"
wait_for 10 status_is client '.conversions == []'
equals "$(fetch small)" "$SERVER4:80" "direct again"
equals "$(counter client converted)" $((at + 2)) "converted"
cp "$TMP/client.with" "$TMP/client.conf"
kill -HUP "$(cat "$TMP/client.pid")"
fetch small >/dev/null # a reload is not over at once, and then the first connection shows it
wait_for 15 sh -c "nsenter --net=/run/netns/$PREFIX-client mptcpize run curl -fsS -o /dev/null http://$SERVER4/small; '$DETOURD' status --json --control '$TMP/client.sock' | jq -e '.counters.converted > $((at + 2))' >/dev/null"

say "a client's daemon that hangs: after some seconds connections are direct"
kill -STOP "$(cat "$TMP/client.pid")"
# direct_now: a connection that is made now does not pass the converter
direct_now() {
	local before
	before=$(counter relay1 passed_converted)
	fetch small >/dev/null
	[ "$(counter relay1 passed_converted)" = "$before" ]
}
wait_for 20 direct_now
kill -CONT "$(cat "$TMP/client.pid")"
wait_for 20 converted_by 80 relay1

say "the relay takes the permission away: its connections end, the next ones are direct"
on client mptcpize run curl -sS --limit-rate 100k -o "$TMP/cut" "http://$SERVER4/file" 2>/dev/null &
curl=$!
wait_for 10 sh -c "nsenter --net=/run/netns/$PREFIX-server ss -Htn state established dst $(relay4 1) | grep -q ."
sed -i '/^convert = yes/d' "$TMP/relay1.conf"
kill -HUP "$(cat "$TMP/relay1.pid")"
wait $curl && fail "a revoked connection ended as if it were whole"
wait_for 10 status_is client '[.conversions[] | select(.converter != "")] == []'
equals "$(fetch small)" "$SERVER4:80" "direct"
