# shellcheck shell=bash source=lib.sh
# The client's link goes down and comes back. Then the client roams: its first address is gone for good, and it has another
# one in another network, on another interface. The transfer goes on over the paths that are left, byte for byte; the
# client asks for new leases from the new address.
#
#     client eth0 192.0.2.2 ────── r1            client eth1 192.0.2.18 ────── r1
. "$(dirname "$0")/lib.sh"
standard_network 1
veth client eth1 r1 client2
addr client eth1 192.0.2.18/28
addr r1 client2 192.0.2.17/28
route r2 192.0.2.16/28 via 10.255.1.1
narrow_paths "${RATE:-40}mbit"
narrow client eth1 "${RATE:-40}mbit"
narrow r1 client2 "${RATE:-40}mbit"
relay_start 1
RELAYS=1 client_conf
client_start
relays_up 1
receive_start 9000 "$TMP/got"
random_file "$TMP/sent" 80
on client mptcpize run socat -u "OPEN:$TMP/sent" "TCP4:$SERVER4:9000" &
moved_after relay1 >/dev/null

say "the link goes down for 4 s"
on client ip link set eth0 down
sleep 4
on client ip link set eth0 up
route client default via 192.0.2.1
at_most_ms "$(moved_after relay1)" 2500 "milliseconds until the detour carries data again"

say "roaming: the first address is gone"
moved_after direct >/dev/null
on client ip addr flush dev eth0
on client ip link set eth0 down
route client default via 192.0.2.17
wait_for 10 subflow_from direct 192.0.2.18
wait_for 10 subflow_from relay1 192.0.2.18
moved_after relay1 >/dev/null
widen_paths
status_is client '[.connections[].subflows[] | select(.state != "closed" and (.local | startswith("192.0.2.2:")))] | length == 0' ||
	fail "subflows of the old address are left"
wait %1 || fail "the transfer failed"
wait_for 10 eval "[ \"\$(stat -c %s $TMP/got)\" = 80000000 ]"
same_bytes "$TMP/sent" "$TMP/got"
