# shellcheck shell=bash source=lib.sh
# 100 short connections at once: all complete, and nothing is left of them.
# alone: a hundred transfers take the processors
. "$(dirname "$0")/lib.sh"
standard_network 2
narrow_paths "${RATE:-200}mbit"
relay_start 1
relay_conf 2
relay_start 2
client_conf
client_start
relays_up 2
web_start
random_file "$TMP/www/file" 1
pids=()
for i in $(seq 100); do
	on client mptcpize run curl -sS -o "$TMP/got$i" "http://$SERVER4/file" &
	pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "a transfer failed: curl $?; nginx: $(cat "$TMP/nginx.log")"; done
for i in $(seq 100); do same_bytes "$TMP/www/file" "$TMP/got$i"; done
# a connection whose SYN or ACK is late falls back to TCP, which happens in slow guests
kernel() { on "$1" nstat -asz "MPTcpExt$2" | awk -v n="MPTcpExt$2" '$1 == n { print $2 }'; }
with_mptcp=$(kernel server MPCapableACKRX)
say "client: SYNACK with MPTCP $(kernel client MPCapableSYNACKRX), without $(kernel client MPCapableFallbackSYNACK); server: ACK with MPTCP $with_mptcp, without $(kernel server MPCapableFallbackACK)"
at_least "$with_mptcp" $((104 - 4 * SLOWNESS)) "connections with MPTCP, as the server's kernel counts them"
equals "$(counter client connections)" "$with_mptcp" connections
at_least "$(counter client joins_established)" 20 "joins established"
wait_for 90 status_is client '.connections | length == 0'
equals "$(counter client lost_events)" 0 lost_events
at_most "$(counter client leases_asked)" 6 "leases asked for 100 connections"
at_most $(($(counter relay1 leases_made) + $(counter relay2 leases_made))) 4 "leases made for 100 connections"
equals "$(on client ss -Htn state established | wc -l)" 0 "sockets left"
say "joins $(counter client joins), refused $(counter client join_refused), failed $(counter client join_failed)"
