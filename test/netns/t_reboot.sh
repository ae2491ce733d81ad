# shellcheck shell=bash source=lib.sh
# The relay's host is rebooted: maps and filters are gone. Its RST frees both ends, and the detour comes back.
. "$(dirname "$0")/lib.sh"
standard_network 1
narrow_paths 40mbit
relay_start 1
RELAYS=1 client_conf
client_start
relays_up 1
server_iperf
for direction in "" -R; do
	on client mptcpize run iperf3 -c $SERVER4 -t 60 $direction >/dev/null 2>&1 &
	iperf=$!
	disown
	detour='.connections[].subflows[] | select(.via == "relay1" and .state == "established" and .bytes_acked + .bytes_received > 1000000)'
	wait_for 10 status_is client "$detour"
	old=$(status client | jq -r "[$detour | .local] | first")
	joins=$(counter client joins_established)
	stop relay1 KILL
	on relay1 "$DETOURD" --relay --flush -c "$TMP/relay1.conf"
	wait_for 5 on client sh -c "! ss -Htn | grep -q '$old'"
	say "the client's end is closed"
	# an RST also answers what the server sends; at the latest it learns by the client's RST to the relay
	wait_for 20 on server sh -c '! ss -Htn state established | grep -q "198.51.100.18:.*"'
	say "the server's end is closed"
	relay_start 1
	wait_for 10 status_is client "$detour"
	at_least "$(counter client joins_established)" $((joins + 1)) "joins established"
	status_is client '[.connections[].subflows[] | select(.via == "direct" and .state == "established")] | length > 0' || fail "the direct path went too"
	pkill -P $iperf || kill $iperf
	wait_for 70 status_is client '.connections | length == 0'
done
