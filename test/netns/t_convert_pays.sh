# shellcheck shell=bash source=lib.sh
# Converting has to pay: where it was slower than TCP, new connections are direct for a while; where it is faster they stay
# converted. The first connection, which is direct, is what is compared with.
. "$(dirname "$0")/lib.sh"
convert_network
plain_web
random_file "$TMP/www/file" 12
chmod a+r "$TMP/www/file"
fetch() { on client mptcpize run curl -fsS -o "$TMP/got" "http://$SERVER4/file"; }
# the way of new connections, as status tells it
way() { status client | jq -r --arg server "$SERVER4:80" '.conversions[] | select(.remote == $server) | .converter + .why'; }
way_is() { [ "$(way)" = "$1" ]; }
# relay_narrow RATE: its own link, which all detours to it take too
relay_narrow() {
	narrow r1 relay1 "$1"
	narrow relay1 eth0 "$1"
}

say "a relay that is slower"
narrow_direct 14mbit
relay_narrow 5mbit
fetch
wait_for 10 way_is relay1
fetch
same_bytes "$TMP/www/file" "$TMP/got"
wait_for 10 way_is "converted ones were slower"
before=$(counter client converted)
at_least "$before" 1 "converted so far"
fetch
equals "$(counter client converted)" "$before" "converted after that"
"$DETOURD" why --control "$TMP/client.sock" $SERVER4:80 >"$TMP/why"
grep -q "new connections are direct: converted ones were slower" "$TMP/why" || fail "why: $(cat "$TMP/why")"

say "one that is faster"
stop client
widen_paths
narrow_direct 8mbit
client_start
relays_up 3
fetch
wait_for 10 way_is relay1
fetch
fetch
sleep 3 # for a verdict that does not come
equals "$(way)" relay1 "new connections"
at_least "$(counter client converted)" 2 "converted"
