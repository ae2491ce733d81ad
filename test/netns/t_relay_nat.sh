# shellcheck shell=bash source=lib.sh
# A relay behind 1:1 NAT: its own address is 172.31.5.4, its public one 198.51.100.18 (address = A as B).
. "$(dirname "$0")/lib.sh"
standard_network 0
router_add cloud
space_add relay1
veth relay1 eth0 cloud inside
veth cloud outside r1 relay1
addr relay1 eth0 172.31.5.4/24
addr cloud inside 172.31.5.1/24
addr cloud outside 198.51.100.18/28
addr r1 relay1 198.51.100.17/28
route relay1 default via 172.31.5.1
route cloud default via 198.51.100.17
on cloud nft -f - <<-NFT
	table ip nat {
		chain pre { type nat hook prerouting priority -100; ip daddr 198.51.100.18 dnat to 172.31.5.4; }
		chain post { type nat hook postrouting priority 100; ip saddr 172.31.5.4 snat to 198.51.100.18; }
	}
NFT
# the direct path is slow, so that the relay is used however fast the machine is
narrow_direct "${RATE:-40}mbit"
relay_conf 1 "address = 172.31.5.4 as 198.51.100.18"
relay_start 1
RELAYS=1 client_conf "detour-after = 0" # the transfers are short
client_start
relays_up 1
server_iperf
iperf -n 50M >/dev/null
iperf -n 50M -R >/dev/null
status_is relay1 '.clients[0].bytes_up > 1000000 and .clients[0].bytes_down > 1000000' || fail "$(status relay1)"
status_is client '.counters.joins_established >= 4' || fail "$(status client)"
# its own public address is not a permitted destination
equals "$(counter relay1 denied_destination)" 0 "denied destinations"
