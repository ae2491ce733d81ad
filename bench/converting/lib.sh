# shellcheck shell=bash
# What the tables of bench/convert share: networks, the server, the proxies, and how a way's connections are made.
# shellcheck source=bench/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
proxy=${HAPROXY:-haproxy} CROWD=$BUILD/crowd
for command in "$proxy" ss-server ss-tunnel; do
	command -v "$command" >/dev/null || { echo "bench/convert: install haproxy and shadowsocks-libev" >&2; exit 1; }
done

# end_limit SPACE DEVICE MBIT DELAY-US: in a guest, which has netem; without offloads, so that packets are as on a wire
end_limit() {
	local queued=$(($3 * (${QUEUE_MS:-60} * 1000 + $4) / 12000 + 1))
	on "$1" ethtool -K "$2" tso off gso off gro off >/dev/null
	on "$1" tc qdisc replace dev "$2" root netem rate "$3mbit" delay "$4us" limit "$queued"
}
# links NAME SPACE-A SPACE-B MBIT DELAY-US INTERFACE...: each in place of a veth that has this name at one end. One process
# for all of them: on a busy machine one link alone that stands still looks as if it were dead.
links() {
	local name=$1 a=$2 b=$3 mbit=$4 us=$5 device
	shift 5
	for device; do ip -n "$PREFIX-$a" link del "${device%,*}" 2>/dev/null || true; done
	if [ -n "${NETEM:-}" ]; then
		for device; do
			veth "$a" "${device%,*}" "$b" "${device#*,}"
			end_limit "$a" "${device%,*}" "$mbit" "$us"
			end_limit "$b" "${device#*,}" "$mbit" "$us"
		done
		return
	fi
	mkfifo "$TMP/link-$name"
	nice -n -15 "$BUILD/bench-slowlink" "$PREFIX-$a" "$PREFIX-$b" "$mbit" "${QUEUE_MS:-60}" "$us" "$@" 0<>"$TMP/link-$name" >"$TMP/link-$name.out" 2>&1 &
	disown
	wait_for 5 grep -q ready "$TMP/link-$name.out"
	for device; do
		ip -n "$PREFIX-$a" link set "${device%,*}" up
		ip -n "$PREFIX-$b" link set "${device#*,}" up
	done
}

# two_paths MBIT RTT-US: relay 3 converts, near the server; relay 1 makes a detour to it. 0 us: veths, without limits
#
#     client ── r1 ──── narrow: MBIT, RTT ──── r2 ─┬─ server
#                └───── thin: the same ─────── relay1
#                                                  └─ relay3
two_paths() {
	local half=$(($2 / 2))
	standard_network 1
	if [ "$half" != 0 ]; then
		ip -n "$PREFIX-r1" link del relay1
		veth relay1 eth0 r2 relay1
		links paths r1 r2 "$1" "$half" narrow thin
		addr r1 narrow 10.255.0.1/30
		addr r2 narrow 10.255.0.2/30
		route r1 203.0.113.0/28 via 10.255.0.2 table 100
		route r2 192.0.2.0/28 via 10.255.0.1
		addr r1 thin 10.255.2.1/30
		addr r2 thin 10.255.2.2/30
		addr r2 relay1 198.51.100.17/28
		addr relay1 eth0 "$(relay4 1)/28"
		route relay1 default via 198.51.100.17
		route r1 "$(relay_net 1)/28" via 10.255.2.2
		# what relay 1 sends to the client goes back by its link
		on r2 ip rule add from "$(relay_net 1)/28" to 192.0.2.0/28 lookup 100
		route r2 192.0.2.0/28 via 10.255.2.1 table 100
	fi
	space_add relay3
	veth relay3 eth0 r2 relay3
	addr r2 relay3 198.51.100.49/28
	addr relay3 eth0 "$(relay4 3)/28"
	route relay3 default via 198.51.100.49
	route r1 "$(relay_net 3)/28" via 10.255.1.2
	route r1 "$(relay_net 3)/28" via 10.255.0.2 table 100
	on r1 ip rule add from 192.0.2.0/28 to "$(relay_net 3)/28" lookup 100
	relay_conf 1 "allow = $(relay_net 3)/28"
	relay_start 1
}

# far_converter US: relay 3 is so far from r2
far_converter() {
	links far r2 relay3 1000 $(($1 / 2)) relay3,eth0
	addr r2 relay3 198.51.100.49/28
	addr relay3 eth0 "$(relay4 3)/28"
	route relay3 default via 198.51.100.49
}

# servers: plain TCP at 5202 (goodput), 8080 (a small file) and 5555 (crowd); MPTCP at 5201 and 5203
servers() {
	local port
	for port in 5201 5202 5203; do
		# shellcheck disable=SC2046 # none or two words
		on server $([ $port = 5202 ] || echo mptcpize run) iperf3 -s -p $port >/dev/null 2>&1 &
		disown
	done
	on server sysctl -qw net.core.somaxconn=65535 net.ipv4.tcp_max_syn_backlog=65535
	on server "$CROWD" serve-tcp $SERVER4 5555 2>"$TMP/serve.log" &
	disown
	mkdir -p "$TMP/www"
	echo small >"$TMP/www/small"
	web_start
	sed "s|80;|8080;|g; s|nginx.pid|plain.pid|" "$TMP/nginx.conf" >"$TMP/plain.conf"
	on server nginx -c "$TMP/plain.conf" -p "$TMP" 2>>"$TMP/nginx.log" &
	disown
	for port in 5201 5202 5203 5555 8080; do wait_for 5 listens server $port; done
}

