# shellcheck shell=bash source=lib.sh
# detourd monitor at a relay: clients seen and revoked, leases granted, refused and ended, flows refused and ended, limits reached;
# levels and filters; none of it costs anything while nobody watches.
. "$(dirname "$0")/lib.sh"
ask_or_skip
standard_network 1
narrow_paths 20mbit
relay_conf 1 "" "max-leases = 2
deny = 203.0.113.77/32"
relay_start 1
RELAYS=1 client_conf "detour-after = 0"
monitor() { # NAME [OPTIONS]
	local name=$1
	shift
	"$DETOURD" monitor --control "$TMP/relay1.sock" "$@" >"$TMP/$name" 2>"$TMP/$name.err" &
	disown
}
monitor events --json
monitor text
monitor some --json --level info --kind lease --via client
monitor other --json --via nobody
wait_for 5 [ -e "$TMP/other" ]
sleep "$LOOK_PAUSE"
# event KIND DETAIL: there was one, by a regular expression
event() { jq -es --arg kind "$1" --arg detail "$2" 'any(.[]; .event == $kind and (.detail | test($detail)))' "$TMP/events" >/dev/null; }
see() { wait_for 20 event "$@"; }

say "a client, its lease and its flow"
client_start
relays_up 1
see client '^seen$'
web_start
random_file "$TMP/www/file" 4
on client mptcpize run curl -sS -o /dev/null "http://$SERVER4/file"
see lease '^granted, port [0-9]+ for [0-9]+ s$'
jq -es --arg server "$SERVER4:80" 'any(.[]; .event == "lease" and .client == "client" and .remote == $server and (.address | test("^192.0.2.2:")))' \
	"$TMP/events" >/dev/null || fail "the lease: $(cat "$TMP/events")"

say "what is refused"
ask client client 1 "lease 203.0.113.77:80" >/dev/null || true
see lease '^refused: destination denied: '
ask client client 1 "lease $SERVER4:81" "lease $SERVER4:82" "lease $SERVER4:83" >/dev/null || true
see lease '^refused: max-leases reached$'
see limit '^max-leases reached$'
jq -es 'any(.[]; .event == "limit" and .level == "warn" and .client == "client")' "$TMP/events" >/dev/null || fail "the limit: $(grep limit "$TMP/events")"
port=$(jq -rs '[.[] | select(.event == "lease" and (.detail | test("^granted"))) | .detail | capture("port (?<p>[0-9]+)").p] | last' "$TMP/events")
on client curl -sS --max-time 1 -o /dev/null "http://$(relay4 1):$port/" 2>/dev/null || true # plain TCP
see flow '^refused: denied_gate_syn, packets [0-9]+$'

say "the end of what a reload forbids"
sed -i 's/^deny = .*/deny = 203.0.113.0\/24/' "$TMP/relay1.conf"
kill -HUP "$(cat "$TMP/relay1.pid")"
see lease '^ended$'
see flow '^ended: '

say "form, levels and filters"
valid event --lines <"$TMP/events"
! grep -Evq '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z (debug|info |warn ) (client|lease|flow|limit)  ' "$TMP/text" || fail "text: $(cat "$TMP/text")"
grep -q " lease  client from 192\.0\.2\.2:[0-9]* to $SERVER4:80  granted, port " "$TMP/text" || fail "text: $(cat "$TMP/text")"
jq -es 'length > 0 and all(.[]; .event == "lease" and .level != "debug" and .client == "client")' "$TMP/some" >/dev/null || fail "filtered: $(cat "$TMP/some")"
[ ! -s "$TMP/other" ] || fail "filtered: $(cat "$TMP/other")"
code=0
"$DETOURD" monitor --control "$TMP/relay1.sock" --kind nonsense >"$TMP/refused" 2>&1 || code=$?
equals "$code" 2 "exit code of an unknown kind"
