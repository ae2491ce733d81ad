# shellcheck shell=bash source=lib.sh
# The MP_JOIN gate: a relay extends connections, it does not open them. plain-tcp = yes lifts it.
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
# the same client, the same lease, but a connection of its own: plain, and MPTCP's first (MP_CAPABLE)
at=$(counter relay1 denied_gate_syn)
on client curl -sS --connect-timeout 1 "http://$port/file" >/dev/null 2>&1 && fail "plain TCP came through the gate"
on client mptcpize run curl -sS --connect-timeout 1 "http://$port/file" >/dev/null 2>&1 && fail "MP_CAPABLE came through the gate"
at_least "$(($(counter relay1 denied_gate_syn) - at))" 2 "SYNs the gate dropped"
wait $curl || fail "curl failed"

# A server whose SYN-ACK lacks MP_JOIN: a join is forged towards a server without MPTCP, under a lease that was
# made while it still had it.
kill_in server nginx
wait_for 5 on server sh -c '! ss -ltn | grep -q :80'
nsenter --net="/run/netns/$PREFIX-server" -- nginx -c "$TMP/nginx.conf" -p "$TMP" 2>>"$TMP/nginx.log" &
disown
wait_for 5 on server sh -c 'ss -ltn | grep -q :80'
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
