# shellcheck shell=bash source=lib.sh
# Tunnels carry detours and nothing else, whatever `interface` says: a client that sends other packets into its tunnel
# reaches neither the relay's host nor a network behind it. A filter that is removed comes back within 5 s, and if it
# cannot, the device is down until it can.
. "$(dirname "$0")/lib.sh"
wireguard_or_skip
MIDDLEBOX=${MIDDLEBOX:-$(dirname "$DETOURD")/middlebox.bpf.o}
[ -f "$MIDDLEBOX" ] || skip "no $MIDDLEBOX: built without tests"
standard_network 1
# a service of the relay's host, which forwards into a network behind it
space_add behind
veth relay1 lan behind eth0
addr relay1 lan 10.9.9.1/24
addr behind eth0 10.9.9.2/24
route behind default via 10.9.9.1
on relay1 sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0
relay_conf 1 "$(wg_relay 1)
interface = eth0"
relay_start 1
RELAYS=1 client_conf "detour-after = 0"
carrier_set 1 wireguard
client_start
relays_up 1
web_start
random_file "$TMP/www/file" 3
narrow_paths 40mbit
device=$(wg_name r1) mine=$(wg_name c1)
tc1() { tc -n "$PREFIX-relay1" "$@"; }
has_filter() { tc1 filter show dev "$device" ingress | grep -q nat_l3; }
is_up() { ip -n "$PREFIX-relay1" -o link show dev "$device" | grep -q '<[^>]*\bUP\b'; }
is_down() { ! is_up; }
on relay1 socat TCP-LISTEN:8080,reuseaddr,fork SYSTEM:'echo reached' &
disown
on behind socat TCP-LISTEN:8080,reuseaddr,fork SYSTEM:'echo reached' &
disown
wait_for 5 on behind sh -c 'ss -ltn | grep -q :8080'
wait_for 10 sh -c "ip -n '$PREFIX-client' -o -4 addr show dev '$mine' | grep -q inet"
tunnel=$(ip -n "$PREFIX-client" -o -4 addr show dev "$mine" | sed -n 's/.*inet \([0-9.]*\).*/\1/p')
ip -n "$PREFIX-client" route add 10.9.9.0/24 dev "$mine" src "$tunnel"
# where answers go, if the host has any
ip -n "$PREFIX-relay1" route add "$tunnel/32" dev "$device"
tried() { on client socat -T 2 - "TCP:$1:8080,connect-timeout=1,bind=$tunnel" </dev/null 2>/dev/null | grep -c reached || true; }
closed() {
	equals "$(tried 10.9.9.1)" 0 "$1: connections to the relay's host"
	equals "$(tried 10.9.9.2)" 0 "$1: connections to a network behind it"
	on client ping -c 1 -W 1 10.9.9.1 >/dev/null && fail "$1: the relay's host answers a ping"
	return 0
}
detour() {
	on client mptcpize run curl -sS --limit-rate 500k -o "$TMP/got" "http://$SERVER4/file" &
	local curl=$!
	wait_for 10 status_is client '.connections[].subflows[] | select(.carrier == "wireguard" and .state == "established")'
	wait $curl || fail "curl failed"
	same_bytes "$TMP/www/file" "$TMP/got"
}
has_filter || fail "the tunnels' device has no filter"
closed "interface = eth0"
detour

say "removed by another program"
tc1 filter del dev "$device" ingress
begin=$(now_ms)
wait_for 7 has_filter
at_most_ms $(($(now_ms) - begin)) 5500 "ms without the filter"
grep -q "removed the NAT from an interface, putting it back interface=$device" "$TMP/relay1.log" || fail "it is not told"
closed "put back"

say "the qdisc and all its filters removed"
tc1 qdisc del dev "$device" clsact
wait_for 7 has_filter
detour

say "another program's filter in its place"
tc1 filter replace dev "$device" ingress protocol all pref 56944 handle 56944 bpf da obj "$MIDDLEBOX" sec drop_syn
wait_for 7 is_down
wait_for 5 grep -q "no filter is on $device, so it is set down" "$TMP/relay1.log"
ip -n "$PREFIX-relay1" link set "$device" up
wait_for 7 is_down
tc1 filter del dev "$device" ingress
wait_for 7 is_up
has_filter || fail "up without its filter"
ip -n "$PREFIX-relay1" route replace "$tunnel/32" dev "$device"
closed "up again"
detour
