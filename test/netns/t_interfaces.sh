# shellcheck shell=bash source=lib.sh
# interfaces: plain subflows from a second interface, which the host's routes do not use, in both directions and families.
# As backup they are idle until the direct path dies.
. "$(dirname "$0")/lib.sh"
# shellcheck source=second.sh
. "$(dirname "$0")/second.sh"

backup_s=$((16 + 4 * SLOWNESS))
IDLE=20000 # bytes: a handshake, keep-alives, the subflow's MP_PRIO

conf "interfaces = eth1"
client_start
server_iperf
for TARGET in $SERVER4 $SERVER6; do
	for way in "" -R; do
		rx=$(crossed rx) tx=$(crossed tx)
		# shellcheck disable=SC2086 # an option or none
		flow "$SLOWNESS" $way
		wait_for_join 5 has_eth1
		wait $FLOW || fail "iperf3: $(cat "$TMP/flow.json")"
		[ -n "$way" ] && moved=$(($(crossed tx) - tx)) || moved=$(($(crossed rx) - rx))
		at_least $moved 1000000 "bytes by eth1 ${way:-up} to $TARGET"
		wait_for 10 status_is client '.connections | length == 0'
	done
done
TARGET=$SERVER4
# the rules do not change the way to neighbours
equals "$(on client ip route get 192.0.2.1 from 192.0.2.66 | grep -o 'dev [a-z0-9]*')" "dev eth0" "a neighbour, from eth1's address"

say "backup: idle until the direct path dies"
conf "interfaces = eth*" "$(printf '[interface eth1]\nbackup = yes')"
flow $backup_s -b 20M
wait_for_join 5 has_eth1
reload
wait_for 3 has_eth1 2 '.backup'
wait_for 3 on server sh -c "ss -Htni 'dst 192.0.2.66' | grep -q 'tcp-ulp-mptcp.*flags:[A-Za-z]*B'" # the server's B: told by MP_PRIO
sleep 0.5
rx=$(crossed rx)
sleep 1
at_most $(($(crossed rx) - rx)) $IDLE "bytes by the backup in a second"
conf "interfaces = eth*"
reload
wait_for 3 has_eth1 0 '.backup'
rx=$(crossed rx)
sleep 1
at_least $(($(crossed rx) - rx)) 100000 "bytes a second later, no backup any more"
conf "interfaces = eth*" "$(printf '[interface eth1]\nbackup = yes')"
reload
wait_for 3 has_eth1 2 '.backup'
flow_end
for way in "" -R; do
	rx=$(crossed rx) tx=$(crossed tx)
	# shellcheck disable=SC2086
	flow $backup_s -b 20M $way
	wait_for_join 5 has_eth1 2 '.backup'
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
flow $backup_s -b 20M
wait_for_join 5 has_eth1
wait_for 3 status_is client '[.connections[].subflows[] | select(.backup and (.local | startswith("192.0.2.2:")))] | length == 2'
wait_for 3 on server sh -c "ss -Htni 'dst 192.0.2.2' | grep -q 'tcp-ulp-mptcp.*flags:[A-Za-z]*B'"
sleep 0.5
rx=$(crossed rx)
sleep 1
at_least $(($(crossed rx) - rx)) 1500000 "bytes a second by eth1, all there are"
flow_end
