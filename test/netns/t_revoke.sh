# shellcheck shell=bash source=lib.sh
# A client is revoked during transfers, by NAT through one relay and by WireGuard through another: its flows stop
# at once, while those of another client of the same relay go on.
. "$(dirname "$0")/lib.sh"
wireguard_or_skip
standard_network 2
narrow_paths "${RATE:-20}mbit"
# the client that stays
space_add stays
veth stays eth0 r1 stays
addr stays eth0 192.0.2.18/28
addr r1 stays 192.0.2.17/28
route stays default via 192.0.2.17
route r2 192.0.2.16/28 via 10.255.0.1
key stays
for n in 1 2; do
	relay_conf $n "$(wg_relay $n)" "$(printf '[client stays]\npublic-key = %s' "$(pub stays)")"
	relay_start $n
done
client_conf
carrier_set 2 wireguard
client_start
sed "s|$TMP/client.key|$TMP/stays.key|; s|control = .*|control = $TMP/stays.sock|; s|^wireguard-device = wc|wireguard-device = ws|" "$TMP/client.conf" >"$TMP/stays.conf"
sed -i "s|^wireguard-device = .*|wireguard-device = $(wg_name s2)|" "$TMP/stays.conf"
daemon stays stays -c "$TMP/stays.conf"
relays_up 2
wait_for 10 status_is stays '[.relays[] | select(.state == "up")] | length == 2'
web_start
random_file "$TMP/www/file" 300
for space in client stays; do
	on $space mptcpize run curl -sS -o /dev/null "http://$SERVER4/file" 2>/dev/null &
	disown
done
both='[.connections[0].subflows[] | select(.via != "direct" and .state == "established" and .bytes_received > 500000) | .carrier] | sort == ["nat", "wireguard"]'
wait_for 15 status_is client "$both"
wait_for 15 status_is stays "$both"
row() { status "relay$1" | jq ".clients[] | select(.name == \"$2\") | .$3"; }
for n in 1 2; do
	carrier=$([ $n = 1 ] && echo nat || echo wireguard)
	at_least "$(row $n client flows)" 1 "$carrier: flows before"
	was=$(row $n stays flows)
	sed -i '/^\[client client\]/,/^max-new-flows/d' "$TMP/relay$n.conf"
	kill -HUP "$(cat "$TMP/relay$n.pid")"
	wait_for 5 grep -q 'reloaded clients=1' "$TMP/relay$n.log"
	# at once: the flows are gone when the reload is done
	grep -q 'ended what is no longer permitted.*flows=[1-9]' "$TMP/relay$n.log" || fail "$carrier: no flow was ended"
	equals "$(status "relay$n" | jq -c '[.clients[].name]')" '["stays"]' "$carrier: clients"
	equals "$(row $n stays flows)" "$was" "$carrier: flows of the other client"
	equals "$(status "relay$n" | jq '.open_flows')" 1 "$carrier: open flows of all"
	equals "$(row $n stays tunnels)" "$((n - 1))" "$carrier: tunnels of the other client"
done
received() { status "$1" | jq "[.connections[0].subflows[] | select(.via == \"$2\") | .bytes_received] | add // 0"; }
wait_for 10 status_is client '[.connections[0].subflows[] | select(.via != "direct" and .state == "established")] | length == 0'
before1=$(received stays relay1) before2=$(received stays relay2)
sleep 1
at_least "$(($(received stays relay1) - before1))" 500000 "bytes of the other client in a second, NAT"
at_least "$(($(received stays relay2) - before2))" 300000 "bytes of the other client in a second, WireGuard"
equals "$(counter stays join_refused)$(counter stays join_timeout)" 00 "the other client's joins refused and timed out"
wait_for 15 status_is client '[.relays[] | select(.state == "down")] | length == 2'
