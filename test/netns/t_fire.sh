# shellcheck shell=bash source=lib.sh
# A relay under attack: datagrams of every length from strangers, floods of forged, replayed and greedy requests, and of
# SYNs under a valid lease. It answers nothing that it should not, holds quotas exactly, does not grow, and serves another
# client meanwhile.
# alone: floods take the processors
. "$(dirname "$0")/lib.sh"
ask_or_skip
FLOOD=$(dirname "$DETOURD")/flood
standard_network 1
narrow_paths 100mbit
key greedy
relay_conf 1 "" "$(printf '[client greedy]\npublic-key = %s\nmax-leases = 50\nmax-flows = 200\nmax-new-flows = 100000' "$(pub greedy)")"
relay_start 1
# the attacker: a host of its own, with the key of client greedy
space_add other
veth other eth0 r1 other
addr other eth0 192.0.2.34/28
addr r1 other 192.0.2.33/28
route other default via 192.0.2.33
route r2 192.0.2.32/28 via 10.255.1.1
at=$(relay4 1):45672
rss() { awk '/VmRSS/ { print $2 }' "/proc/$(cat "$TMP/relay1.pid")/status"; }
greedy() { status relay1 | jq ".clients[] | select(.name == \"greedy\") | .$1"; }

equals "$(on other python3 "$(dirname "$0")/lengths.py" "$(relay4 1)" 45672 | tail -n 1)" "0 bytes in 0 answers" "answered to 4,503 datagrams of 0 to 1,500 bytes"

port=$(ask other greedy 1 "lease $SERVER4:80" | awk '$1 == 0 { print $2 }')
[ -n "$port" ] || fail "no lease for the attacker"
fire() { # SECONDS
	local kind
	for kind in garbage wrong replay greedy; do
		on other "$FLOOD" $kind "$TMP/greedy.key" "$(pub relay1)" "$at" $((3000 / SLOWNESS)) "$1" >"$TMP/$kind.out" &
		fires+=($!)
	done
	on other python3 "$(dirname "$0")/flood.py" 192.0.2.34 "$(relay4 1)" "$port" "$1" >"$TMP/syns" &
	fires+=($!)
}
fires=()
fire 3
wait "${fires[@]}"
before=$(rss)
fires=()
fire $((5 + SLOWNESS)) # the leases that it holds last as long as it asks for them
RELAYS=1 client_conf
client_start
relays_up 1
web_start
random_file "$TMP/www/file" 40
on client mptcpize run curl -sS --limit-rate 6M -o "$TMP/got" "http://$SERVER4/file" &
curl=$!
wait_for 10 status_is client '.connections[0].subflows[] | select(.via == "relay1" and .bytes_received > 300000)'
say "another client gets its detour during the attack"
for _ in 1 2 3 4 5 6; do
	equals "$(greedy leases) $(greedy flows)" "50 200" "the attacker's leases and flows: exactly its max-leases and max-flows"
	sleep 0.3
done
wait $curl || fail "curl failed"
same_bytes "$TMP/www/file" "$TMP/got"
wait "${fires[@]}"
for kind in garbage wrong; do equals "$(cut -d' ' -f2 "$TMP/$kind.out")" 0 "answers to $kind"; done
read -r sent _ bytes_sent bytes_received longest <"$TMP/replay.out"
at_most "$bytes_received" "$bytes_sent" "bytes answered to $sent repeated requests"
at_most "$longest" "$((bytes_sent / sent))" "longest answer, against the request's length"
at_least "$(counter relay1 dropped_auth)" $((10000 / SLOWNESS)) "dropped_auth"
at_least "$(counter relay1 dropped_greedy)" $((10000 / SLOWNESS)) "dropped_greedy"
at_least "$(counter relay1 denied_max_flows)" $((10000 / SLOWNESS)) "denied_max_flows"
at_most "$(($(rss) - before))" 2048 "kB more memory after a second attack"
status_is relay1 '.clients[] | select(.name == "client") | .flows >= 1' || fail "the other client's flow is gone"
