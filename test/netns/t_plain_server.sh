# shellcheck shell=bash source=lib.sh
# A server without MPTCP: plain TCP works as always, no join is tried, and nothing is left.
. "$(dirname "$0")/lib.sh"
standard_network 1
relay_start 1
RELAYS=1 client_conf
client_start
relays_up 1
on server iperf3 -s -D --logfile /dev/null
wait_for 5 on server sh -c 'ss -ltn | grep -q :5201'
iperf -t 1 >/dev/null
wait_for 5 status_is client '.connections | length == 0'
equals "$(counter client joins)" 0 joins
equals "$(counter client leases_asked)" 0 "leases asked"
# and connections that never leave the host
on client mptcpize run iperf3 -s -D --logfile /dev/null
wait_for 5 on client sh -c 'ss -ltn | grep -q :5201'
on client mptcpize run iperf3 -c 127.0.0.1 -n 1M >/dev/null
equals "$(counter client joins)" 0 "joins for loopback"
