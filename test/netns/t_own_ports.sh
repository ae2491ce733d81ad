# shellcheck shell=bash source=lib.sh
# The relay's own host: a service that listens in the relay's port ranges is named and refused, at the start and by a reload
# that would take its range. A connection of the host keeps its source port: no flow to the same server gets it.
. "$(dirname "$0")/lib.sh"
ask_or_skip
standard_network 1
key asker
asker=$(printf '[client asker]\npublic-key = %s\nplain-tcp = yes' "$(pub asker)")
on relay1 python3 -m http.server 50123 >/dev/null 2>&1 &
disown
on relay1 python3 -m http.server --bind 127.0.0.1 51000 >/dev/null 2>&1 &
disown
wait_for 10 listens relay1 50123
wait_for 10 listens relay1 51000
relay_conf 1 "" "$asker"
if on relay1 "$DETOURD" --relay -c "$TMP/relay1.conf" 2>"$TMP/refused.log"; then fail "the relay started"; fi
grep -qE "python3 \(process [0-9]+\) listens on TCP 0.0.0.0:50123, which is in ports = 50000-59999" "$TMP/refused.log" ||
	fail "the service is not named: $(cat "$TMP/refused.log")"
grep -q :51000 "$TMP/refused.log" && fail "a service on the loopback interface is in nobody's way"
on relay1 curl -sS -o "$TMP/list" "http://$(relay4 1):50123/"
relay_conf 1 "$(printf 'ports = 51000-59999\nsource-ports = 40000-40001')" "$asker"

# a connection of the host, from a port of the range
on server socat TCP-LISTEN:81,reuseaddr,fork EXEC:cat &
disown
wait_for 5 listens server 81
mkfifo "$TMP/say"
on relay1 socat "TCP:$SERVER4:81,sourceport=40000" - <"$TMP/say" >"$TMP/heard" &
disown
exec 9>"$TMP/say"
echo one >&9
wait_for 5 grep -q one "$TMP/heard"
relay_start 1
grep -q "connections of this host use ports of the relay's ranges.*connections=1" "$TMP/relay1.log" || fail "no warning about the connection"
port=$(ask client asker 1 "lease $SERVER4:81" | awk '$1 == 0 { print $2 }')
[ -n "$port" ] || fail "no lease"
# two connections through the relay, and one port for them
for sport in 20001 20002; do
	on client socat "TCP:$(relay4 1):$port,sourceport=$sport,connect-timeout=20" EXEC:'sleep 1000' &
	disown
done
wait_for 5 status_is relay1 '.counters.denied_no_source_port >= 1'
status_is relay1 '.counters.flows_started == 1' || fail "flows: $(status relay1)"
echo two >&9
wait_for 5 grep -q two "$TMP/heard"
say "the host's connection goes on"
exec 9>&-

# a reload that would take the service's port
cp "$TMP/relay1.conf" "$TMP/good.conf"
sed -i 's/^ports = .*/ports = 50000-59999/' "$TMP/relay1.conf"
kill -HUP "$(cat "$TMP/relay1.pid")"
wait_for 5 grep -q "nothing was reloaded" "$TMP/relay1.log"
grep -q "listens on TCP 0.0.0.0:50123" "$TMP/relay1.log" || fail "the service is not named by the reload"
# one that appeared meanwhile is told, and does not keep a client from being revoked
on relay1 python3 -m http.server 52000 >/dev/null 2>&1 &
disown
wait_for 10 listens relay1 52000
sed '/client asker/,$d' "$TMP/good.conf" >"$TMP/relay1.conf"
kill -HUP "$(cat "$TMP/relay1.pid")"
wait_for 5 status_is relay1 '.clients | length == 1'
grep -q "listens on TCP 0.0.0.0:52000" "$TMP/relay1.log" || fail "the new service is not named"
