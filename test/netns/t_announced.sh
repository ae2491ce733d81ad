# shellcheck shell=bash source=lib.sh
# Addresses that a server announces (ADD_ADDR). Joins go to as many of them as `ip mptcp limits add_addr_accepted` allows,
# and end when the address is withdrawn. A server that wants no joins to its initial address (C flag) gets none there:
# detours go to the announced address. If there is none, `why` says so.
#
#     server also has 203.0.113.3 and .4, 2001:db8:5::3
. "$(dirname "$0")/lib.sh"
standard_network 2
addr server eth0 203.0.113.3/28 203.0.113.4/28 2001:db8:5::3/64
narrow_paths 50mbit
relay_start 1
relay_start 2
signal() { on server ip mptcp endpoint "$1" "$2" dev eth0 signal; }
flow() {
	on client mptcpize run iperf3 -c "${TARGET:-$SERVER4}" -t 60 -b 10M >/dev/null 2>&1 &
	wait_for 5 status_is client '.connections | length == 2'
}
flow_end() {
	kill_in client iperf3
	wait_for 10 status_is client '.connections | length == 0'
}
# plain_to ADDRESS COUNT: true when both connections together have so many direct subflows to it
plain_to() { status_is client "[.connections[].subflows[] | select(.via == \"direct\" and .state == \"established\" and (.remote | startswith(\"$1:\")))] | length == $2"; }
# detours_to ADDRESS COUNT: true when the server has so many subflows from the relays at it
detours_to() {
	[ "$(on server ss -Htn state established "src $1" | grep -cE "198.51.100.(18|34)|2001:db8:a" || true)" = "$2" ]
}
server_iperf

say "add_addr_accepted = 0: announced addresses are not joined"
signal add 203.0.113.3
signal add 203.0.113.4
RELAYS=" " client_conf
on client ip mptcp limits set subflow 2 add_addr_accepted 0
client_start
"$DETOURD" monitor --json --control "$TMP/client.sock" >"$TMP/monitor" &
MONITOR=$!
sleep 0.5
flow
wait_for 3 grep -q 'announced 203.0.113.4:5201' "$TMP/monitor"
plain_to 203.0.113.3 0 || fail "joined although add_addr_accepted is 0"
flow_end

say "add_addr_accepted = 1: one of two is joined"
on client ip mptcp limits set subflow 2 add_addr_accepted 1
equals "$(counter client joins)" 0 joins
kill -HUP "$(cat "$TMP/client.pid")" # or within 5 s: the limits are read again with the inventory
wait_for 5 grep -q reloaded "$TMP/client.log"
flow
wait_for 5 plain_to 203.0.113.3 2
plain_to 203.0.113.4 0 || fail "more joined than add_addr_accepted allows"
say "withdrawn: the other one is joined instead"
on server ip mptcp endpoint del id "$(on server ip mptcp endpoint show | sed -n 's/^203.0.113.3 id \([0-9]*\).*/\1/p')"
wait_for 5 plain_to 203.0.113.3 0
wait_for 5 plain_to 203.0.113.4 2
grep -q 'no longer announced' "$TMP/monitor" || fail "monitor does not show the withdrawal"
flow_end
signal add 2001:db8:5::3
TARGET=$SERVER6
flow
wait_for 5 plain_to "[2001:db8:5::3]" 2
flow_end
TARGET=$SERVER4
kill $MONITOR
stop client

say "C flag: detours go to the announced address"
on server sysctl -qw net.mptcp.allow_join_initial_addr_port=0
on client ip mptcp limits set subflow 2 add_addr_accepted 0
rm "$TMP/client.conf"
client_conf
client_start
relays_up
on server ip mptcp endpoint flush # the kernel remembers the last address only, for the restart below
signal add 203.0.113.4
flow
wait_for 5 detours_to 203.0.113.4 4
detours_to $SERVER4 0 || fail "detours to the initial address"
wait_for 5 status_is client '[.connections[].subflows[] | select(.via != "direct" and .state == "established")] | length == 4'
equals "$(counter client join_refused)" 0 "joins refused"
say "a restart finds them again"
stop client KILL
client_start
relays_up
wait_for 5 status_is client '[.connections[].subflows[] | select((.via | startswith("relay")) and .state == "established")] | length == 4'
equals "$(counter client joins)" 0 "joins since"
wait_for 5 status_is relay1 '.clients[0].leases == 1' # still that for the announced address
say "and makes those again that ended meanwhile"
stop client KILL
on client ss -K 'dst 198.51.100.16/28' >/dev/null 2>&1 || true
wait_for 5 detours_to 203.0.113.4 2
client_start
wait_for 10 detours_to 203.0.113.4 4
detours_to $SERVER4 0 || fail "detours to the initial address"
at_least "$(counter client joins)" 2 "joins since"
flow_end

say "C flag, and nothing announced"
on server ip mptcp endpoint flush
before=$(counter client joins)
flow
wait_for 5 status_is client '[.connections[] | select(.why | test("C flag"))] | length == 2'
sleep 1
equals "$(counter client joins)" "$before" "joins"
say "$(status client | jq -r '.connections[0].why')"
say "announced later"
signal add 203.0.113.3
wait_for 5 detours_to 203.0.113.3 4
flow_end
