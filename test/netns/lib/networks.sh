# shellcheck shell=bash
# The standard network, made by standard_network. Each line is a veth; narrow_paths sets rates.
#
#     client ─────── r1 ═══════ narrow ═══════ r2 ─────── server
#     192.0.2.2      ││ ─────── wide ───────── ││         203.0.113.2
#                    │└─ relay1 198.51.100.18   (relays reach the server over the wide link)
#                    └── relay2 198.51.100.34
#
# IPv6 beside it: client 2001:db8:c::2, relayN 2001:db8:aN::2, server 2001:db8:5::2.
# shellcheck disable=SC2034 # tests use them
CLIENT4=192.0.2.2 CLIENT6=2001:db8:c::2
SERVER4=203.0.113.2 SERVER6=2001:db8:5::2

# Addresses of relay N.
relay_net() { echo "198.51.100.$((16 * $1))"; }
relay4() { echo "198.51.100.$((16 * $1 + 2))"; }
relay6() { echo "2001:db8:a$1::2"; }
# relay_host N: a host with one link, to r1
relay_host() {
	local n=$1
	space_add "relay$n"
	veth "relay$n" eth0 r1 "relay$n"
	addr r1 "relay$n" "198.51.100.$((16 * n + 1))/28" "2001:db8:a$n::1/64"
	{
		addr_lines eth0 "$(relay4 "$n")/28" "$(relay6 "$n")/64"
		echo "route add default via 198.51.100.$((16 * n + 1))"
		echo "route add default via 2001:db8:a$n::1"
	} | ip_batch "relay$n"
}

# standard_network [RELAYS]
standard_network() {
	local relays=${1:-2} n
	space_add client
	router_add r1
	router_add r2
	space_add server
	veth client eth0 r1 client
	veth r1 narrow r2 narrow
	veth r1 wide r2 wide
	veth server eth0 r2 server
	{
		addr_lines eth0 $CLIENT4/28 $CLIENT6/64
		echo "route add default via 192.0.2.1"
		echo "route add default via 2001:db8:c::1"
	} | ip_batch client
	{
		addr_lines eth0 $SERVER4/28 $SERVER6/64
		echo "route add default via 203.0.113.1"
		echo "route add default via 2001:db8:5::1"
	} | ip_batch server
	# from the client's addresses the narrow link leads to the server, for all others the wide one
	{
		addr_lines client 192.0.2.1/28 2001:db8:c::1/64
		addr_lines narrow 10.255.0.1/30 fd00:0:0:1::1/64
		addr_lines wide 10.255.1.1/30 fd00:0:0:2::1/64
		echo "route add 203.0.113.0/28 via 10.255.1.2"
		echo "route add 2001:db8:5::/64 via fd00:0:0:2::2"
		echo "rule add from 192.0.2.0/28 to 203.0.113.0/28 lookup 100"
		echo "route add 203.0.113.0/28 via 10.255.0.2 table 100"
		echo "route add 2001:db8:5::/64 via fd00:0:0:1::2 table 100"
	} | ip_batch r1
	ip -6 -n "$PREFIX-r1" rule add from 2001:db8:c::/64 to 2001:db8:5::/64 lookup 100
	{
		addr_lines server 203.0.113.1/28 2001:db8:5::1/64
		addr_lines narrow 10.255.0.2/30 fd00:0:0:1::2/64
		addr_lines wide 10.255.1.2/30 fd00:0:0:2::2/64
		echo "route add default via 10.255.1.1"
		echo "route add default via fd00:0:0:2::1"
		echo "route add 192.0.2.0/28 via 10.255.0.1"
		echo "route add 2001:db8:c::/64 via fd00:0:0:1::1"
	} | ip_batch r2
	for ((n = 1; n <= relays; n++)); do relay_host "$n"; done
	on server ip mptcp limits set subflow 8 add_addr_accepted 8
}

# narrow_direct RATE: limits the direct path, both ways
narrow_direct() {
	narrow r1 narrow "$1"
	narrow r2 narrow "$1"
}

# widen_paths: takes away what these two set, so that a transfer which has lasted long enough ends soon
widen_paths() {
	local space dev
	for space in "${SPACES[@]#"$PREFIX"-}"; do
		for dev in $(tc -n "$PREFIX-$space" qdisc show | sed -n 's/^qdisc tbf .* dev \([^ ]*\) root .*/\1/p'); do
			tc -n "$PREFIX-$space" qdisc del dev "$dev" root
		done
	done
}

# narrow_paths RATE: limits the direct path and the link of each relay, both ways
narrow_paths() {
	local dev
	narrow_direct "$1"
	for dev in $(ip -n "$PREFIX-r1" -o link | sed -n 's/^[0-9]*: \(relay[0-9]*\)@.*/\1/p'); do
		narrow r1 "$dev" "$1"
		narrow "$dev" eth0 "$1"
	done
}
