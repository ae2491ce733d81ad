# shellcheck shell=bash source=lib.sh
# [rule]: destination, port, detours, relays. The first match wins. A reload applies to live connections; if there is an
# error anywhere, nothing is reloaded.
. "$(dirname "$0")/lib.sh"
standard_network 2
narrow_paths 100mbit
relay_start 1
relay_conf 2
relay_start 2
web_start
random_file "$TMP/www/file" 300
server_iperf
rules() {
	client_conf "max-detours = 2" "$1"
	[ ! -e "$TMP/client.pid" ] || kill -HUP "$(cat "$TMP/client.pid")"
}
via() { status client | jq -r "[.connections[] | select(.remote | endswith(\":$1\")) | .subflows[] | select(.state == \"established\") | .via] | unique | join(\",\")"; }
becomes() { wait_for 10 sh -c "[ \"\$('$DETOURD' status --json --control '$TMP/client.sock' | jq -r '[.connections[] | select(.remote | endswith(\":$1\")) | .subflows[] | select(.state == \"established\") | .via] | unique | join(\",\")')\" = '$2' ]"; say "port $1: $2"; }

rules "$(printf '%s\n' '[rule none]' 'destination = 198.18.0.0/15' 'detours = 0' '[rule web]' 'port = 80' 'detours = 1' 'relays = relay2' '[rule late]' 'port = 80, 5201' 'detours = 0')"
client_start
relays_up 2
on client mptcpize run curl -sS --limit-rate 3M -o /dev/null "http://$SERVER4/file" &
curl=$!
disown
becomes 80 direct,relay2
status_is client '.connections[0] | .rule == "web" and .why == ""' || fail "$(status client | jq -c '.connections[0] | {rule, why}')"
on client mptcpize run iperf3 -c $SERVER4 -t 60 -b 1M >/dev/null 2>&1 &
disown
sleep 1
becomes 5201 direct
rules ""
becomes 80 direct,relay1,relay2
becomes 5201 direct,relay1,relay2
rules "$(printf '%s\n' '[rule web]' 'destination = 203.0.113.0/24' 'port = 80' 'detours = 0')"
becomes 80 direct
equals "$(via 5201)" direct,relay1,relay2 "port 5201"
# the order of `relays` is that of preference, not that of the file
rules "$(printf '%s\n' '[rule late]' 'port = 5201' 'relays = relay2, relay1' 'detours = 1')"
becomes 5201 direct,relay2
rules "$(printf '%s\n' '[rule web]' 'destination = 203.0.113.0/24' 'port = 80' 'detours = 0')"
becomes 5201 direct,relay1,relay2
# the server was told that the detours ended
wait_for 5 on server sh -c "! ss -Htn state established sport = :80 | grep -q 198.51.100"
# a reload with an error changes nothing
echo 'nonsense' >>"$TMP/client.conf"
kill -HUP "$(cat "$TMP/client.pid")"
wait_for 5 grep -q 'nothing was reloaded' "$TMP/client.log"
equals "$(via 80)" direct "port 80 after a broken reload"
equals "$(via 5201)" direct,relay1,relay2 "port 5201 after a broken reload"
kill $curl
