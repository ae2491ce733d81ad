# shellcheck shell=bash source=lib.sh
# tcptraceroute to a lease of a client with plain-tcp = yes shows the relay and the hops behind it, all with the relay's
# address. Without plain-tcp nothing answers.
. "$(dirname "$0")/lib.sh"
command -v tcptraceroute >/dev/null || skip "no tcptraceroute"
standard_network 2
relay_conf 1 "" "plain-tcp = yes"
relay_start 1
RELAYS=1 client_conf
client_start
relays_up 1
server_iperf
subflow='.connections[].subflows[] | select(.via == "relay1" and .state == "established")'
iperf -t $((3 * SLOWNESS)) >/dev/null &
wait_for 5 status_is client "$subflow"
port=$(status client | jq -r "[$subflow | .remote] | first")
port=${port##*:}
wait $!
relay=$(relay4 1)
# hops: HOP ADDRESS lines
hops() { sed -nE 's/^ *([0-9]+) +([0-9.*]+)( +\(.*)?( +\[open\])?.*/\1 \2\4/p' "$TMP/trace"; }
on client tcptraceroute -n -q 1 -w 1 -m 8 "$relay" "$port" >"$TMP/trace" 2>&1
say "$(cat "$TMP/trace")"
equals "$(hops | tr '\n' ';')" "1 192.0.2.1;2 $relay;3 $relay;4 $relay;5 $relay [open];" "hops"
equals "$(counter relay1 dropped_ttl)" 1 "answered by the relay itself"
at_least "$(counter relay1 forwarded_icmp)" 2 "answered behind it"
# a closed port is shown, too
kill_in server iperf3
wait_for 5 on server sh -c '! ss -ltn | grep -q :5201'
on client tcptraceroute -n -q 1 -w 1 -m 8 "$relay" "$port" >"$TMP/trace" 2>&1 || true
grep -q '^ *5 .*closed' "$TMP/trace" || fail "$(cat "$TMP/trace")"
relay_conf 1
kill -HUP "$(cat "$TMP/relay1.pid")"
wait_for 5 grep -q reloaded "$TMP/relay1.log"
before=$(counter relay1 dropped_ttl)
on client tcptraceroute -n -q 1 -w 1 -m 3 "$relay" "$port" >"$TMP/trace" 2>&1 || true
grep -q '^ *2 *\*' "$TMP/trace" || fail "the relay answers: $(cat "$TMP/trace")"
equals "$(counter relay1 dropped_ttl)" "$before" "answers without plain-tcp"
