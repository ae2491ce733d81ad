# shellcheck shell=bash source=lib.sh
# Two clients with keys of their own behind one home NAT address, and one with a public address: each has leases and ports
# of its own, and cannot use those of another.
#
#     client  192.168.1.2 ┐
#                         ├─ home (masquerades as 192.0.2.3) ── r1
#     client2 192.168.1.3 ┘
. "$(dirname "$0")/lib.sh"
standard_network 1
router_add home
space_add lan
ip -n "$PREFIX-lan" link add bridge0 type bridge
ip -n "$PREFIX-lan" link set bridge0 up
for n in 1 2; do
	space_add "home$n"
	veth "home$n" eth0 lan "port$n"
	ip -n "$PREFIX-lan" link set "port$n" master bridge0
	addr "home$n" eth0 192.168.1.$((n + 1))/24
	route "home$n" default via 192.168.1.1
done
veth home lan lan port0
ip -n "$PREFIX-lan" link set port0 master bridge0
addr home lan 192.168.1.1/24
veth home wan r1 home
addr home wan 192.0.2.19/28
addr r1 home 192.0.2.17/28
route home default via 192.0.2.17
route r2 192.0.2.16/28 via 10.255.0.1
on r1 ip rule add from 192.0.2.16/28 to 203.0.113.0/28 lookup 100
on home nft -f - <<-NFT
	table ip nat {
		chain post { type nat hook postrouting priority 100; oifname "wan" masquerade random; }
	}
NFT
key client2
key client3
relay_conf 1 "" "$(printf '[client two]\npublic-key = %s\n[client three]\npublic-key = %s' "$(pub client2)" "$(pub client3)")"
relay_start 1
RELAYS=1 client_conf
cp "$TMP/client.conf" "$TMP/open.conf"
for n in 1 2 3; do
	k=client$n
	[ $n = 1 ] && k=client
	sed "s|$TMP/client.key|$TMP/$k.key|; s|control = .*|control = $TMP/c$n.sock|" "$TMP/open.conf" >"$TMP/c$n.conf"
done
daemon c1 home1 -c "$TMP/c1.conf"
daemon c2 home2 -c "$TMP/c2.conf"
daemon c3 client -c "$TMP/c3.conf"
for n in 1 2 3; do wait_for 10 status_is c$n '.relays[0].state == "up"'; done
web_start
random_file "$TMP/www/file" 100
limit=$((8192 / SLOWNESS))k
on home1 mptcpize run curl -sS --limit-rate "$limit" -o "$TMP/got1" "http://$SERVER4/file" &
a=$!
on home2 mptcpize run curl -sS --limit-rate "$limit" -o "$TMP/got2" "http://$SERVER4/file" &
b=$!
on client mptcpize run curl -sS --limit-rate "$limit" -o "$TMP/got3" "http://$SERVER4/file" &
c=$!
for n in 1 2 3; do wait_for 10 status_is c$n '.connections[0].subflows[] | select(.via == "relay1" and .bytes_received > 1000000)'; done
port() { status "$1" | jq -r '.connections[0].subflows[] | select(.via == "relay1") | .remote'; }
equals "$(printf '%s\n' "$(port c1)" "$(port c2)" "$(port c3)" | sort -u | wc -l)" 3 "relay ports in use"
status_is relay1 '[.clients[] | select(.leases == 1 and .flows >= 1)] | length == 3' || fail "clients: $(status relay1)"
# the client with a public address tries a port that is leased to one at home
at=$(counter relay1 denied_no_lease)
on client timeout 1.5 curl -sS --connect-timeout 1 "http://$(port c1)/" >/dev/null 2>&1 && fail "another client's lease works"
at_least "$(($(counter relay1 denied_no_lease) - at))" 1 "SYN without a lease dropped"
# A client behind the same public address may know the port: see docs/security.md. The gate drops its plain SYN, the server
# refuses its join, and both count for the client that has the lease; its transfer goes on.
at=$(counter relay1 denied_gate_syn)
on home2 python3 "$(dirname "$0")/syn.py" 192.168.1.3 "$(relay4 1)" "$(port c1 | sed 's/.*://')" plain
wait_for 5 status_is relay1 ".counters.denied_gate_syn > $at"
flows() { status relay1 | jq ".clients[] | select(.name == \"$1\") | .flows"; }
at=$(flows client) neighbours=$(flows two)
for _ in 1 2 3; do on home2 python3 "$(dirname "$0")/syn.py" 192.168.1.3 "$(relay4 1)" "$(port c1 | sed 's/.*://')" join; done
wait_for 5 sh -c "[ \"\$('$DETOURD' status --json --control '$TMP/relay1.sock' | jq '.clients[0].flows')\" = $((at + 3)) ]"
equals "$(flows two)" "$neighbours" "flows of the neighbour itself"
wait $a $b $c || fail "curl failed"
for n in 1 2 3; do same_bytes "$TMP/www/file" "$TMP/got$n"; done
