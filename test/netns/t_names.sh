# shellcheck shell=bash source=lib.sh
# The commands status, monitor and doctor, as text and as JSON, and what wrong command lines are answered.
. "$(dirname "$0")/lib.sh"
standard_network 1
narrow_paths 100mbit
relay_start 1
RELAYS=1 client_conf
client_start
relays_up 1
equals "$(stat -c %a "$TMP/client.sock")" 600 "mode of the control socket"
nsenter --net="/run/netns/$PREFIX-client" -- "$DETOURD" monitor --json --control "$TMP/client.sock" >"$TMP/monitor.json" &
disown
nsenter --net="/run/netns/$PREFIX-client" -- "$DETOURD" monitor --control "$TMP/client.sock" >"$TMP/monitor.txt" &
disown
nsenter --net="/run/netns/$PREFIX-client" -- "$DETOURD" monitor --json --level info --kind subflow --via relay1 --control "$TMP/client.sock" \
	>"$TMP/monitor.some" &
disown
sleep 0.3
web_start
random_file "$TMP/www/file" 10
on client mptcpize run curl -sS -o /dev/null "http://$SERVER4/file"
wait_for 70 grep -q '"detail":"closed"' "$TMP/monitor.json"
jq -es '[.[] | select(.event == "connection" or .event == "subflow") | .detail] | index("established") and index("pending") and index("closed")' \
	"$TMP/monitor.json" >/dev/null || fail "events: $(cat "$TMP/monitor.json")"
grep -q 'subflow .* relay1 .*established' "$TMP/monitor.txt" || fail "monitor: $(cat "$TMP/monitor.txt")"
! grep -Evq '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z (debug|info |warn ) [a-z]+  ' "$TMP/monitor.txt" ||
	fail "moments and levels: $(cat "$TMP/monitor.txt")"
jq -es 'all(.[]; (.time | test("Z$")) and .time_ms > 0 and (.level | test("^(debug|info|warn)$")))' "$TMP/monitor.json" >/dev/null ||
	fail "moments and levels: $(cat "$TMP/monitor.json")"
jq -es 'length > 0 and all(.[]; .event == "subflow" and .level != "debug" and (.relay // .via) == "relay1")' "$TMP/monitor.some" >/dev/null ||
	fail "filtered: $(cat "$TMP/monitor.some")"
status client | jq -e '.version == 1 and .mode == "client" and (.relays[0] | has("name") and has("state") and has("reason") and has("endpoint") and has("carrier") and has("rtt_us")) and (.counters | has("lost_events") and has("join_refused") and has("join_timeout"))' >/dev/null || fail "$(status client)"
status relay1 | jq -e '.version == 1 and .mode == "relay" and (.clients[0] | has("name") and has("leases") and has("flows") and has("bytes_up") and has("bytes_down")) and (.counters | has("denied_destination") and has("denied_quota") and has("dropped_auth") and has("dropped_replay") and has("dropped_malformed"))' >/dev/null || fail "$(status relay1)"
"$DETOURD" status --control "$TMP/client.sock" | grep -q 'relay1 .*up' || fail "status as text"
"$DETOURD" status --control "$TMP/relay1.sock" | grep '^client .*bit/s' >/dev/null || fail "the relay's status as text"
status client | valid status-client
status relay1 | valid status-relay
valid event --lines <"$TMP/monitor.json"
on client "$DETOURD" doctor --json -c "$TMP/client.conf" | valid doctor
on client "$DETOURD" doctor --json -c "$TMP/client.conf" | jq -e '.ok and ([.checks[] | select(.name == "track-bpf" and .state == "ok")] | length == 1)' >/dev/null || fail doctor
on relay1 "$DETOURD" doctor --relay --json -c "$TMP/relay1.conf" | jq -e '.ok' >/dev/null || fail "relay's doctor"

usage() {
	local code=0
	"$DETOURD" "$@" >/dev/null 2>"$TMP/usage.txt" || code=$?
	equals "$code" 2 "exit code of detourd $*"
	equals "$(wc -l <"$TMP/usage.txt")" 1 "lines about it"
}
usage --nonsense
usage status extra
usage frobnicate
usage -c
usage --flush
usage --relay --check --flush
usage genkey --json
usage --json
usage monitor --level loud
usage monitor --kind nonsense
usage monitor --connection x
usage status --sort nonsense
usage status --watch=0
"$DETOURD" --help | grep "detourd --relay" >/dev/null || fail "--help"
"$DETOURD" --version | grep -Eq '^detourd [0-9]' || fail "--version"
code=0
"$DETOURD" status --control "$TMP/nobody.sock" 2>"$TMP/usage.txt" || code=$?
equals "$code" 1 "exit code without a daemon"
grep -q 'is detourd running' "$TMP/usage.txt" || fail "the reason is not told"
code=0
echo nonsense | "$DETOURD" pubkey 2>"$TMP/usage.txt" || code=$?
equals "$code" 1 "exit code of pubkey with a bad key"
equals "$("$DETOURD" genkey | wc -c)" 45 "length of a key with its newline"

say "a stop does not wait for a name server that does not answer"
on server nft -f - <<-NFT
	table ip t { chain i { type filter hook input priority 0
		udp dport 53 drop
	}
	}
NFT
echo "nameserver $SERVER4" >"$TMP/resolv.conf"
sed "s|^endpoint = .*|endpoint = relay.example.org:45672|; s|^control = .*|control = $TMP/waits.sock|" "$TMP/client.conf" >"$TMP/waits.conf"
cat >"$TMP/waits" <<-WAITS
	#!/bin/sh
	mount --bind "$TMP/resolv.conf" /etc/resolv.conf
	exec "$DETOURD" "\$@"
WAITS
chmod +x "$TMP/waits"
stop client
nsenter --net="/run/netns/$PREFIX-client" -- unshare -m "$TMP/waits" -c "$TMP/waits.conf" 2>"$TMP/waits.log" &
disown
waits=$!
wait_for 10 status_is waits '.relays[0].reason | test("resolv")'
sleep 0.3
if status_is waits '.relays[0].reason | test("cannot resolve")'; then
	# a static binary without the C library's modules, or a guest without /etc/resolv.conf
	say "no name server is asked here, so this is not tested: $(status waits | jq -r '.relays[0].reason')"
	kill $waits
	wait_for 10 process_ended $waits
	exit 0
fi
begin=$(now_ms)
kill $waits
wait_for 10 process_ended $waits
at_most_ms $(($(now_ms) - begin)) 1500 "ms until it had stopped"
equals "$(on client sysctl -n net.mptcp.pm_type)" 0 "the path manager is put back"
