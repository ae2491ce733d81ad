# shellcheck shell=bash source=lib.sh
# WireGuard detours: aggregation both ways in both families, every byte right, beside a NAT detour; the default route
# stays untouched, strict rp_filter stays on, and a stop leaves nothing behind.
# alone: measures rates
. "$(dirname "$0")/lib.sh"
wireguard_or_skip
standard_network 2
rate=${RATE:-40}
narrow_paths "${rate}mbit"
relay_conf 1 "$(wg_relay 1)"
relay_conf 2 "$(wg_relay 2)"
relay_start 1
relay_start 2
client_conf
carrier_set 1 wireguard
before=$(on client ip route; on client ip -6 route; on client ip rule; on client ip -6 rule)
rules_of() { on client ip rule; on client ip -6 rule; }
client_start
relays_up 2
wait_for 5 sh -c "[ \$(nsenter --net=/run/netns/$PREFIX-client ip rule | grep -c 'from 100\\.') = 1 ]"
equals "$(on client ip route | grep -c default)" 1 "default routes"
equals "$(on client sysctl -n net.ipv4.conf.all.rp_filter)" 1 rp_filter
server_iperf
run() {
	TARGET=$1
	shift
	measure_at_least $((rate * 210 / 100)) "direct, WireGuard and NAT, $TARGET $*" retry_if_refused iperf -t $((2 + SLOWNESS)) "$@"
}
run $SERVER4
run $SERVER4 -R
run $SERVER6
run $SERVER6 -R
status_is relay1 '.clients[0].tunnels == 1 and .clients[0].leases == 0 and .clients[0].bytes_up > 1000000' || fail "$(status relay1)"
status_is relay2 '.clients[0].tunnels == 0 and .clients[0].leases >= 1' || fail "$(status relay2)"
web_start
random_file "$TMP/www/file" $((rate * 3 / 2))
on client mptcpize run curl -sS -o "$TMP/got" "http://$SERVER4/file" &
curl=$!
wait_for 10 status_is client '.connections[] | select(.remote | endswith(":80")) | .subflows[] | select(.carrier == "wireguard" and .state == "established" and .bytes_received > 100000)'
wait $curl || fail "curl failed"
same_bytes "$TMP/www/file" "$TMP/got"
equals "$(counter relay1 dropped_no_route)$(counter relay1 dropped_error)" 00 "drops at the relay"
# two carriers at once, now both by WireGuard: no address collides
client_conf
carrier_set 1 wireguard
carrier_set 2 wireguard
kill -HUP "$(cat "$TMP/client.pid")"
wait_for 10 sh -c "[ \$(nsenter --net=/run/netns/$PREFIX-client ip rule | grep 'from 100\\.' | sort -u | wc -l) = 2 ]"
TARGET=$SERVER4
measure_at_least $((rate * 210 / 100)) "direct and two by WireGuard" retry_if_refused iperf -t $((2 + SLOWNESS))
stop client
after=$(on client ip route; on client ip -6 route; rules_of)
equals "$after" "$before" "routes and rules after the stop"
equals "$(on client ip -o link | grep -c ': wc')" 0 "devices after the stop"
wait_for 5 status_is relay1 '.clients[0].tunnels == 0'
