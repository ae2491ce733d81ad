# shellcheck shell=bash source=lib.sh
# detourd why SERVER: connections there, what is remembered of it, and TCP connections that never asked for MPTCP.
. "$(dirname "$0")/lib.sh"
standard_network 1
relay_start 1
RELAYS=1 client_conf "detour-after = 0" "$(printf '[rule none]\nport = 9003\ndetours = 0')"
client_start
relays_up 1
[ -e "$MIDDLEBOX" ] || skip "no $MIDDLEBOX: built without tests"
web_start
random_file "$TMP/www/file" 1
for port in 9001 9003; do receive_start $port /dev/null; done
receive_start 9006 /dev/null 6
on server socat -u TCP4-LISTEN:9002,reuseaddr,fork OPEN:/dev/null &
disown
wait_for 5 on server sh -c 'ss -ltn | grep -q :9002'
why() { "$DETOURD" why --control "$TMP/client.sock" "$@"; }
why_is() { why --json "$1" | jq -e "$2" >/dev/null; }
held() { # HOW SERVER
	# shellcheck disable=SC2086 # none or one
	on client $1 sh -c "(echo hello; sleep 100) | socat -u - $2" >/dev/null 2>&1 &
	disown
}
says() { grep -q "$1" <<<"$said" || fail "not said: $1: $said"; }

said=$(why $SERVER4)
equals "$said" "no TCP connection is open with $SERVER4, and nothing is remembered of it" "at first"

held mptcpize\ run "TCP4:$SERVER4:9001"
held mptcpize\ run "TCP4:$SERVER4:9003"
held mptcpize\ run "TCP6:[$SERVER6]:9006"
wait_for_join 5 why_is $SERVER4 '.connections | length == 2 and any(.subflows | length == 2)'
why_is $SERVER4:9001 '(.connections | length == 1) and .plain_tcp == 0' || fail "$(why --json $SERVER4:9001)"
wait_for 5 why_is "[$SERVER6]:9006" ".connections | length == 1"
why_is $SERVER6 '.connections | length == 1' || fail "$(why --json "$SERVER6")"
said=$(why $SERVER4:9003)
says "^    why: 0 of 0 detours by rule none"
says ":9003  program socat  user root  rule none\$"
! grep -q ":9001" <<<"$said" || fail "another port's connection is shown"

say "one that has all it should have"
why_is $SERVER4:9001 '.connections[0] | .why == "" and .program == "socat"' || fail "$(why --json $SERVER4:9001)"
! why $SERVER4:9001 | grep "why:" || fail "a healthy connection has a why"

say "by name"
printf '%s server.test\n' $SERVER4 $SERVER6 >"$TMP/hosts"
printf '#!/bin/sh\nmount --bind "%s" /etc/hosts && exec "$@"\n' "$TMP/hosts" >"$TMP/named"
chmod +x "$TMP/named"
why_named() { unshare -m "$TMP/named" "$DETOURD" why --control "$TMP/client.sock" "$@"; }
if said=$(why_named server.test 2>&1); then
	says "^server.test is .*$SERVER4"
	says "^server.test is .*$SERVER6"
	equals "$(why_named --json server.test | jq '.connections | length')" 3 "connections with a name of two addresses"
	equals "$(why_named --json server.test:9001 | jq -c '[.server, (.connections | length)]')" '["server.test:9001",1]' "with one of its ports"
else
	# a static binary without the C library's modules
	grep -q 'Name or service not known\|failure in name resolution' <<<"$said" || fail "$said"
	say "no names can be resolved here: $said"
fi

held env "TCP4:$SERVER4:9001"
wait_for 5 why_is $SERVER4:9001 '.plain_tcp == 1 and (.connections | length == 1)'
said=$(why $SERVER4:9001)
says "^  1 now with $SERVER4:9001: nobody asked for MPTCP; see \[mptcp\]"

