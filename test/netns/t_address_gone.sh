# shellcheck shell=bash source=lib.sh
# The address of a connection goes for good, and with it those of its subflows. The server has room for two additional
# ones. It hears of the end of the old detour, once another path carries RM_ADDR there, and so has room for a new one.
#
#     client eth0 192.0.2.2 ────── r1            client eth1 192.0.2.18 ────── r1
. "$(dirname "$0")/lib.sh"
standard_network 1
on server ip mptcp limits set subflow 2 add_addr_accepted 0
veth client eth1 r1 client2
addr client eth1 192.0.2.18/28
addr r1 client2 192.0.2.17/28
route r2 192.0.2.16/28 via 10.255.1.1
route client default via 192.0.2.17 metric 500
relay_start 1
RELAYS=1 client_conf "max-detours = 1"
client_start
relays_up 1
gap_serve
gap idle $SERVER4 7000 $((20 * SLOWNESS)) >"$TMP/gap" &
wait_for 8 subflows_are 2
sleep 0.5
on client ip addr flush dev eth0
on client ip route del default via 192.0.2.1 2>/dev/null || true
wait_for 3 subflow_from direct 192.0.2.18
wait_for 3 subflow_from relay1 192.0.2.18
sleep 1 # a server without room refuses a join by closing it soon
subflow_from relay1 192.0.2.18 || fail "the new detour did not stay: the server still has the old one"
equals "$(counter client join_refused)" 0 "refused joins"
halves_are() { [ "$(on server ss -Htn state established "sport = :7000" | wc -l)" = "$1" ]; }
wait_for 2 halves_are 2
