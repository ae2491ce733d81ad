# shellcheck shell=bash source=lib.sh
# A tunnel is no door into the client's host: what a hostile relay sends through it to services of the host (a SYN, UDP,
# echo requests, both families) is dropped and counted, while detours work. Who takes the filter away finds it put back.
. "$(dirname "$0")/lib.sh"
wireguard_or_skip
standard_network 1
narrow_paths "${RATE:-40}mbit"
relay_conf 1 "$(wg_relay 1)"
relay_start 1
RELAYS=1 client_conf
carrier_set 1 wireguard
client_start
relays_up 1
ours=$(wg_name c1) theirs=$(wg_name r1)
address() { on client ip "-$1" -o addr show dev "$ours" scope global | awk '{ sub("/.*", "", $4); print $4 }'; }
is_open() { [ -n "$(address 4)" ] && [ -n "$(address 6)" ] && status_is client '.relays[0].reason == ""'; }
wait_for 10 is_open

# services of the client's host, at every address
on client socat TCP6-LISTEN:8080,ipv6only=0,fork,reuseaddr EXEC:'echo hello' &
disown
on client socat UDP6-RECVFROM:8081,ipv6only=0,fork EXEC:'cat' &
disown
wait_for 5 on client sh -c 'ss -ltn | grep -q :8080 && ss -lun | grep -q :8081'
# what a relay that means harm does on its host: WireGuard there takes its packets, for they are for the peer's address
ip -n "$PREFIX-relay1" addr add 10.99.0.1/32 dev "$theirs"
ip -n "$PREFIX-relay1" addr add fd99::1/128 dev "$theirs" nodad
for family in 4 6; do
	ip -n "$PREFIX-relay1" "-$family" route add "$(address $family)" dev "$theirs"
done
# whether the client's host answers is seen there: the honest filter at the relay drops what comes back
on client nft -f - <<-NFT
	table inet watch {
		counter answers { }
		chain output {
			type filter hook output priority 0
			oifname $ours tcp sport 8080 counter name answers
			oifname $ours udp sport 8081 counter name answers
			oifname $ours icmp type echo-reply counter name answers
			oifname $ours icmpv6 type echo-reply counter name answers
		}
	}
NFT
answers() { on client nft -j list counter inet watch answers | jq '.nftables[1].counter.packets'; }
# tcp ADDRESS, udp ADDRESS, echo_request ADDRESS: from the relay's host; true if something answers
tcp() { on relay1 timeout 1 socat -T1 - "TCP:$1:8080,connect-timeout=1" </dev/null 2>/dev/null | grep -q hello; }
udp() { echo hello | on relay1 timeout 1 socat -T0.5 - "UDP:$1:8081" 2>/dev/null | grep -q hello; }
echo_request() { on relay1 ping -c 1 -W 1 "$1" >/dev/null; }
# not through the tunnel they are answered, or the test would show nothing
for at in $CLIENT4 $CLIENT6; do
	wait_for 5 echo_request "$at"
	[ "$at" = $CLIENT4 ] || at="[$at]"
	wait_for 5 tcp "$at"
	wait_for 5 udp "$at"
done
knock() { # WHEN
	local what family at before sent
	for family in 4 6; do
		for what in tcp udp echo_request; do
			at=$(address $family)
			[ $family = 4 ] || [ $what = echo_request ] || at="[$at]"
			before=$(counter client dropped_tunnel) sent=$(answers)
			$what "$at" || true
			equals "$(($(answers) - sent))" 0 "$1: answers to $what through the tunnel, IPv$family"
			counted() { [ "$(counter client dropped_tunnel)" -gt "$before" ]; }
			wait_for 5 counted
		done
	done
}
knock "at rest"

say "detours work, and the door stays closed"
server_iperf
iperf -t $((3 + 3 * SLOWNESS)) >"$TMP/rate" &
transfer=$!
detour='.connections[].subflows[] | select(.via == "relay1" and .carrier == "wireguard" and .state == "established" and .bytes_acked > 500000)'
wait_for $((3 + 3 * SLOWNESS)) status_is client "$detour"
knock "with a detour"
wait $transfer || fail "iperf3 failed"
# a socket that the host has opened is no door for others
equals "$(on client ss -Htn state established "( sport = :8080 )" | wc -l)" 0 "connections to the service"

say "somebody takes the filter away"
tc -n "$PREFIX-client" filter del dev "$ours" ingress
filters() { tc -n "$PREFIX-client" filter show dev "$ours" ingress | grep -c tunnel; }
wait_for 5 filters
grep -q "filter of a tunnel, it is put back device=$ours" "$TMP/client.log" || fail "no word in the log"
tc -n "$PREFIX-client" qdisc del dev "$ours" clsact
wait_for 5 filters
knock "after that"