# proxies: on relay 3, for the three ports without MPTCP: HAProxy at 6202, 6080 and 6555, shadowsocks's server; its ends at
# the client are at the same ports
proxies() {
	local pair
	on relay3 sysctl -qw net.core.somaxconn=65535 net.ipv4.tcp_max_syn_backlog=65535
	cat >"$TMP/haproxy.conf" <<-CONF
		global
			maxconn 6000
		defaults
			mode tcp
			option splice-auto
			timeout connect 10s
			timeout client 600s
			timeout server 600s
	CONF
	for pair in 6202:5202 6080:8080 6555:5555; do
		printf 'listen l%s\n\tbind %s:%s backlog 16384\n\tserver s %s:%s\n' "${pair%:*}" "$(relay4 3)" "${pair%:*}" $SERVER4 "${pair#*:}" >>"$TMP/haproxy.conf"
		on client mptcpize run ss-tunnel -s "$(relay4 3)" -p 8388 -k password -m aes-128-gcm -l "${pair%:*}" -b 127.0.0.1 -L "$SERVER4:${pair#*:}" -n 16000 >"$TMP/tunnel.log" 2>&1 &
		disown
	done
	# mptcpize keeps its own process: the proxy's is its place
	nsenter --net="/run/netns/$PREFIX-relay3" -- mptcpize run "$proxy" -db -f "$TMP/haproxy.conf" >"$TMP/haproxy.log" 2>&1 &
	echo $! >"$TMP/haproxy.pid"
	disown
	nsenter --net="/run/netns/$PREFIX-relay3" -- mptcpize run ss-server -s "$(relay4 3)" -p 8388 -k password -m aes-128-gcm -n 16000 >"$TMP/shadowsocks.log" 2>&1 &
	echo $! >"$TMP/shadowsocks.pid"
	disown
	for pair in 6202 6080 6555 8388; do wait_for 5 listens relay3 $pair; done
}

# ways_start DETOURS: servers, proxies, the converter and the client's daemon, with so many detours to relay 3
ways_start() {
	servers
	proxies
	relay_conf 3 "" "convert = yes"
	sed -i 's/^max-new-flows.*/max-new-flows = 100000\nmax-flows = 20000/; s/^log-level.*/log-level = info/' "$TMP/relay3.conf"
	relay_start 3
	RELAYS="1 3" client_conf "convert = always
max-detours = $1" "[rule endtoend]
destination = $SERVER4/32
port = 5201, 5203
convert = no
relays = relay1
[rule proxies]
destination = $(relay4 3)/32
convert = no
relays = relay1"
	client_start
	relays_up 2
}

led() { status_is client ".conversions[] | select(.remote == \"$SERVER4:$1\") | .converter == \"relay3\""; }
# ready PORT: new connections to it are converted
ready() {
	led "$1" && return
	on client mptcpize run socat -u OPEN:/dev/null "TCP4:$SERVER4:$1"
	wait_for 30 led "$1" || fail "not converted: $(status client | jq -c .conversions)"
}
# pid_of WAY: the relay's process for it
pid_of() {
	local pid
	case $1 in
	converted)
		for pid in $(ip netns pids "$PREFIX-relay3"); do
			! tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q -- --convert-process || echo "$pid"
		done
		;;
	haproxy | shadowsocks) cat "$TMP/$1.pid" ;;
	esac
}
# cpu_ns PID: of all its threads
cpu_ns() { cat "/proc/$1/task"/*/schedstat | awk '{ sum += $1 } END { printf "%.0f\n", sum }'; }
# rate WAY OPTIONS: Mbit/s of one connection
rate() {
	local way=$1
	shift
	case $way in
	direct) plain $SERVER4 5202 "$@" ;;
	converted) ready 5202; TARGET=$SERVER4 iperf -p 5202 "$@" ;;
	endtoend) TARGET=$SERVER4 iperf -p 5201 "$@" ;;
	haproxy) TARGET=$(relay4 3) iperf -p 6202 "$@" ;;
	shadowsocks) plain 127.0.0.1 6202 "$@" ;;
	esac
}
# table WHAT UNIT FILE-PREFIX WAY...: medians, the raw values, and ratios to the first two ways
table() {
	local what=$1 unit=$2 prefix=$3 way
	shift 3
	local -A middle=()
	echo "$what: medians of $(wc -l <"$TMP/$prefix-$1"), $unit"
	for way; do
		middle[$way]=$(median <"$TMP/$prefix-$way")
		echo "  $way ${middle[$way]}: $(tr '\n' ' ' <"$TMP/$prefix-$way")"
	done
	[ -n "${middle[converted]:-}" ] || return 0
	for way; do
		[ "$way" = converted ] || echo "  converted / $way: $(ratio "${middle[converted]}" "${middle[$way]}")"
	done
}
