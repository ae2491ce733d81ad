# shellcheck shell=bash source=lib.sh
# What happens to a host's network every day. A container's interface comes up: detours are left alone. A VPN takes over the
# default route, while the old address stays: an idle connection goes on from the VPN's address before anybody needs it.
# Endpoints of ip mptcp that have no effect are told of.
# The tunnel's device is removed: nothing that belongs into it leaves by another way.
#
#     client eth0 192.0.2.2 ────── r1            client vpn0 192.0.2.18 ────── r1, which drops other sources there
. "$(dirname "$0")/lib.sh"
wireguard_or_skip
standard_network 2
relay_start 1
relay_conf 2 "$(wg_relay 2)"
relay_start 2
client_conf
carrier_set 2 wireguard
client_start
relays_up
tunnel_rule() { on client ip -6 rule | sed -n 's/^4567:.*from \(fd[0-9a-f:]*\) lookup.*/\1/p'; }
receive_start 9000 "$TMP/got"
mkfifo "$TMP/in"
on client mptcpize run socat -u "OPEN:$TMP/in" "TCP4:$SERVER4:9000" &
disown
exec 9>"$TMP/in"
head -c 100000 /dev/zero >&9
wait_for_join 5 vias_are "direct relay1 relay2"
for _ in {1..14}; do
	head -c 1000000 /dev/zero >&9
	sleep 0.5
done
sleep 2 # the data is a thing of the past, and did not move when the network changed

say "a container's interface"
joins=$(counter client joins)
on client ip link add docker0 type bridge
addr client docker0 172.17.0.1/24
on client ip link add veth1 type veth peer name veth2
for dev in docker0 veth1 veth2; do on client ip link set "$dev" up; done
on client ip link set veth1 master docker0
wait_for 5 on client sh -c "ip link show docker0 | grep -q 'state UP'"
sleep 2
on client ip mptcp endpoint add 172.17.0.1 dev docker0 subflow
on client ip mptcp endpoint add "$CLIENT4" dev eth0 subflow
equals "$(counter client joins)" "$joins" "joins"
equals "$(vias)" "direct relay1 relay2" "subflows"

say "a VPN"
veth client vpn0 r1 client2
addr r1 client2 192.0.2.17/28
addr client vpn0 192.0.2.18/28
on r1 sysctl -qw net.ipv4.conf.client2.rp_filter=1
route r2 192.0.2.16/28 via 10.255.1.1
equals "$(vias)" "direct relay1 relay2" "subflows before it has the default route"
on client ip route replace default via 192.0.2.17
wait_for_join 10 subflow_from relay1 192.0.2.18
wait_for_join 10 subflow_from direct 192.0.2.18
wait_for 5 status_is client '[.connections[].subflows[] | select(.state == "established" and (.local | startswith("192.0.2.2:")))] | length == 0'
got=$(stat -c %s "$TMP/got")
begin=$(now_ms)
head -c 100000 /dev/zero >&9
wait_for 5 eval "[ \"\$(stat -c %s $TMP/got)\" = $((got + 100000)) ]"
at_most_ms $(($(now_ms) - begin)) 400 "milliseconds until what is sent then has arrived"

say "back again"
on client ip link del vpn0
route client default via 192.0.2.1
wait_for_join 10 subflow_from relay1 192.0.2.2

say "an endpoint of ip mptcp without an effect"
wait_for 10 status_is client '[.unused_endpoints[].interface] == ["docker0"]'
grep -q 'no subflow starts from endpoints of ip mptcp.*interfaces=docker0$' "$TMP/client.log" || fail "not in the log"
on client "$DETOURD" doctor --json -c "$TMP/client.conf" | jq -e 'any(.checks[]; .name == "endpoints" and .state == "warning")' >/dev/null || fail doctor

say "without the tunnel's device"
from=$(tunnel_rule)
on client ip -6 route get "$SERVER6" from "$from" | grep -q "dev w" || fail "$from does not leave by the tunnel"
kill -STOP "$(cat "$TMP/client.pid")" # or it would make another one
on client ip link del "$(wg_name c2)"
on client ip -6 route get "$SERVER6" from "$from" 2>/dev/null | grep -q "dev eth0" && fail "$from leaves by eth0"
equals "$(on client ip route show table 45673 | grep -c '^unreachable default')" 1 "ends of the tunnel's table"
kill -CONT "$(cat "$TMP/client.pid")"
exec 9>&-
stop client
equals "$(on client ip rule | grep -c '^4567:' || true)" 0 "rules left"
equals "$(on client ip route show table all | grep -c 'table 4567' || true)" 0 "routes left"
