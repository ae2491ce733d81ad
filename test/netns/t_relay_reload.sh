# shellcheck shell=bash source=lib.sh
# A reload of the relay: leases and flows of a revoked client, or to a destination that is now denied, end at once. Quotas
# change. `why` at the client says what the relay refused.
. "$(dirname "$0")/lib.sh"
standard_network 1
narrow_paths 30mbit
relay_start 1
RELAYS=1 client_conf
client_start
relays_up 1
random_file "$TMP/file" 500
receive_start 80 /dev/null
on client mptcpize run socat -u "OPEN:$TMP/file" "TCP4:$SERVER4:80" &
disown
detour='.connections[0].subflows[] | select(.via == "relay1" and .state == "established")'
wait_for 10 status_is client "$detour"
reload() {
	relay_conf 1 "$@"
	kill -HUP "$(cat "$TMP/relay1.pid")"
}
reload "deny = 203.0.113.2"
wait_for 5 status_is relay1 '.clients[0].leases == 0 and .clients[0].flows == 0'
wait_for 10 status_is client "[$detour] | length == 0"
wait_for 20 status_is client '.connections[0].why | test("relay1:.*denies this destination")'
at_least "$(counter relay1 denied_destination)" 1 denied_destination
reload "" "max-leases = 1"
wait_for 40 status_is client "$detour"
say "allowed again, the detour is back"
# the second lease is one too many
server_iperf
on client mptcpize run iperf3 -c $SERVER4 -t 30 -b 1M >/dev/null 2>&1 &
disown
wait_for 10 status_is client '.connections[] | select(.remote | endswith(":5201")) | .why | test("relay1: .*lease")'
at_least "$(counter relay1 denied_quota)" 1 denied_quota
# revoked
sed -i '/^\[client/,$d' "$TMP/relay1.conf"
kill -HUP "$(cat "$TMP/relay1.pid")"
wait_for 5 status_is relay1 '.clients | length == 0'
wait_for 10 status_is client "[$detour] | length == 0"
wait_for 15 status_is client '.relays[0].state == "down"'
# an error anywhere: nothing is reloaded
echo 'max-leases = 3' >>"$TMP/relay1.conf"
echo 'colour = blue' >>"$TMP/relay1.conf"
kill -HUP "$(cat "$TMP/relay1.pid")"
wait_for 5 grep -q 'nothing was reloaded' "$TMP/relay1.log"
grep -q 'relay1.conf:[0-9]*:[0-9]*: .*colour' "$TMP/relay1.log" || fail "the error does not say where"
# what libbpf says of the kernel's answers reads like an error
! grep "Exclusivity flag" "$TMP/relay1.log" || fail "libbpf complains"
