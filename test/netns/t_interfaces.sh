# shellcheck shell=bash source=lib.sh
# interfaces: plain subflows from a second interface that no route of the host's leads to; as backup; by glob; through
# link changes, new addresses and reloads; beside detours at a server with the default limit.
#
#     client eth1 192.0.2.66, 2001:db8:c2::2 (default routes of higher metric, no source rules, rp_filter=1) ── r1 second
. "$(dirname "$0")/lib.sh"
standard_network 2
veth client eth1 r1 second
addr client eth1 192.0.2.66/28 2001:db8:c2::2/64
addr r1 second 192.0.2.65/28 2001:db8:c2::1/64
route client default via 192.0.2.65 metric 500
route client default via 2001:db8:c2::1 metric 2000
narrow_paths 50mbit
narrow r1 second 50mbit
narrow client eth1 50mbit

IDLE=20000 # bytes: a handshake, keep-alives, the subflow's MP_PRIO
# crossed FIELD: bytes at r1's end of the second interface: rx (up) or tx (down)
crossed() { ip -n "$PREFIX-r1" -s -j link show second | jq ".[0].stats64.$1.bytes"; }
eth1='.connections[].subflows[] | select(.interface == "eth1" and .via == "direct" and .state == "established")'
has_eth1() { status_is client "[$eth1] | length == ${1:-2}"; } # iperf3 has two connections
rules() { { on client ip rule; on client ip -6 rule; } | grep -c '^4567:' || true; }
tables() { { on client ip route show table all; on client ip -6 route show table all; } | grep -c 'table 46' || true; }
conf() { RELAYS='' client_conf "$1" "${2:-}"; }
# flow SECONDS OPTIONS...: iperf3 in the background, with its connection seen
flow() {
	local seconds=$1
	shift
	on client mptcpize run iperf3 -c "${TARGET:-$SERVER4}" -t "$seconds" -J "$@" >"$TMP/flow.json" 2>&1 &
	FLOW=$!
	wait_for 5 status_is client '.connections | length == 2'
}
flow_end() {
	kill_in client iperf3
	wait $FLOW 2>/dev/null || true
	wait_for 10 status_is client '.connections | length == 0'
}
reload() {
	kill -HUP "$(cat "$TMP/client.pid")"
}

conf "interfaces = eth1"
client_start
server_iperf
for TARGET in $SERVER4 $SERVER6; do
	for way in "" -R; do
		rx=$(crossed rx) tx=$(crossed tx)
		# shellcheck disable=SC2086 # an option or none
		flow 1 $way
		wait_for 5 has_eth1
		wait $FLOW || fail "iperf3: $(cat "$TMP/flow.json")"
		[ -n "$way" ] && moved=$(($(crossed tx) - tx)) || moved=$(($(crossed rx) - rx))
		at_least $moved 1000000 "bytes by eth1 ${way:-up} to $TARGET"
		wait_for 10 status_is client '.connections | length == 0'
	done
done
TARGET=$SERVER4
# the rules change nothing for what is on the spot or what has a route of its own
equals "$(on client ip route get 192.0.2.1 from 192.0.2.66 | grep -o 'dev [a-z0-9]*')" "dev eth0" "a neighbour, from eth1's address"

say "backup: idle until the direct path dies"
conf "interfaces = eth*" "$(printf '[interface eth1]\nbackup = yes')"
flow 20 -b 20M
wait_for 5 has_eth1
reload
wait_for 3 status_is client "[$eth1 | select(.backup)] | length == 2"
wait_for 3 on server sh -c "ss -Htni 'dst 192.0.2.66' | grep -q 'tcp-ulp-mptcp.*flags:[A-Za-z]*B'" # the server's B: told by MP_PRIO
sleep 0.5
rx=$(crossed rx)
sleep 1
at_most $(($(crossed rx) - rx)) $IDLE "bytes by the backup in a second"
conf "interfaces = eth*"
reload
wait_for 3 status_is client "[$eth1 | select(.backup)] | length == 0"
rx=$(crossed rx)
sleep 1
at_least $(($(crossed rx) - rx)) 100000 "bytes a second later, no backup any more"
conf "interfaces = eth*" "$(printf '[interface eth1]\nbackup = yes')"
reload
wait_for 3 status_is client "[$eth1 | select(.backup)] | length == 2"
flow_end
for way in "" -R; do
	rx=$(crossed rx) tx=$(crossed tx)
	# shellcheck disable=SC2086
	flow 20 -b 20M $way
	wait_for 5 status_is client "[$eth1 | select(.backup)] | length == 2"
	sleep 1
	at_most $(($(crossed rx) - rx + $(crossed tx) - tx)) $((5 * IDLE)) "bytes by the backup, from its first"
	for end in from to; do on r1 ip rule add prio 50 $end $CLIENT4 blackhole; done
	wait_for 8 eval "[ \$((\$(crossed rx) + \$(crossed tx))) -gt $((rx + tx + 2000000)) ]"
	for end in from to; do on r1 ip rule del prio 50 $end $CLIENT4 blackhole; done
	flow_end
done

say "backup where the connections start"
conf "interfaces = eth*" "$(printf '[interface eth0]\nbackup = yes')"
reload
flow 20 -b 20M
wait_for 5 has_eth1
wait_for 3 status_is client '[.connections[].subflows[] | select(.backup and (.local | startswith("192.0.2.2:")))] | length == 2'
wait_for 3 on server sh -c "ss -Htni 'dst 192.0.2.2' | grep -q 'tcp-ulp-mptcp.*flags:[A-Za-z]*B'"
sleep 0.5
rx=$(crossed rx)
sleep 1
at_least $(($(crossed rx) - rx)) 1500000 "bytes a second by eth1, all there are"
flow_end

say "the interface goes and comes back, with another address"
conf "interfaces = eth1"
reload
flow 30 -b 20M
wait_for 5 has_eth1
ip -n "$PREFIX-client" link set eth1 down
wait_for 5 has_eth1 0
ip -n "$PREFIX-client" link set eth1 up
route client default via 192.0.2.65 metric 500
wait_for 5 has_eth1 2
ip -n "$PREFIX-client" addr del 192.0.2.66/28 dev eth1
addr client eth1 192.0.2.67/28
route client default via 192.0.2.65 metric 500
wait_for 5 status_is client "[$eth1 | select(.local | startswith(\"192.0.2.67:\"))] | length == 2"
has_eth1 2 || fail "a subflow of the old address is left"
rx=$(crossed rx)
sleep 1
at_least $(($(crossed rx) - rx)) 100000 "bytes a second from the new address"
addr r1 second 192.0.2.68/28
ip -n "$PREFIX-client" route replace default via 192.0.2.68 metric 500
wait_for 3 on client sh -c "ip route show table all | grep -q 'default via 192.0.2.68 dev eth1 table 46'"
on client ip rule | grep '192.0.2.66' && fail "the old address's rule is left"

say "reloads take it away and bring it"
conf ""
reload
wait_for 5 has_eth1 0
equals "$(rules)" 0 "rules left"
equals "$(tables)" 0 "routes left"
conf "interfaces = e?h1"
reload
wait_for 5 has_eth1 2

say "stop"
stop client
equals "$(rules)" 0 "rules left"
equals "$(tables)" 0 "routes left"
