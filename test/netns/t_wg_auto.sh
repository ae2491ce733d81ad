# shellcheck shell=bash source=lib.sh
# carrier = auto: NAT, and where something on the way drops joins to the relay's ports, WireGuard. A rule's carrier goes
# before the relay's.
. "$(dirname "$0")/lib.sh"
wireguard_or_skip
standard_network 1
narrow_paths "${RATE:-40}mbit"
relay_conf 1 "$(wg_relay 1)"
relay_start 1
RELAYS=1 client_conf "" "[rule tunnelled]
port = 9002
carrier = wireguard"
carrier_set 1 auto
client_start
relays_up 1
server_iperf
iperf -t 1 >/dev/null
status_is client '.relays[0].carrier == "nat" and .counters.join_timeout == 0' || fail "$(status client)"
status_is relay1 '.clients[0].leases >= 1 and .counters.flows_started >= 1' || fail "$(status relay1)"
receive_start 9002 /dev/null
on client mptcpize run sh -c "(head -c 300000 /dev/zero; sleep 60) | socat -u - TCP4:$SERVER4:9002" &
disown
wait_for 10 status_is client '[.connections[] | select(.remote | endswith(":9002")) | .subflows[] | select(.via == "relay1" and .state == "established")] | length == 1 and .[0].carrier == "wireguard"'
status_is client '.relays[0].carrier == "nat"' || fail "by the rule, the relay went over to WireGuard for all"
# the middlebox
on r1 nft -f - <<-NFT
	table inet box {
		chain forward {
			type filter hook forward priority 0;
			tcp dport 50000-59999 tcp flags & (syn | ack) == syn drop
		}
	}
NFT
on client mptcpize run iperf3 -c $SERVER4 -t 60 >/dev/null 2>&1 &
disown
wait_for 15 status_is client '.connections[].subflows[] | select(.carrier == "wireguard" and .state == "established" and .bytes_acked > 500000)'
status_is client '.relays[0].carrier == "wireguard" and .counters.join_timeout >= 1' || fail "$(status client)"
grep -q 'going over to WireGuard' "$TMP/client.log" || fail "no word in the log"
