# shellcheck shell=bash source=lib.sh
# kill -9 of a converter's daemon: connections go on, and the next daemon has the leases. kill -9 of its copying process:
# connections are reset, never cut off as if they were whole, and new ones work at once; if it dies again and again, they
# are direct.
. "$(dirname "$0")/lib.sh"
convert_network
plain_web
random_file "$TMP/www/file" $((40 + 20 * SLOWNESS))
echo small >"$TMP/www/small"
chmod a+r "$TMP/www"/*
# so that a transfer lasts for longer than the test looks at it
narrow_client() {
	narrow r1 client 20mbit
	narrow client eth0 20mbit
}
narrow_client
fetch() { on client mptcpize run curl -fsS --connect-timeout $((10 * SLOWNESS)) -o "$TMP/${2:-got}" "http://$SERVER4/$1"; }
learn 80
moved() { status_is client "[.connections[].subflows[].bytes_received] | add > $1"; }
before=$(copier)
port=$(status client | jq -r '.conversions[0].remote')

say "the daemon dies while data flows, three times"
on client mptcpize run curl -fsS -o "$TMP/got" "http://$SERVER4/file" &
curl=$!
wait_for 15 moved 1000000
for round in 1 2 3; do
	stop relay1 KILL
	fetch small small || fail "no new connection without a daemon"
	relay_start 1
	equals "$(status relay1 | jq '.clients[0].converted.leases')" 1 "round $round: leases after the restart"
	wait_for 5 status_is relay1 '.clients[0].converted.connections == 1'
done
equals "$(copier)" "$before" "the process is the same"
widen_paths
wait $curl || fail "curl failed"
same_bytes "$TMP/www/file" "$TMP/got"
wait_for 10 status_is client ".conversions[] | select(.remote == \"$port\") | .converter == \"relay1\""
at=$(counter client converted)
fetch small small
wait_for 5 sh -c "[ \$('$DETOURD' status --json --control '$TMP/client.sock' | jq .counters.converted) -gt $at ]"

say "the copying process dies while data flows"
narrow_client
on client mptcpize run curl -fsS -o "$TMP/cut" "http://$SERVER4/file" 2>/dev/null &
curl=$!
wait_for 15 sh -c "[ -s '$TMP/cut' ]"
kill -9 "$(copier)"
for ((i = 0; i < 5; i++)); do
	fetch small small || fail "no new connection after the process died"
done
wait $curl && fail "a connection that was cut off looked whole"
equals "$(counter relay1 converter_crashes)" 1 "crashes"
[ "$(copier)" != "$before" ] || fail "no new process"

say "and dies again and again"
for ((i = 0; i < 2; i++)); do
	before=$(copier)
	kill -9 "$before"
	wait_for 5 sh -c "[ \$('$DETOURD' status --relay --json --control '$TMP/relay1.sock' | jq .counters.converter_crashes) = $((i + 2)) ]"
	wait_for 5 sh -c "! kill -0 $before 2>/dev/null"
done
equals "$(copier)" "" "processes"
wait_for 10 status_is client '[.conversions[] | select(.converter != "")] == []'
fetch small small || fail "not direct"
"$DETOURD" why --control "$TMP/client.sock" $SERVER4:80 >"$TMP/why"
grep -q "converts nothing for this client" "$TMP/why" || fail "why: $(cat "$TMP/why")"

say "--flush ends what is left"
stop relay1
relay_start 1
wait_for 10 sh -c "[ -n \"\$(ip netns pids $PREFIX-relay1 | xargs -I{} sh -c 'grep -lz -- --convert-process /proc/{}/cmdline 2>/dev/null')\" ]"
stop relay1
[ -n "$(copier)" ] || fail "the process ended with the daemon"
on relay1 "$DETOURD" --relay --flush -c "$TMP/relay1.conf" 2>"$TMP/flush.log" || fail "flush: $(cat "$TMP/flush.log")"
wait_for 5 sh -c "[ -z \"\$(ip netns pids $PREFIX-relay1 | xargs -r -I{} sh -c 'grep -lz -- --convert-process /proc/{}/cmdline 2>/dev/null')\" ]"
