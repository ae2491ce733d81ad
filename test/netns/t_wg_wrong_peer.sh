# shellcheck shell=bash source=lib.sh
# The wrong peer at the other end of a tunnel: relay 1's device has another key than the relay said, relay 2's does not
# know ours. WireGuard answers neither, so what is said is that no handshake comes about; a NAT relay and the direct path
# carry on.
. "$(dirname "$0")/lib.sh"
wireguard_or_skip
command -v wg >/dev/null || skip "no wg (Debian package wireguard-tools)"
standard_network 3
narrow_paths "${RATE:-40}mbit"
relay_conf 1 "$(wg_relay 1)"
relay_conf 2 "$(wg_relay 2)"
for n in 1 2 3; do relay_start $n; done
web_start
random_file "$TMP/www/file" $((2 * SLOWNESS))
RELAYS="1 2 3" client_conf "detour-after = 0"
carrier_set 1 wireguard
carrier_set 2 wireguard
at_relay() { # N COMMAND...
	local n=$1 command=$2
	shift 2
	on "relay$n" wg "$command" "$(wg_name "r$n")" "$@"
}
(umask 077 && "$DETOURD" genkey >"$TMP/theirs")
at_relay 1 set private-key "$TMP/theirs"
on r1 nft -f - <<-NFT
	table inet box {
		chain forward {
			type filter hook forward priority 0
			udp dport 51820 drop
		}
	}
NFT
client_start
relays_up 3
# no handshake before it is another's key that relay 2 knows
peers() { at_relay 2 show peers; }
has_peer() { [ -n "$(peers)" ]; }
wait_for 5 has_peer
at_relay 2 set peer "$(peers)" remove peer "$(pub other)" allowed-ips 0.0.0.0/0
on r1 nft delete table inet box

words="no handshake with the relay's UDP port 51820"
reason_is() { status_is client ".relays[$1 - 1].reason | test(\"$2\")"; }
for n in 1 2; do
	wait_for 10 reason_is $n "$words"
	say "relay $n: $(status client | jq -r ".relays[$n - 1].reason")"
	equals "$(grep -c "no WireGuard tunnel: $words.*relay=relay$n" "$TMP/client.log")" 1 "lines in the log"
done
on client mptcpize run curl -sS --limit-rate 1M -o "$TMP/got" "http://$SERVER4/file" &
curl=$!
by_relay3() {
	status client >"$TMP/then.json"
	jq -e '.connections[0].subflows[] | select(.via == "relay3" and .carrier == "nat" and .state == "established")' "$TMP/then.json"
}
wait_for 5 by_relay3
for n in 1 2; do
	jq -e ".connections[0].why | test(\"relay$n: .*$words\")" "$TMP/then.json" >/dev/null || fail "why: $(jq '.connections[0].why' "$TMP/then.json")"
done
equals "$(jq '[.connections[0].subflows[] | select(.via == "relay1" or .via == "relay2")] | length' "$TMP/then.json")" 0 "detours over the wrong peers"
wait $curl || fail "curl failed"
same_bytes "$TMP/www/file" "$TMP/got"
