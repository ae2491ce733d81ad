# shellcheck shell=bash source=lib.sh
# What can go wrong with a tunnel is said, in status and log, and harms no other relay and no connection.
. "$(dirname "$0")/lib.sh"
wireguard_or_skip
standard_network 2
narrow_paths "${RATE:-40}mbit"
relay_conf 1 "$(wg_relay 1)"
relay_conf 2
relay_start 1
relay_start 2
web_start
random_file "$TMP/www/file" $((3 * SLOWNESS))
# check WORDS: relay1's reason has them; relay2 carries, and so does the direct path
check() {
	wait_for 15 status_is client ".relays[] | select(.name == \"relay1\") | .reason | test(\"$1\")"
	say "$(status client | jq -r '.relays[] | select(.name == "relay1") | .reason')"
	on client mptcpize run curl -sS --limit-rate 2M -o "$TMP/got" "http://$SERVER4/file" &
	local curl=$!
	wait_for 5 status_is client '.connections[0].subflows[] | select(.via == "relay2" and .state == "established")'
	status_is client ".connections[0].why | test(\"relay1: .*$1\")" || fail "why: $(status client | jq '.connections[0].why')"
	wait $curl || fail "curl failed"
	same_bytes "$TMP/www/file" "$TMP/got"
	grep -q "$1" "$TMP/client.log" || fail "no word in the log"
}
client_conf "detour-after = 0"
carrier_set 1 wireguard
cp "$TMP/client.conf" "$TMP/wg.conf"

say "the device's name is taken"
ip -n "$PREFIX-client" link add "$(wg_name c1)" type veth peer name other
client_start
relays_up 2
check "choose another name with wireguard-device"
stop client
ip -n "$PREFIX-client" link del "$(wg_name c1)"

if ! modprobe -q wireguard && ! ip link add type wireguard 2>/dev/null; then
	say "neither the kernel has WireGuard nor is there a program"
	cp "$DETOURD" "$TMP/detourd"
	nsenter --net="/run/netns/$PREFIX-client" -- env PATH=/nonexistent "$DETOURD" -c "$TMP/client.conf" 2>>"$TMP/client.log" &
	echo $! >"$TMP/client.pid"
	disown
	wait_for 5 status client
	relays_up 2
	check "wireguard-go is not installed"
	stop client
fi

say "the relay's UDP port is blocked"
on r1 nft -f - <<-NFT
	table inet box {
		chain forward {
			type filter hook forward priority 0
			udp dport 51820 drop
		}
	}
NFT
client_start
relays_up 2
check "no handshake with the relay's UDP port 51820"
on r1 nft delete table inet box
wait_for 20 status_is client '.relays[] | select(.name == "relay1") | .reason == ""'
say "and opened again"
stop client

say "the usual addresses are the host's own: others are taken"
ip -n "$PREFIX-client" route add 100.64.0.0/10 via 192.0.2.1
client_start
relays_up 2
wait_for 10 status_is client '.relays[] | select(.name == "relay1") | .reason == ""'
wait_for 5 sh -c "nsenter --net=/run/netns/$PREFIX-client ip rule | grep -Eq 'from 198\.1[89]\.'"
on client mptcpize run curl -sS --limit-rate 2M -o "$TMP/got" "http://$SERVER4/file" &
curl=$!
wait_for 5 status_is client '.connections[0].subflows[] | select(.carrier == "wireguard" and .state == "established")'
wait $curl || fail "curl failed"
stop client
ip -n "$PREFIX-client" route del 100.64.0.0/10

say "the relay has no WireGuard"
carrier_set 2 wireguard
client_start
relays_up 2
wait_for 10 status_is client '.relays[] | select(.name == "relay2") | .reason | test("the relay has no WireGuard")'
stop client

say "the relay has no address for what comes out of tunnels: no default route, and no address line"
cp "$TMP/wg.conf" "$TMP/client.conf"
stop relay1
{
	echo "route add 192.0.2.0/24 via 198.51.100.17"
	echo "route add 203.0.113.0/24 via 198.51.100.17"
	echo "route del default"
	echo "route del default via 2001:db8:a1::1"
} | ip_batch relay1
relay_start 1
grep -q 'no address for what comes out of tunnels' "$TMP/relay1.log" || fail "the relay does not say it"
client_start
relays_up 2
check "the relay has no address of this family"
equals "$(status relay1 | jq .counters.tunnels_made)" 0 "tunnels made"
stop client
ip -n "$PREFIX-relay1" route add default via 198.51.100.17
wait_for 10 grep -q 'there is an address for what comes out of tunnels' "$TMP/relay1.log"
client_start
relays_up 2
wait_for 10 status_is client '.relays[] | select(.name == "relay1") | .reason == ""'
wait_for 10 sh -c "ip -n '$PREFIX-client' -o -4 addr show dev '$(wg_name c1)' | grep -q inet"
[ -z "$(ip -n "$PREFIX-client" -o -6 addr show scope global dev "$(wg_name c1)")" ] || fail "an IPv6 address, which the relay cannot carry"
stop client

say "the relay's UDP port is taken"
space_add other
on other socat -u UDP-RECV:51820 - &
disown
on other socat -u UDP6-RECV:51820,ipv6only - &
disown
wait_for 5 on other sh -c '[ "$(ss -Huna | grep -c :51820)" = 2 ]'
sed "s|relay1.sock|x.sock|; s|pins = .*|pins = /sys/fs/bpf/detourd-$PREFIX-x|" "$TMP/relay1.conf" >"$TMP/x.conf"
sed -i "s|^wireguard-device = .*|wireguard-device = $(wg_name x)|" "$TMP/x.conf"
on other timeout 10 "$DETOURD" --relay -c "$TMP/x.conf" 2>"$TMP/x.txt" && fail "a port for two"
grep -q 'UDP port 51820 is taken' "$TMP/x.txt" || fail "no clear word: $(cat "$TMP/x.txt")"
equals "$(on other ip -o link | grep -c "$(wg_name x)")" 0 "devices the refused one left"
[ ! -e "$TMP/x.sock" ] || fail "a socket of the refused relay is left"
