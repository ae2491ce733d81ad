# shellcheck shell=bash source=lib.sh
# backup = yes for a relay: the server is told by MP_PRIO, and a reload changes it. A server with the default limit takes
# two additional subflows of an interface and two relays, and `why` says so. An interface's subflow, and its routing,
# survive a killed daemon.
. "$(dirname "$0")/lib.sh"
standard_network 2
veth client eth1 r1 second
addr client eth1 192.0.2.66/28
addr r1 second 192.0.2.65/28
route client default via 192.0.2.65 metric 500
narrow_paths "${RATE:-50}mbit"
relay_start 1
relay_start 2
# conf LINES in [relay relay1] [LINES in [client]]
conf() {
	client_conf "${2:-}"
	sed -i "/^\[relay relay1\]/a $1" "$TMP/client.conf"
}
reload() { kill -HUP "$(cat "$TMP/client.pid")"; }
established() { status_is client "[.connections[].subflows[] | select(.via == \"$1\" and .state == \"established\" and (${2:-true}))] | length == 2"; }
# backups ADDRESS: how many subflows from there the server takes for backup
backups() { on server ss -Htni "dst $1" | grep -c 'tcp-ulp-mptcp.*flags:[A-Za-z]*B' || true; }
backups_are() { [ "$(backups "$1")" = "$2" ]; }
acked() { status client | jq '[.connections[].subflows[] | select(.via == "relay1") | .bytes_acked] | add'; }
flow() {
	on client mptcpize run iperf3 -c $SERVER4 -t $((60 * SLOWNESS)) >/dev/null 2>&1 &
	wait_for 5 status_is client '.connections | length == 2'
}
flow_end() {
	kill_in client iperf3
	wait_for 10 status_is client '.connections | length == 0'
}

conf "backup = yes"
client_start
relays_up
server_iperf
flow
wait_for_join 5 established relay1 .backup
wait_for_join 5 established relay2 '.backup | not'
wait_for 3 backups_are "$(relay4 1)" 2
equals "$(backups "$(relay4 2)")" 0 "backups over relay2"
sleep 0.5
before=$(acked)
sleep 1
at_most $(($(acked) - before)) 5000 "bytes by the backup in a second"
conf "backup = no"
reload
wait_for 3 backups_are "$(relay4 1)" 0
established relay1 '.backup | not' || fail "the detour did not survive the reload"
before=$(acked)
sleep 1
at_least $(($(acked) - before)) 50000 "bytes a second later, no backup any more"
conf "backup = yes"
reload
wait_for 3 backups_are "$(relay4 1)" 2
flow_end

say "a server with the default limit"
on server ip mptcp limits set subflow 2 add_addr_accepted 0
conf "backup = no" "interfaces = eth1"
reload
flow
wait_for_join 5 status_is client '[.connections[].subflows[] | select(.interface == "eth1" and .state == "established")] | length == 2'
wait_for_join 10 status_is client '[.connections[] | select(.why | test("^1 of 2 detours by rule lab; the server.s limit is reached: it took 2 additional subflows"))] | length == 2'
status client | jq -r '.connections[0].why'
equals "$(status client | jq -c '[.connections[] | [.subflows[] | select(.state == "established")] | length]')" "[3,3]" \
	"subflows of each connection"
equals "$(on server ss -Htn state established 'sport = 5201' | wc -l)" 6 "subflows at the server"

say "killed and started again"
before=$(status client | jq -cS '[.connections[].subflows[] | select(.state == "established") | .local] | sort')
stop client KILL
client_start
wait_for 5 status_is client '[.connections[].subflows[] | select(.interface == "eth1" and .state == "established")] | length == 2'
relays_up
# one more join may look established for a moment, until the server refuses it
same_subflows() { [ "$(status client | jq -cS '[.connections[].subflows[] | select(.state == "established") | .local] | sort')" = "$before" ]; }
wait_for 5 same_subflows
equals "$(on client ip route get $SERVER4 from 192.0.2.66 | grep -o 'dev [a-z0-9]*')" "dev eth1" "way of eth1's address"
flow_end
stop client
equals "$(on client ip rule | grep -c '^4567:' || true)" 0 "rules left"
