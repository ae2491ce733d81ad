# shellcheck shell=bash source=lib.sh
# The relay's daemon is killed and started again, and a tunnel's transfer does not notice; the client is killed and
# started again, and nothing is there twice; --flush takes the relay's device.
. "$(dirname "$0")/lib.sh"
wireguard_or_skip
standard_network 1
narrow_paths "${RATE:-40}mbit"
relay_conf 1 "$(wg_relay 1)"
relay_start 1
RELAYS=1 client_conf
carrier_set 1 wireguard
client_start
relays_up 1
wireguard_first
web_start
# it outlasts two restarts of the relay, and then ends soon: see widen_paths
random_file "$TMP/www/file" $((${RATE:-40} * (2 + 3 * SLOWNESS)))
on client mptcpize run curl -sS -o "$TMP/got" "http://$SERVER4/file" &
curl=$!
detour='.connections[0].subflows[] | select(.via == "relay1" and .carrier == "wireguard" and .state == "established" and .bytes_received > 500000)'
wait_for 15 status_is client "$detour"
subflow() { status client | jq -r "$detour | .local + \" \" + .remote"; }
before=$(subflow)
# The client looks on only afterwards: where wireguard-go waits for a processor for some 60 ms, as it does beside other tests,
# the client rightly gives the detour up, and that would say nothing of the relay.
received() { on client ss -tniH src "${before% *}" | sed -nE 's/.* bytes_received:([0-9]+) .*/\1/p'; }
more_received() { [ "$(received)" -gt $((at + 100000)) ]; }
client=$(cat "$TMP/client.pid")
kill -STOP "$client"
for round in 1 2; do
	stop relay1 KILL
	at=$(received)
	wait_for 5 more_received
	relay_start 1
	equals "$(status relay1 | jq '.clients[0].tunnels')" 1 "round $round: tunnels"
	at=$(received)
	wait_for 5 more_received
done
kill -CONT "$client"
wait_for 10 grep -q 'the relay was restarted' "$TMP/client.log"
sleep 0.3
grep -q 'nothing comes through: given up via=relay1' "$TMP/client.log" || equals "$(subflow)" "$before" "the detour is the same"
widen_paths
wait $curl || fail "curl failed"
same_bytes "$TMP/www/file" "$TMP/got"

for round in 1 2; do
	stop client KILL
	client_start
	relays_up 1
	wait_for 10 sh -c "nsenter --net=/run/netns/$PREFIX-client ip rule | grep -q 'from 100\\.'"
	sleep 0.5
	equals "$(on client ip -o link | grep -c ': wc')" 1 "round $round: devices"
	equals "$(on client ip rule | grep -c 'from 100\.')" 1 "round $round: IPv4 rules"
	equals "$(on client ip -6 rule | grep -c 'from fd')" 1 "round $round: IPv6 rules"
done
narrow_paths "${RATE:-40}mbit"
server_iperf
iperf -t 2 >/dev/null
wait_for 5 status_is client '.counters.joins_established >= 1'
stop client
stop relay1
equals "$(on relay1 ip -o link | grep -c ': wr')" 1 "devices of the stopped relay (kept for the next run)"
on relay1 "$DETOURD" --relay --flush -c "$TMP/relay1.conf"
equals "$(on relay1 ip -o link | grep -c ': wr')" 0 "devices after --flush"
