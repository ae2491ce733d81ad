# shellcheck shell=bash source=lib.sh
# kill -9 of the relay under load, and a new start: no packet and no lease is lost, and the detour works meanwhile.
# alone: measures rates
. "$(dirname "$0")/lib.sh"
standard_network 1
rate=${RATE:-50}
narrow_paths "${rate}mbit"
relay_start 1
RELAYS=1 client_conf
client_start
relays_up 1
web_start
random_file "$TMP/www/file" $((140 + 10 * SLOWNESS))
on client mptcpize run curl -sS -o "$TMP/got" "http://$SERVER4/file" &
curl=$!
wait_for 10 status_is client '.connections[0].subflows[] | select(.via == "relay1" and .bytes_received > 5000000)'
subflow() { status client | jq -r '.connections[0].subflows[] | select(.via == "relay1") | .local + " " + .remote'; }
dropped() { status relay1 | jq '[.counters | to_entries[] | select(.key | test("^(denied|dropped_(no_route|error|stale|table|ttl|window|rate|too_big|icmp)|passed_(no_flow|expired|dead|refused))")) | .value] | add'; }
received() { status client | jq '.connections[0].subflows[] | select(.via == "relay1") | .bytes_received'; }
before=$(subflow)
lost=$(dropped)
for round in 1 2 3; do
	stop relay1 KILL
	at=$(received)
	sleep 0.5
	at_least "$(($(received) - at))" $((rate * 20000)) "round $round: bytes without a daemon"
	relay_start 1
	equals "$(status relay1 | jq '.clients[0].leases')" 1 "leases after the restart"
	equals "$(status relay1 | jq '.clients[0].flows >= 1')" true "flows after the restart"
	sleep 0.3
done
equals "$(subflow)" "$before" "the detour is the same"
# the renewal after the restart brings the round-trip time to the server
wait_for 5 status_is client '[.connections[0].subflows[] | select(.via == "relay1") | .relay_server_rtt_us > 0] | any'
equals "$(dropped)" "$lost" "packets dropped or let by at the hook"
widen_paths
wait $curl || fail "curl failed"
same_bytes "$TMP/www/file" "$TMP/got"
relays_up 1
equals "$(counter client join_refused)$(counter client join_timeout)" 00 "joins refused and timed out"
