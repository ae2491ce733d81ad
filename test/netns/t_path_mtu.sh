# shellcheck shell=bash source=lib.sh
# Links with a small MTU, the relay's own and others, from the start and during a transfer, by both carriers and families.
# Big transfers work in both directions, because the relay passes "packet too big" errors on, or sends its own.
#
#     client ── r1 ═══ wide, MTU 1300 ═══ r2 ── server        r1 ── client, MTU 1350 towards the client only
. "$(dirname "$0")/lib.sh"
standard_network 1
narrow_paths 100mbit
relay_conf 1 "" "plain-tcp = yes"
relay_start 1
RELAYS=1 client_conf
client_start
relays_up 1
server_iperf
lease() { # SERVER: the relay's address and port for it
	local subflow=".connections[] | select(.remote | contains(\"$1\")) | .subflows[] | select(.via == \"relay1\" and .state == \"established\")"
	TARGET=$1 iperf -t $((2 * SLOWNESS)) >/dev/null &
	wait_for 5 leased "$subflow"
	wait $!
}
leased() { # SUBFLOW
	status client | jq -er "[$1 | .remote] | first // empty" >"$TMP/lease" && [ -s "$TMP/lease" ]
}
through() { # LEASE OPTIONS...: over plain TCP
	local at=$1
	shift
	iperf3_run on client timeout 20 iperf3 -c "$(echo "${at%:*}" | tr -d '[]')" -p "${at##*:}" -J "$@"
}
relay_mtu() { # of its routes, because a veth does not receive what is larger than its own MTU
	on relay1 ip route change default via 198.51.100.17 mtu "$1"
	on relay1 ip -6 route change default via 2001:db8:a1::1 mtu "$1"
}
mtu() { ip -n "$PREFIX-$1" link set "$2" mtu "$3"; }
lease $SERVER4
lease4=$(cat "$TMP/lease")
lease $SERVER6
lease6=$(cat "$TMP/lease")
mtu r1 client 1350
for at in "$lease4" "$lease6"; do
	before=$(counter relay1 forwarded_icmp)
	at_least "$(through "$at" -n 5M -R)" 5 "Mbit/s down, $at"
	at_least "$(($(counter relay1 forwarded_icmp) - before))" 1 "errors from before the relay"
done
mtu r1 wide 1300
mtu r2 wide 1300
for at in "$lease4" "$lease6"; do
	before=$(counter relay1 forwarded_icmp)
	at_least "$(through "$at" -n 5M)" 5 "Mbit/s up, $at"
	at_least "$(($(counter relay1 forwarded_icmp) - before))" 1 "errors from behind the relay"
	at_least "$(through "$at" -n 5M -R)" 5 "Mbit/s down, $at"
done
mtu r1 client 1500
mtu r1 wide 1500
mtu r2 wide 1500
forget() {
	local space
	for space in client server; do
		on $space ip route flush cache
		on $space ip -6 route flush cache
	done
}
forget
say "the MTU of the relay's own route shrinks during a transfer: the redirect skips the kernel's error, the relay sends one"
for at in "$lease4" "$lease6"; do
	for reverse in "" -R; do
		relay_mtu 1500
		forget
		sleep 0.3
		before=$(counter relay1 dropped_too_big)
		through "$at" -t 3 $reverse >"$TMP/rate" &
		sleep 1
		relay_mtu 1290
		wait $! || fail "no transfer"
		at_least "$(cat "$TMP/rate")" 5 "Mbit/s ${reverse:-up}, $at"
		at_least "$(($(counter relay1 dropped_too_big) - before))" 1 "packets too big"
	done
	say "and from the start: the MSS is lowered"
	before=$(counter relay1 dropped_too_big)
	forget
	at_least "$(through "$at" -n 5M)" 5 "Mbit/s up, $at"
	equals "$(($(counter relay1 dropped_too_big) - before))" 0 "packets too big"
done
equals "$(counter relay1 dropped_window)" 0 "segments outside their window"
