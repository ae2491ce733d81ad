# shellcheck shell=bash source=lib.sh
# ICMP errors and a tunnel, both families: what a router behind the relay says about packets from it comes out of it
# (packet too big, unreachable), what the relay itself says too, and what the client says about packets out of it reaches
# the server.
#
#     client ═ tunnel ═ relay1 ── r1 ── wide, MTU 1300 ── r2 ── server
# alone: measures times
. "$(dirname "$0")/lib.sh"
wireguard_or_skip
standard_network 1
narrow_paths "${RATE:-40}mbit"
relay_conf 1 "$(wg_relay 1)" "plain-tcp = yes"
relay_start 1
RELAYS=1 client_conf
carrier_set 1 wireguard
client_start
relays_up 1
server_iperf
address() { on client ip "-$1" -o addr show dev "$(wg_name c1)" scope global | awk '{ sub("/.*", "", $4); print $4 }'; }
has_addresses() { [ -n "$(address 4)" ] && [ -n "$(address 6)" ] && status_is client '.relays[0].reason == ""'; }
wait_for 10 has_addresses
say "tunnel addresses: $(address 4) $(address 6)"
# through FAMILY OPTIONS...: over plain TCP, by the tunnel
through() {
	local family=$1 server=SERVER$1
	shift
	iperf3_run on client timeout $((20 * SLOWNESS)) iperf3 -c "${!server}" -B "$(address "$family")" -J "$@"
}
# grew NAME COUNTER SINCE WHAT
grew() { at_least "$(($(counter "$1" "$2") - $3))" 1 "$4"; }

for dev in r1 r2; do ip -n "$PREFIX-$dev" link set wide mtu 1300; done
for family in 4 6; do
	before=$(counter relay1 forwarded_icmp)
	at_least "$(through $family -n 2M)" 3 "Mbit/s up, IPv$family"
	grew relay1 forwarded_icmp "$before" "errors from behind the relay"
done
for dev in r1 r2; do ip -n "$PREFIX-$dev" link set wide mtu 1500; done
for space in client server; do
	on $space ip route flush cache
	on $space ip -6 route flush cache
done

say "the relay's own route shrinks in mid-flow"
for family in 4 6; do
	net=2001:db8:5::/64 via=2001:db8:a1::1
	[ $family = 6 ] || net=203.0.113.0/24 via=198.51.100.17
	before=$(counter relay1 dropped_too_big)
	through $family -t 2 >"$TMP/rate" &
	sleep 1
	# to the server only: the tunnel's own packets go otherwise
	on relay1 ip "-$family" route add $net via $via mtu 1290
	wait $! || fail "no transfer"
	at_least "$(cat "$TMP/rate")" 3 "Mbit/s up, IPv$family"
	grew relay1 dropped_too_big "$before" "packets too big"
	on relay1 ip "-$family" route del $net
done

# connect FAMILY: milliseconds and the error
connect() {
	local server=SERVER$1
	on client python3 - "$(address "$1")" "${!server}" <<-'PY'
		import errno, socket, sys, time
		ours, server = sys.argv[1:]
		s = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET)
		s.settimeout(10)
		s.bind((ours, 0))
		begin, said = time.monotonic(), "connected"
		try:
		    s.connect((server, 5201))
		except OSError as e:
		    said = errno.errorcode.get(e.errno, str(e))
		print(said, int((time.monotonic() - begin) * 1000))
	PY
}
say "a router behind the relay says that the server is unreachable"
on r2 nft -f - <<-NFT
	table inet wall {
		chain forward {
			type filter hook forward priority 0
			ip daddr $SERVER4 tcp flags & (syn | ack) == syn counter reject with icmp host-unreachable
			ip6 daddr $SERVER6 tcp flags & (syn | ack) == syn counter reject with icmpv6 addr-unreachable
		}
	}
NFT
for family in 4 6; do
	before=$(counter relay1 forwarded_icmp)
	read -r said ms <<<"$(connect $family)"
	[ "$said" = EHOSTUNREACH ] || { on r2 nft list ruleset; on server ss -tan; on client ss -tan; }
	equals "$said" EHOSTUNREACH "connect, IPv$family"
	at_most_ms "$ms" 500 "after ms"
	grew relay1 forwarded_icmp "$before" "errors from behind the relay"
done
on r2 nft delete table inet wall

say "the client's host refuses what comes out of the tunnel"
on client nft -f - <<-NFT
	table inet wall {
		chain input {
			type filter hook input priority 0
			iifname $(wg_name c1) tcp sport 5201 meta nfproto ipv4 reject with icmp admin-prohibited
			iifname $(wg_name c1) tcp sport 5201 meta nfproto ipv6 reject with icmpv6 admin-prohibited
		}
	}
NFT
for family in 4 6; do
	name=Icmp6InDestUnreachs
	[ $family = 6 ] || name=IcmpInDestUnreachs
	heard() { on server nstat -asz $name | awk '/Unreachs/ { print $2 }'; }
	before=$(counter relay1 forwarded_icmp) heard=$(heard)
	on client timeout 1 python3 -c "import socket; socket.create_connection(('$([ $family = 4 ] && echo $SERVER4 || echo $SERVER6)', 5201), 0.5, ('$(address $family)', 0))" 2>/dev/null || true
	grew relay1 forwarded_icmp "$before" "errors from before the relay, IPv$family"
	at_least $(($(heard) - heard)) 1 "errors that the server heard"
done
equals "$(counter relay1 dropped_icmp)" 0 "errors that quoted nothing"
