# shellcheck shell=bash
# A server without MPTCP, and relay 1 as a converter for it. Relays 2 and 3 make detours to relay 1.

# convert_network: three relays, and a client with convert = auto
# shellcheck disable=SC2120 # tests pass arguments
convert_network() { # [LINES in the relay's [client]]
	standard_network 3
	on relay1 ip mptcp limits set subflow 8 add_addr_accepted 8
	relay_conf 1 "log-flows = $TMP/flows" "convert = yes
${1:-}"
	relay_conf 2 "allow = $(relay_net 1)/28"
	relay_conf 3 "allow = $(relay_net 1)/28"
	relay_start 1
	relay_start 2
	relay_start 3
	RELAYS="1 2 3" client_conf "convert = auto
detour-after = 0"
	client_start
	relays_up 3
}

# plain_serve PORT ADDRESS [-u|-U]: socat there, plain TCP; ADDRESS is where it writes to (-u), reads from (-U), or both
plain_serve() {
	# shellcheck disable=SC2086 # one or none
	on server socat ${3:-} "TCP4-LISTEN:$1,reuseaddr,fork,backlog=64" "$2" 2>>"$TMP/socat.log" &
	disown
	wait_for 5 listens server "$1"
}
# plain_web: nginx without MPTCP, port 80, serves the files in $TMP/www
plain_web() {
	web_start
	kill_in server nginx
	wait_for 5 sh -c "! nsenter --net=/run/netns/$PREFIX-server ss -Htln 'sport = 80' | grep -q ."
	nsenter --net="/run/netns/$PREFIX-server" -- nginx -c "$TMP/nginx.conf" -p "$TMP" 2>>"$TMP/nginx.log" &
	disown
	wait_for 5 listens server 80
}
# converted_by PORT RELAY: new connections to this port of the server are converted
converted_by() { status_is client ".conversions[] | select(.remote == \"$SERVER4:$1\") | .converter == \"$2\""; }
# learn PORT: makes a connection, which shows that the server has no MPTCP, and waits until the next one is converted
learn() {
	on client timeout $((15 * SLOWNESS)) mptcpize run python3 -c "import socket; socket.create_connection(('$SERVER4', $1)).close()"
	wait_for 10 converted_by "$1" relay1
}
# MPTCP connections that relay 1 has accepted and not closed
accepted() { on relay1 ss -HMtn state established "sport >= 50000" 2>/dev/null | wc -l; }
# servers_peers PORT: the addresses of those that are connected to the server there
servers_peers() { on server ss -Htn state established "sport = $1" | awk '{ sub(/:[0-9]*$/, "", $4); print $4 }' | sort -u; }
# copier: the process id of relay 1's copying process
copier() {
	local pid
	for pid in $(ip netns pids "$PREFIX-relay1"); do
		! tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q -- --convert-process || echo "$pid"
	done
}
