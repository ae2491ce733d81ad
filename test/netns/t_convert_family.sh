# shellcheck shell=bash source=lib.sh
# A converter that is reached by one family, and servers of the other: IPv6 sockets get there by a mapped address or in its
# place, IPv4 sockets and those that are for IPv6 alone stay direct. The application sees the server in its own family.
. "$(dirname "$0")/lib.sh"
convert_network
plain_web
echo small >"$TMP/www/small"
chmod a+r "$TMP/www/small"
# peer FAMILY ADDRESS [V6ONLY]: fetches, and prints the peer that the socket knows
peer() {
	on client timeout $((30 * SLOWNESS)) python3 -c "if 1:
		import socket
		s = socket.socket(socket.AF_$1, socket.SOCK_STREAM, 262)
		if s.family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, ${3:-0})
		s.connect(('$2', 80))
		s.sendall(b'GET /small HTTP/1.0\r\n\r\n')
		print(s.getpeername()[0], s.recv(1000).decode().split()[1])"
}
# only FAMILY ADDRESS: relay 1 is known and reached by this one alone
only() {
	stop client
	stop relay1
	sed -i '/^listen/d; s/^\[relay\]$/&\nlisten = '"$1"':45672/' "$TMP/relay1.conf"
	relay_start 1
	RELAYS=1 client_conf "convert = auto
detour-after = 0"
	sed -i "s/^endpoint = .*/endpoint = $2:45672/" "$TMP/client.conf"
	client_start
	relays_up 1
}
led() { status_is client ".conversions[] | select(.remote == \"$1\") | .converter == \"relay1\""; }
# counted BY COMMAND...: how many converted connections the command adds
counted() {
	local at by=$1
	shift
	at=$(counter relay1 passed_converted)
	"$@" >"$TMP/peer"
	equals $(($(counter relay1 passed_converted) - at)) "$by" "converted by: $*"
}

say "an IPv6 server, a converter by IPv4"
only 0.0.0.0 "$(relay4 1)"
peer INET6 "$SERVER6" >/dev/null # shows that it has no MPTCP
wait_for 15 led "[$SERVER6]:80"
counted 1 peer INET6 "$SERVER6"
equals "$(cat "$TMP/peer")" "$SERVER6 200" "the peer"
equals "$(status client | jq -r .counters.converted)" 1 "converted, says the client"
counted 0 peer INET6 "$SERVER6" 1
equals "$(cat "$TMP/peer")" "$SERVER6 200" "the peer of a socket for IPv6 alone"

say "an IPv4 server, a converter by IPv6"
only "[::]" "[$(relay6 1)]"
peer INET "$SERVER4" >/dev/null
wait_for 15 led "$SERVER4:80"
counted 1 peer INET6 "::ffff:$SERVER4"
equals "$(cat "$TMP/peer")" "::ffff:$SERVER4 200" "the peer"
counted 0 peer INET "$SERVER4"
equals "$(cat "$TMP/peer")" "$SERVER4 200" "the peer of an IPv4 socket"
