# shellcheck shell=bash source=lib.sh
# carrier = auto: NAT, and where something on the way drops joins to the relay's ports, WireGuard.
. "$(dirname "$0")/lib.sh"
wireguard_or_skip
standard_network 1
narrow_paths "${RATE:-40}mbit"
relay_conf 1 "$(wg_relay 1)"
relay_start 1
RELAYS=1 client_conf
carrier_set 1 auto
client_start
relays_up 1
server_iperf
iperf -t 1 >/dev/null
status_is client '.relays[0].carrier == "nat" and .counters.join_timeout == 0' || fail "$(status client)"
status_is relay1 '.clients[0].leases >= 1 and .counters.flows_started >= 1' || fail "$(status relay1)"
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
