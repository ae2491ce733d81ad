# shellcheck shell=bash source=lib.sh
# The converter connects to the server at the client's SYN, not only when the client's connection is accepted; a connection
# whose client does not come is reset after some seconds. Joins and strangers have none made.
. "$(dirname "$0")/lib.sh"
convert_network
plain_serve 9000 OPEN:/dev/null -u
learn 9000
# at_server STATE-FILTER COUNT: connections of relay 1 there
at_server() { [ "$(on server ss -Htn state "$1" "sport = 9000" dst "$(relay4 1)" | wc -l)" = "$2" ]; }
client_connects() { # SECONDS
	on client timeout $((60 * SLOWNESS)) mptcpize run python3 -c "if 1:
		import socket, time
		s = socket.create_connection(('$SERVER4', 9000))
		s.sendall(b'x' * 10000)
		time.sleep($1)" &
}
wait_for 10 at_server established 0

say "one connection becomes one, with its detours"
wait_for 30 converted_by 9000 relay1
client_connects 60
pid=$!
wait_for 10 at_server established 1
wait_for 15 vias_are "direct relay2 relay3"
at_server established 1 || fail "more than one: $(on server ss -Htn "sport = 9000")"
kill_in client python3
wait $pid || true
wait_for 10 at_server established 0

say "a stranger's SYN"
port=$(status relay1 | jq -r '.clients[0].converted.leases')
equals "$port" 1 "leases"
at=$(counter relay1 passed_converted)
port=$(on relay1 ss -HMltn | awk '{ sub(/.*:/, "", $3); print $3; exit }')
on relay2 timeout 3 python3 -c "import socket; socket.create_connection(('$(relay4 1)', ${port:-50000}), 2)" 2>/dev/null || true
equals "$(counter relay1 passed_converted)" "$at" "let to the converter"
at_server established 0 || fail "a stranger had a connection made"

# last, for afterwards the client leaves the converter alone for a minute
say "the handshake's last segment is held back: the server has a connection all the same"
on r1 nft -f - <<-NFT
	table inet late {
		chain forward { type filter hook forward priority 0;
			ip saddr $CLIENT4 ip daddr $(relay4 1) tcp flags & syn == 0 drop; }
	}
NFT
before=$(counter relay1 passed_converted)
client_connects 30
pid=$!
wait_for 10 at_server established 1
equals "$(on relay1 ss -HMn state established | wc -l)" 0 "accepted by the relay"
say "and then not any more"
wait_for 15 at_server established 0
at_least "$(counter relay1 passed_converted)" $((before + 1)) "SYNs"
kill_in client python3
wait $pid || true
on r1 nft delete table inet late
wait_for 10 status_is client '.conversions[0].why == "the converter does not answer"'
