# shellcheck shell=bash source=lib.sh
# A relay that does not answer at start gets its detours once it does; meanwhile it does not delay the other one.
. "$(dirname "$0")/lib.sh"
standard_network 2
narrow_paths "${RATE:-40}mbit"
relay_conf 1
relay_conf 2
relay_start 2
client_conf
client_start
relays_up 1
server_iperf
# servers that refuse joins refuse them while they receive
direction="" moved=bytes_acked
! refusing_server || direction=-R moved=bytes_received
on client mptcpize run iperf3 -c $SERVER4 -t $((25 * SLOWNESS)) -J ${direction:+$direction} >"$TMP/iperf.json" &
iperf=$!
wait_for 3 status_is client '.connections[] | select([.subflows[] | select(.via == "relay2" and .state == "established")] | length == 1)'
say "the relay that is there was used at once"
wait_for 10 status_is client '.relays[] | select(.name == "relay1" and .state == "down" and (.reason | test("no answer")))'
status_is client '.connections[0].why | test("1 of 2.*relay1: down")' || fail "why: $(status client | jq '.connections[].why')"
relay_start 1
wait_for 6 status_is client ".connections[] | select([.subflows[] | select(.via == \"relay1\" and .$moved > 1000000)] | length == 1)"
say "the late relay carries data"
kill $iperf
wait $iperf 2>/dev/null || true
