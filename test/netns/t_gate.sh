# shellcheck shell=bash source=lib.sh
# The MP_JOIN gate: a relay takes subflows that join a connection, none that open one. plain-tcp = yes turns it off.
. "$(dirname "$0")/lib.sh"
standard_network 1
narrow_paths 100mbit
web_start
random_file "$TMP/www/file" 40
relay_start 1
RELAYS=1 client_conf
client_start
relays_up 1
on client mptcpize run curl -sS -o "$TMP/got" "http://$SERVER4/file" &
curl=$!
wait_for 10 status_is client '.connections[0].subflows[] | select(.via == "relay1" and .state == "established")'
port=$(status client | jq -r '.connections[0].subflows[] | select(.via == "relay1") | .remote')
# the same client and lease, but a new connection: by plain TCP, and by MPTCP (MP_CAPABLE)
at=$(counter relay1 denied_gate_syn)
on client curl -sS --connect-timeout 1 "http://$port/file" >/dev/null 2>&1 && fail "plain TCP came through the gate"
on client mptcpize run curl -sS --connect-timeout 1 "http://$port/file" >/dev/null 2>&1 && fail "MP_CAPABLE came through the gate"
at_least "$(($(counter relay1 denied_gate_syn) - at))" 2 "SYNs the gate dropped"
wait $curl || fail "curl failed"

# A server whose SYN-ACK lacks MP_JOIN: a join is forged towards a server without MPTCP, under a lease that was
# made while it still had it.
kill_in server nginx
wait_for 5 on server sh -c '! ss -ltn | grep -q :80'

# A SYN with MP_JOIN and data: a server that takes Fast Open without cookies hands the data to its application.
on server sysctl -qw net.ipv4.tcp_fastopen=0x602
on server timeout $((20 * SLOWNESS)) python3 -c 'if 1:
	import socket
	listener = socket.create_server(("0.0.0.0", 80))
	while True:
		connection, _ = listener.accept()
		print(connection.recv(100), flush=True)' >"$TMP/early" &
wait_for 5 listens server 80
on client python3 "$(dirname "$0")/syn.py" $CLIENT4 $SERVER4 80 join 20001 direct
wait_for 3 grep -q direct "$TMP/early"
at=$(counter relay1 dropped_syn_data)
on client python3 "$(dirname "$0")/syn.py" $CLIENT4 "${port%:*}" "${port#*:}" join 20002 "by relay"
wait_for 3 sh -c "[ \$('$DETOURD' status --json --control '$TMP/relay1.sock' | jq .counters.dropped_syn_data) -gt $at ]"
grep -q relay "$TMP/early" && fail "data in a SYN reached the server's application"
say "data in a SYN was dropped"
kill_in server python3
wait_for 5 on server sh -c '! ss -ltn | grep -q :80'

nsenter --net="/run/netns/$PREFIX-server" -- nginx -c "$TMP/nginx.conf" -p "$TMP" 2>>"$TMP/nginx.log" &
disown
wait_for 5 listens server 80
at=$(counter relay1 passed_refused)
on client python3 "$(dirname "$0")/syn.py" $CLIENT4 "${port%:*}" "${port#*:}" join
wait_for 3 sh -c "[ \$('$DETOURD' status --json --control '$TMP/relay1.sock' | jq .counters.passed_refused) -gt $at ]"
say "the SYN-ACK without MP_JOIN went to the relay's own host"
# whose RST ends it at the server
wait_for 3 on server sh -c '! ss -Htn state syn-recv state established | grep -q 198.51.100.18'

# plain-tcp = yes, by a reload: the same lease carries plain TCP
relay_conf 1 "" "plain-tcp = yes"
kill -HUP "$(cat "$TMP/relay1.pid")"
wait_for 5 on client curl -sS --connect-timeout 1 -o "$TMP/got" "http://$port/file"
same_bytes "$TMP/www/file" "$TMP/got"
