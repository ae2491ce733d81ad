# shellcheck shell=bash source=lib.sh
# log-flows: a line for each flow that ended, by itself or because it was revoked. SIGHUP reopens the file after a rotation.
# Lines that cannot be written there go to the daemon's log and are counted. A path that cannot be opened is refused.
. "$(dirname "$0")/lib.sh"
standard_network 1
relay_conf 1 "log-flows = $TMP/flows" "plain-tcp = yes"
relay_start 1
RELAYS=1 client_conf
client_start
relays_up 1
web_start
random_file "$TMP/www/file" 20
# the join leaves within a few milliseconds; the transfer must still be there
narrow_paths 40mbit
lines() { cat "$TMP/$1" 2>/dev/null | wc -l; }
download() {
	local up
	up=$(counter relay1 flows_started)
	on client mptcpize run curl -sS --limit-rate 10M -o /dev/null "http://$SERVER4/file" || fail "curl failed"
	at_least "$(($(counter relay1 flows_started) - up))" 1 "flows started"
}
# a client that does not remember refusals, and a transfer over the relay
transfer() {
	kill_in client curl
	stop client
	client_start
	relays_up 1
	on client mptcpize run curl -sS --limit-rate 1M -o /dev/null "http://$SERVER4/file" 2>/dev/null &
	disown
	wait_for 10 status_is relay1 '.open_flows >= 1'
}
reload() {
	local times
	times=$(grep -c ': reloaded' "$TMP/relay1.log" || true)
	kill -HUP "$(cat "$TMP/relay1.pid")"
	wait_for 5 sh -c "[ \$(grep -c ': reloaded' '$TMP/relay1.log') -gt $times ]"
}
value() { tail -n 1 "$TMP/$1" | tr ' ' '\n' | sed -n "s/^$2=//p"; }
download
equals "$(lines flows)" 0 "lines while the flow may still see a late segment"
# let 240 s pass, for the daemon only
stop relay1
started=$(date -u +%Y-%m-%dT%H)
if unshare --time --fork --boottime 300 true 2>/dev/null; then
	cat >"$TMP/later" <<-LATER
		#!/bin/sh
		exec unshare --time --fork --boottime 300 "$DETOURD" "\$@"
	LATER
	chmod +x "$TMP/later"
	(
		DETOURD=$TMP/later
		relay_start 1
	)
	wait_for 10 test -s "$TMP/flows"
	kill "$(on relay1 pgrep -P "$(cat "$TMP/relay1.pid")" || cat "$TMP/relay1.pid")"
	wait_for 10 process_ended "$(cat "$TMP/relay1.pid")"
	equals "$(lines flows)" "$(grep -c "^flow client=client carrier=nat from=$CLIENT4:[0-9]* relay=$(relay4 1):[0-9]* source=$(relay4 1):[0-9]* server=$SERVER4:80 begun=20[^ ]*Z ended=20[^ ]*Z up_packets=[0-9]* up_bytes=[0-9]* down_packets=[0-9]* down_bytes=[0-9]* reason=\(closed\|reset\)$" "$TMP/flows")" "lines, all of the form"
	at_least "$(value flows down_bytes)" 1000000 "bytes down"
	at_least "$(value flows up_packets)" 100 "packets up"
else
	say "no time namespaces here: flows that end by their timer are not tested"
fi
relay_start 1
say "rotation"
before=$(lines flows)
transfer
mv "$TMP/flows" "$TMP/flows.1" 2>/dev/null || true
sed -i 's/^plain-tcp = yes/&\ndeny = 203.0.113.2/' "$TMP/relay1.conf"
reload
wait_for 5 test -s "$TMP/flows"
equals "$(value flows reason) $(value flows client) $(value flows server)" "denied client $SERVER4:80" "the flow that the reload ended"
equals "$(lines flows.1)" "$before" "lines in the file that was rotated away"
[ "$(value flows ended | cut -c1-13)" = "$(date -u +%Y-%m-%dT%H)" ] || [ "$(value flows begun | cut -c1-13)" = "$started" ] || fail "the times are wrong: $(cat "$TMP/flows")"
say "revoked: the name is still known"
sed -i '/^deny = 203/d' "$TMP/relay1.conf"
reload
transfer
cp "$TMP/relay1.conf" "$TMP/full.conf"
sed -i '/^\[client/,$d' "$TMP/relay1.conf"
reload
wait_for 5 grep -q 'client=client .*reason=revoked' "$TMP/flows"
wait_for 10 status_is relay1 '.clients | length == 0'
say "a full disk"
sed "s|^log-flows = .*|log-flows = /dev/full|" "$TMP/full.conf" >"$TMP/relay1.conf"
reload
transfer
sed -i '/^\[client/,$d' "$TMP/relay1.conf"
reload
wait_for 5 status_is relay1 '.counters.flow_lines_not_in_file >= 1'
equals "$(grep -c 'info: flow client=client .*reason=revoked' "$TMP/relay1.log")" "$(counter relay1 flow_lines_not_in_file)" "lines in the daemon's log instead"
grep -q 'error: cannot write to the log of flows.*No space left' "$TMP/relay1.log" || fail "the reason is not told"
say "a path that does not exist keeps no reload, and so no revocation, from being carried out"
cp "$TMP/full.conf" "$TMP/relay1.conf"
sed -i "s|^log-flows = .*|log-flows = $TMP/nowhere/flows|" "$TMP/relay1.conf"
reload
grep -q "cannot open log-flows = $TMP/nowhere/flows: No such file" "$TMP/relay1.log" || fail "the reason is not told"
grep -q 'the lines about flows go to this log' "$TMP/relay1.log" || fail "the log does not say where the lines are"
transfer
before=$(grep -c 'info: flow client=client .*reason=revoked' "$TMP/relay1.log")
sed -i '/^\[client/,$d' "$TMP/relay1.conf"
reload
wait_for 10 status_is relay1 '.clients | length == 0'
wait_for 5 sh -c "[ \$(grep -c 'info: flow client=client .*reason=revoked' '$TMP/relay1.log') -gt $before ]"
equals "$(grep -c 'info: flow client=client' "$TMP/relay1.log")" "$(counter relay1 flow_lines_not_in_file)" "lines in the daemon's log instead"
mkdir "$TMP/nowhere"
reload
[ -e "$TMP/nowhere/flows" ] || fail "the next reload does not open the file"
rm -r "$TMP/nowhere"
stop relay1
on relay1 "$DETOURD" --relay -c "$TMP/relay1.conf" 2>"$TMP/refused.log" && fail "it started without its log"
grep -q 'cannot open log-flows' "$TMP/refused.log" || fail "the reason is not told at start"
