# shellcheck shell=bash source=lib.sh
# A relay with many clients answers during a status, a reload and the begin of a drain, and while interfaces come and go:
# addresses in private ranges change nothing of what is permitted, and other new ones of the relay are forbidden to all
# clients. Flows to such an address end.
. "$(dirname "$0")/lib.sh"
many_or_skip
reloads_are() { [ "$(grep -c "reloaded clients" "$TMP/relay1.log")" = "$1" ]; }
reload() {
	local before
	before=$(grep -c "reloaded clients" "$TMP/relay1.log") || :
	kill -HUP "$(cat "$TMP/relay1.pid")"
	wait_for 30 reloads_are $((before + 1))
}
left=2998
client_remove() {
	sed -i "/^\[client c$left\]/,/^allow/d" "$TMP/relay1.conf"
	left=$((left - 1))
}
without_a_client() {
	client_remove
	reload
}
other_lists() {
	local from=16 to=15
	! grep -q '^allow = 9.10.0.0/15' "$TMP/relay1.conf" || from=15 to=16
	sed -i "s|^allow = 9.10.0.0/$from|allow = 9.10.0.0/$to|" "$TMP/relay1.conf"
	reload
}
batches=0
new_clients() {
	clients_print "new$batches." 1000 0 >>"$TMP/relay1.conf"
	batches=$((batches + 1))
	reload
}
standard_network 1
many_start 3000 9 30000 9000
stretch_within 3 containers churn 3 172.17.0
stretch_within 6 "public addresses" churn 3 9.9.9
equals "$(status relay1 | jq .open_flows)" 30000 "flows after that"
say "one of the servers' addresses becomes the relay's"
reason() { ask client client 1 "lease 9.10.0.1:80" | cut -d' ' -f1; }
equals "$(reason)" 0 "reason before"
TRIES=1 stretch_within 6 "a server's address" ip -n "$PREFIX-relay1" addr add 9.10.0.1/32 dev lo
equals "$(reason)" 3 "reason after: denied destination"
equals "$(status relay1 | jq .open_flows)" 20000 "flows: the 10,000 to that address have ended"
say "status, reload and drain in steps"
stretch_within 2 status status relay1
stretch_within 5 reload reload
stretch_within 5 "reload with a client less" without_a_client
equals "$(status relay1 | jq '.clients | length')" $((left + 2)) clients
flows=$(status relay1 | jq .open_flows)
stretch_within 5 "reload with other lists for all" other_lists
TRIES=2 stretch_within 5 "reload with 1000 clients more" new_clients
equals "$(status relay1 | jq '.clients | length')" $((left + 2 + 1000 * batches)) clients
equals "$(status relay1 | jq .open_flows)" "$flows" "flows as before that"
say "a reload during a reload, and interfaces that come and go"
churn 3 9.9.9 &
for pause in 0 0.2 0.05 0.3 0.1 0.15; do
	client_remove
	kill -HUP "$(cat "$TMP/relay1.pid")"
	sleep $pause
done
wait $!
wait_for 30 grep -q "reloaded clients=$((left + 2 + 1000 * batches))\$" "$TMP/relay1.log"
equals "$(status relay1 | jq '.clients | length')" $((left + 2 + 1000 * batches)) clients
TRIES=1 stretch_within 3 drain kill -USR1 "$(cat "$TMP/relay1.pid")"
