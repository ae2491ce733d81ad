# shellcheck shell=bash source=lib.sh
# The client's daemon is killed during transfers through a tunnel. The tunnel's address is gone with it, so the next run
# ends the old subflows and makes new ones. The transfers complete.
. "$(dirname "$0")/lib.sh"
wireguard_or_skip
standard_network 1
narrow_paths "${RATE:-30}mbit"
relay_conf 1 "$(wg_relay 1)"
relay_start 1
RELAYS=1 client_conf
carrier_set 1 wireguard
client_start
relays_up 1
web_start
random_file "$TMP/www/file" $((${RATE:-30} * (2 + 2 * SLOWNESS))) # outlasts both restarts: see widen_paths
pids=()
for address in $SERVER4 "[$SERVER6]"; do
	nsenter --net="/run/netns/$PREFIX-client" -- mptcpize run curl -sS -o "$TMP/got${#pids[@]}" "http://$address/file" &
	pids+=($!)
done
tunnelled() { status client | jq -r '.connections[].subflows[] | select(.via == "relay1" and .carrier == "wireguard" and .state == "established" and .bytes_received > 100000) | .local' | sort; }
both_tunnelled() { [ "$(tunnelled | wc -l)" = 2 ]; }
# the server sees, of each connection, the direct subflow and one from the relay
at_server() { on server ss -tnH state established '( sport = :80 )' | wc -l; }
at_server_are() { [ "$(at_server)" = 4 ]; }
known_are() { [ "$(status client | jq '[.connections[].subflows[] | select(.state == "established")] | length')" = 4 ]; }
wait_for 15 both_tunnelled
for round in 1 2; do
	before=$(tunnelled)
	stop client KILL
	client_start
	begin=$(now_ms)
	relays_up 1
	wait_for 20 both_tunnelled
	say "round $round: tunnelled again after $(($(now_ms) - begin)) ms"
	[ -z "$(comm -12 <(tunnelled) <(echo "$before"))" ] || fail "subflows of the old tunnel: $before"
	wait_for 5 known_are
	wait_for 5 at_server_are
	status_is client 'all(.connections[]; .why == "")' || fail "$(status client | jq -c '[.connections[].why]')"
done
widen_paths
for i in 0 1; do
	wait "${pids[$i]}" || fail "a transfer failed"
	same_bytes "$TMP/www/file" "$TMP/got$i"
done
