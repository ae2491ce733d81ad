# shellcheck shell=bash source=lib.sh
# A relay with two interfaces: clients on one, servers on the other. What it sends to servers has the address of the lease.
#
#     r1 ── relay1 (eth0 198.51.100.18, eth1 198.51.100.66) ── r2
. "$(dirname "$0")/lib.sh"
standard_network 1
veth relay1 eth1 r2 leg
addr relay1 eth1 198.51.100.66/28 2001:db8:b::2/64
addr r2 leg 198.51.100.65/28 2001:db8:b::1/64
route relay1 203.0.113.0/28 via 198.51.100.65
route relay1 2001:db8:5::/64 via 2001:db8:b::1
# the server's answers come in by the second interface too
route r2 198.51.100.18/32 via 198.51.100.66
route r2 2001:db8:a1::2/128 via 2001:db8:b::2
# the direct path is slow, so that the relay is used however fast the machine is
narrow_direct "${RATE:-40}mbit"
relay_start 1
RELAYS=1 client_conf "detour-after = 0" # the transfers are short
client_start
relays_up 1
server_iperf
for TARGET in $SERVER4 $SERVER6; do
	before=$(on r2 cat /proc/net/dev | awk '$1 == "leg:" { print $2 }')
	iperf -n 40M >/dev/null
	after=$(on r2 cat /proc/net/dev | awk '$1 == "leg:" { print $2 }')
	at_least $((after - before)) 20000000 "bytes to $TARGET by the second leg"
done
equals "$(on server ss -Htn state all | grep -c 198.51.100.66)" 0 "connections from the second leg's own address"
status_is relay1 '.counters.flows_started >= 4' || fail "flows: $(status relay1)"
