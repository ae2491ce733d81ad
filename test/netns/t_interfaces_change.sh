# shellcheck shell=bash source=lib.sh
# interfaces when something changes: links, addresses, gateways, the configuration, the end of the daemon. And what `why`
# says.
. "$(dirname "$0")/lib.sh"
# shellcheck source=second.sh
. "$(dirname "$0")/second.sh"

conf "interfaces = eth1"
client_start
server_iperf
say "the interface goes and comes back, with another address"
flow 30 -b 20M
wait_for 5 has_eth1
ip -n "$PREFIX-client" link set eth1 down
wait_for 5 has_eth1 0
ip -n "$PREFIX-client" link set eth1 up
route client default via 192.0.2.65 metric 500
wait_for 5 has_eth1 2
ip -n "$PREFIX-client" addr del 192.0.2.66/28 dev eth1
addr client eth1 192.0.2.67/28
route client default via 192.0.2.65 metric 500
wait_for 5 has_eth1 2 '.local | startswith("192.0.2.67:")'
has_eth1 2 || fail "a subflow of the old address is left"
rx=$(crossed rx)
sleep 1
at_least $(($(crossed rx) - rx)) 100000 "bytes a second from the new address"
addr r1 second 192.0.2.68/28
ip -n "$PREFIX-client" route replace default via 192.0.2.68 metric 500
wait_for 3 on client sh -c "ip route show table all | grep -q 'default via 192.0.2.68 dev eth1 table 46'"
on client ip rule | grep '192.0.2.66' && fail "the old address's rule is left"

say "why"
ip -n "$PREFIX-client" route del default metric 500
kill_in client iperf3
wait_for 5 status_is client '.connections | length == 0'
flow 30 -b 20M
wait_for 3 status_is client '[.connections[] | select(.why | test("; by eth1: it has no route to the server"))] | length == 2'
for end in from to; do on r1 ip rule add prio 50 $end 192.0.2.67 blackhole; done
route client default via 192.0.2.65 metric 500
wait_for 9 status_is client '[.connections[] | select(.why | test("; by eth1: the join was not answered, next try in"))] | length == 2'
for end in from to; do on r1 ip rule del prio 50 $end 192.0.2.67 blackhole; done
wait_for 9 has_eth1

say "reloads remove it and add it"
conf ""
reload
wait_for 5 has_eth1 0
equals "$(rules)" 0 "rules left"
equals "$(tables)" 0 "routes left"
conf "interfaces = e?h1"
reload
wait_for 5 has_eth1 2

say "stop"
stop client
equals "$(rules)" 0 "rules left"
equals "$(tables)" 0 "routes left"
