# shellcheck shell=bash source=lib.sh
# The client's daemon dies while a converted connection lives: the next run knows its server, its converter and its detours,
# and does so again after the run that follows. The application is not disturbed.
. "$(dirname "$0")/lib.sh"
convert_network
plain_web
random_file "$TMP/www/file" $((20 * (2 + SLOWNESS)))
chmod a+r "$TMP/www/file"
learn 80
narrow r1 client 20mbit
narrow client eth0 20mbit
on client mptcpize run curl -fsS -o "$TMP/got" "http://$SERVER4/file" &
curl=$!
wait_for 15 vias_are "direct relay2 relay3"
connection() { status client | jq -r ".connections[0].$1"; }
address=$(connection converter_address)
# again SIGNAL: the daemon ends so, and the next one is started
again() {
	stop client "$1"
	client_start
	equals "$(connection remote) $(connection converter) $(connection converter_address)" "$SERVER4:80 relay1 $address" "after $1"
	relays_up 3
	wait_for 15 vias_are "direct relay2 relay3"
	"$DETOURD" why --control "$TMP/client.sock" $SERVER4:80 >"$TMP/why"
	grep -q "converted by relay1" "$TMP/why" || fail "why: $(cat "$TMP/why")"
	equals "$(status client | jq -c '[.counters.taken_over, .counters.converted]')" "[1,1]" "taken over, converted"
}
again KILL
again KILL
again TERM
widen_paths
wait $curl || fail "curl failed"
same_bytes "$TMP/www/file" "$TMP/got"

say "whom programs see as the peer of sockets that are older than the daemon"
wait_for 15 status_is client '.connections == []'
learn 80
nsenter --net="/run/netns/$PREFIX-client" -- python3 -c "if 1:
	import signal, socket
	v4 = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
	v4.connect(('$SERVER4', 80))
	v6 = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 262)
	v6.connect(('::ffff:$SERVER4', 80))
	def tell(*_):
		with open('$TMP/peers', 'w') as f: print(*('%s:%s' % s.getpeername()[:2] for s in (v4, v6)), file=f)
	signal.signal(signal.SIGUSR1, tell)
	open('$TMP/peers', 'w')
	while True: signal.pause()" &
holder=$!
disown
wait_for 10 test -e "$TMP/peers"
wait_for 10 status_is relay1 ".clients[0].converted.connections == 2"
stop client KILL
client_start
kill -USR1 $holder
wait_for 10 test -s "$TMP/peers"
equals "$(cat "$TMP/peers")" "$SERVER4:80 ::ffff:$SERVER4:80" "the peers"
kill $holder
relays_up 3

say "what has ended is forgotten"
wait_for 15 status_is client '.connections == []'
learn 80
# the client's file; 71 is SO_NETNS_COOKIE
kept=$(on client python3 -c "import socket; print('/run/detourd/netns-%x.converted' % int.from_bytes(socket.socket().getsockopt(socket.SOL_SOCKET, 71, 8), 'little'))")
equals "$(grep -c " $SERVER4:80 relay1\$" "$kept")" 1 "addresses that are kept"
stop client
[ ! -e "$kept" ] || fail "kept: $(cat "$kept")"
