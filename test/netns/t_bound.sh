# shellcheck shell=bash source=lib.sh
# Sockets that are bound to a device (SO_BINDTODEVICE). Their connections get detours after detour-after, are sampled, give
# up a direct path that died, and end cleanly, as others do. But no detour of theirs leaves by another interface.
. "$(dirname "$0")/lib.sh"
standard_network 1
veth client eth1 r1 client1
addr client eth1 192.0.2.66/28
addr r1 client1 192.0.2.65/28
narrow_paths "${RATE:-40}mbit"
relay_start 1
RELAYS=1 client_conf "$(printf '%s\n' "max-detours = 1" "detour-after = 100kB, 3s" "interfaces = eth1")"
client_start
relays_up 1
for address in $SERVER4 $SERVER6; do
	on server python3 "$(dirname "$0")/gap.py" serve $address 7000 &
	disown
done
wait_for 5 on server sh -c '[ "$(ss -Htln "sport = 7000" | wc -l)" = 2 ]'
at_server() { on server ss -Htn state established "sport = :7000 and dst = $1" | wc -l; }
none_at_server() { [ "$(at_server "$1")" = 0 ]; }
bound() { DEVICE=eth0 nsenter --net="/run/netns/$PREFIX-client" -- python3 "$(dirname "$0")/gap.py" "$@"; }
given=0
# dies DIRECTION SERVER CLIENT [COMMAND]: the direct path dies during a transfer. COMMAND runs before, when the detour is
# established.
dies() {
	local pid
	bound "$1" "$2" 7000 $((30 * SLOWNESS)) >"$TMP/gap" &
	disown
	pid=$!
	wait_for 8 vias_are "direct relay1"
	${4:-true}
	wait_for 3 status_is client '[.connections[].subflows[] | .bytes_acked + .bytes_received > 100000] | all'
	equals "$(status client | jq -c '[.connections[].subflows[] | .srtt_us > 0]')" "[true,true]" "round-trip times known"
	direct_hole
	wait_for 3 status_is client ".counters.subflows_given_up > $given"
	given=$(counter client subflows_given_up)
	wait_for 3 none_at_server "$3"
	equals "$(vias)" relay1 "subflows that are left of $1"
	direct_hole_end
	wait_for 9 vias_are "direct relay1" # the direct subflow was made again
	kill -0 $pid || fail "the transfer broke"
	kill_in client python3
	wait_for 10 status_is client '.connections | length == 0'
}
restarted() {
	stop client KILL
	client_start
	given=0
	wait_for 8 vias_are "direct relay1"
	equals "$(counter client taken_over)" 1 "taken over"
}
dies up $SERVER4 $CLIENT4
dies down $SERVER4 $CLIENT4
dies up $SERVER6 $CLIENT6
at_least "$(counter client probes_sent)" 1 "probes"
say "connections that are older than the daemon"
dies up $SERVER4 $CLIENT4 restarted

say "by WireGuard"
carrier_set 1 wireguard
kill -HUP "$(cat "$TMP/client.pid")"
wait_for 5 status_is client '.relays[0].carrier == "wireguard"'
bound idle $SERVER4 7000 30 &
disown
wait_for 15 status_is client '.connections[0].why | test("relay1: the socket is bound to a device")'
