# shellcheck shell=bash source=lib.sh
# A relay that lies to the client: it grants leases for no time, names an address of the client's network to join at and
# to talk to, and gives the server's address as the client's in the tunnel. The client joins nothing there, does not take
# the address, asks and logs little; and the honest relay carries.
. "$(dirname "$0")/lib.sh"
standard_network 2
narrow_paths "${RATE:-40}mbit"
LIAR=${LIAR:-$(dirname "$DETOURD")/liar}
[ -x "$LIAR" ] || skip "no $LIAR: built without tests"
NEAR=192.0.2.1 # the client's router
key relay1
key client
# not by on(), or $! were a shell's
nsenter --net="/run/netns/$PREFIX-relay1" -- "$LIAR" "$TMP/relay1.key" "$(pub client)" "$(relay4 1):45672" $NEAR $SERVER4 >"$TMP/heard" &
liar=$!
relay_start 2
client_conf "detour-after = 0"
carrier_set 1 auto
on client nft -f - <<-NFT
	table inet watch {
		counter near { }
		chain output {
			type filter hook output priority 0
			ip daddr $NEAR tcp dport 1-65535 counter name near
			ip daddr $NEAR udp dport 1-65535 counter name near
		}
	}
NFT
near() { on client nft -j list counter inet watch near | jq '.nftables[1].counter.packets'; }
client_start
relays_up 2
server_iperf
begin=$SECONDS
at_least "$(iperf -t $((3 + 2 * SLOWNESS)))" 1 "Mbit/s, uploading"
wait_for 5 status_is client '.connections | length == 0'
status_is client '.counters.joins_established >= 1' || fail "no detour by the honest relay"
status_is client '.counters.relay_addresses_refused >= 1' || fail "no address was refused"
equals "$(near)" 0 "packets to the address that the liar named"
equals "$(on client ip -4 -o addr | grep -c " ${SERVER4}[/ ]")" 0 "addresses of the server that the client has"
# it probes every two seconds, and asks for leases of a few connections and for the tunnel
kill $liar
wait $liar || true
seconds=$((SECONDS - begin + 5))
at_most "$(cat "$TMP/heard")" $((10 * seconds)) "datagrams to the liar"
at_most "$(grep -cE '(warning|info): .*relay=relay1' "$TMP/client.log")" $((20 + seconds / 3 + 1)) "lines of the log about the liar"
grep -q "relay names an address that is not used.*relay=relay1 address=$NEAR" "$TMP/client.log" || fail "no word in the log"
