# shellcheck shell=bash source=lib.sh
# The client's daemon is killed and started again during transfers: it knows every subflow again, makes none twice, and
# keeps the leases. This also with a third relay that is not used, and with a relay that is off at the restart.
. "$(dirname "$0")/lib.sh"
standard_network 3
narrow_paths "${RATE:-20}mbit"
for n in 1 2 3; do relay_start $n; done
RELAYS="1 2 3" client_conf
client_start
relays_up 3
web_start
random_file "$TMP/www/file" $((${RATE:-20} * (8 + 2 * SLOWNESS))) # outlasts all restarts: see widen_paths
pids=()
for address in $SERVER4 "$SERVER4" "[$SERVER6]"; do
	nsenter --net="/run/netns/$PREFIX-client" -- mptcpize run curl -sS -o "$TMP/got${#pids[@]}" "http://$address/file" &
	pids+=($!)
done
detours() { status client | jq -cS '[.connections[].subflows[] | select(.state == "established") | .via + " " + .local + " " + .remote] | sort'; }
detours_are() { [ "$(detours)" = "$1" ]; }
wait_for 10 status_is client '[.connections[].subflows[] | select(.state == "established")] | length == 9'
leases() { for n in 1 2 3; do status "relay$n" | jq -c '.clients[0].leases'; done | tr '\n' ' '; }
vias() { status client | jq -r '[.connections[].subflows[].via] | sort | join(" ")' | tr ' ' '\n' | sort | uniq -c | sort -k2 | tr -s ' \n' ' '; }
before=$(detours) leased=$(leases) before_vias=$(vias)
at_server() { on server ss -tnH state established '( sport = :80 )' | wc -l; }
# again SECONDS [BEFORE [AFTER]]: kills and starts the daemon, and waits until everything is as before. The functions
# BEFORE and AFTER run around the start.
again() {
	local begin
	stop client KILL
	${2:-true}
	client_start
	begin=$(now_ms)
	${3:-true}
	wait_for "$1" detours_are "$before"
	say "as before after $(($(now_ms) - begin)) ms"
	equals "$(status client | jq -c '[.counters.taken_over, .counters.joins]')" "[3,0]" "taken over, joins"
}
for _ in 1 2 3; do again 5; done
equals "$(leases)" "$leased" "leases"
equals "$(at_server)" 9 "subflows at the server"

say "relay 2 is off at the restart, and comes later"
off() { stop relay2 KILL; }
later() {
	wait_for 10 status_is client '[.relays[] | select(.state == "up")] | length == 2'
	sleep 6 # connections are listed in between
	equals "$(vias)" "$(sed -E 's/([0-9]+) relay2 (([0-9]+ relay3 )?)/\2\1 unknown /' <<<"$before_vias")" "subflows while relay 2 is off"
	status_is client '[.connections[] | select(any(.subflows[]; .via == "unknown")) | .why | test("of an earlier run")] | all' ||
		fail "$(status client | jq -c '[.connections[].why]')"
	relay_start 2
}
again 10 off later
equals "$(leases)" "$leased" "leases"
equals "$(at_server)" 9 "subflows at the server"
widen_paths
for i in 0 1 2; do
	wait "${pids[$i]}" || fail "a transfer failed"
	same_bytes "$TMP/www/file" "$TMP/got$i"
done
wait_for 20 status_is client '.connections | length == 0'
