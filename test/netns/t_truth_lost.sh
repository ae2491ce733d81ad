# shellcheck shell=bash source=lib.sh
# The kernel drops events because the daemon does not read them during a burst. Soon after, the daemon knows which
# connections came and went, and new ones get their detours; it counts the losses. A reload lists connections as well.
# alone: thousands of connections take the processors
. "$(dirname "$0")/lib.sh"
crowd_or_skip
count=${CONNECTIONS:-2000}
standard_network 1
on client sysctl -qw net.ipv4.ip_local_port_range="1024 65535"
relay_conf 1
sed -i 's/^max-new-flows.*/max-new-flows = 10000/' "$TMP/relay1.conf"
relay_start 1
RELAYS=1 client_conf "max-detours = 1"
sed -i 's/^log-level.*/log-level = info/' "$TMP/client.conf"
client_start
relays_up 1
crowd_serve $SERVER4
pid=$(cat "$TMP/client.pid")
on client "$CROWD" shrink "$pid" 65536 || fail "the receive buffer cannot be shrunk"
# agree COUNT: waits until kernel and daemon list the same subflows, so many
agree() {
	local begin
	begin=$(now_ms)
	wait_for 5 agree_are "$1"
	say "$1 subflows known after $(($(now_ms) - begin)) ms; stock taken in $(counter client last_stock_us) us"
}
agree_are() { subflows_agree && [ "$(wc -l <"$TMP/known")" = "$1" ]; }

kill -STOP "$pid"
crowd all $SERVER4 "$count" 2000
kill -CONT "$pid"
wait_for 2 grep -q "taking stock lost_events=" "$TMP/client.log"
agree $((2 * count))
at_least "$(counter client lost_events)" 1 "lost events"
at_most "$(counter client joins)" "$count" "joins"
equals "$(status client | jq '.connections | length')" "$count" "connections"

say "half of them close while the daemon does not read"
lost=$(counter client lost_events)
kill -STOP "$pid"
crowd_half all
sleep 0.5
kill -CONT "$pid"
agree "$count"
at_least "$(counter client lost_events)" $((lost + 1)) "lost events"
equals "$(status client | jq '.connections | length')" $((count / 2)) "connections"

say "reload"
taken=$(counter client stocks_taken)
kill -HUP "$pid"
wait_for 2 grep -q reloaded "$TMP/client.log"
at_least "$(counter client stocks_taken)" $((taken + 1)) "stocks taken"
crowd_end all
wait_for 20 status_is client '.connections | length == 0'