say "one that fell back asked for it"
held mptcpize\ run "TCP4:$SERVER4:9002"
wait_for 5 why_is $SERVER4:9002 '.destinations | length == 1'
why_is $SERVER4:9002 '.plain_tcp == 0' || fail "$(why --json $SERVER4:9002)"
said=$(why $SERVER4:9002)
says "^  $SERVER4:9002  connections 1  last [0-9]* s ago: its answer carries no MPTCP"
! grep -q "^TCP without" <<<"$said" || fail "$said"
says "^  1 open with $SERVER4:9002 asked for MPTCP and did not get it"

say "one that loses it after the handshake"
on r2 tc qdisc add dev narrow clsact
on r2 tc filter add dev narrow ingress bpf da obj "$MIDDLEBOX" sec strip_late
# the web server keeps it open after its answer
on client mptcpize run sh -c "(printf 'GET /file HTTP/1.1\r\nHost: server\r\n\r\n'; sleep 100) | socat - TCP4:$SERVER4:80" >/dev/null 2>&1 &
disown
wait_for 5 why_is $SERVER4:80 '.fell_back_open == 1'
why_is $SERVER4:80 '(.connections | length == 0) and .plain_tcp == 0' || fail "$(why --json $SERVER4:80)"
said=$(why $SERVER4:80)
says "named above, something strips it from later segments"
on r2 tc filter del dev narrow ingress

why --json $SERVER4:80 | valid why
why --json $SERVER4 | valid why

say "one that its program has closed, and the server not yet"
on server mptcpize run python3 - <<-PY >/dev/null 2>&1 &
	import socket, time
	s = socket.socket()
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	s.bind(("$SERVER4", 9004))
	s.listen()
	c, _ = s.accept()
	c.send(b"x" * 1000)
	time.sleep(1000)
PY
disown
wait_for 5 listens server 9004
on client mptcpize run python3 - <<-PY >/dev/null 2>&1 &
	import os, socket, time
	c = socket.create_connection(("$SERVER4", 9004))
	c.recv(1000)
	while not os.path.exists("$TMP/close"):
	    time.sleep(0.05)
	c.close()
	time.sleep(1000)
PY
disown
wait_for 5 why_is $SERVER4:9004 '.connections | length == 1'
touch "$TMP/close"
wait_for 5 why_is $SERVER4:9004 '.connections | length == 0'
closing() { [ -n "$(on client ss -HnM state fin-wait-2 'dport = :9004')" ] && [ -n "$(on client ss -Htn state established 'dport = :9004')" ]; }
wait_for 5 closing
why_is $SERVER4:9004 '.fell_back_open == 0 and .plain_tcp == 0' || fail "$(why --json $SERVER4:9004)"
closing || say "it ended before it was looked at"

say "joins that the server refuses"
on server ip mptcp limits set subflow 0
held mptcpize\ run "TCP4:$SERVER4:9001"
wait_for 15 why_is $SERVER4:9001 '.server_limits | length == 1'
said=$(why $SERVER4)
says "^  $SERVER4:9001  took [0-9]*, refused [0-9]* joins"
why_is $SERVER4:9002 '.server_limits | length == 0' || fail "$(why --json $SERVER4:9002)"

say "wrong questions"
code=0
why :80 2>"$TMP/said" || code=$?
equals "$code $(cat "$TMP/said")" "1 detourd: why :80: neither HOST nor HOST:PORT (IPv6 addresses with a port in brackets)" "no host"
code=0
why 2>"$TMP/said" || code=$?
equals "$code" 2 "no server"
code=0
why $SERVER4 $SERVER4 2>/dev/null || code=$?
equals "$code" 2 "two servers"

say "with [mptcp], after the connection was made"
printf '[mptcp]\nenable = yes\n' >>"$TMP/client.conf"
kill -HUP "$(cat "$TMP/client.pid")"
wait_for 5 why_is $SERVER4:9001 '.mptcp_enabled'
said=$(why $SERVER4:9001)
if grep -q '\[mptcp\] has no effect' "$TMP/client.log"; then
	says "nobody asked for MPTCP; \[mptcp\] has no effect: .*; see mptcpize"
else
	says "nobody asked for MPTCP; they are older than \[mptcp\]"
fi
