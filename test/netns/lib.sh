# shellcheck shell=bash
# What every test in network namespaces shares. Source it first; it sets the trap that cleans up.
#
# The standard network, made by standard_network; each line is a veth, rates are set by narrow_paths:
#
#     client ─────── r1 ═══════ narrow ═══════ r2 ─────── server
#     192.0.2.2      ││ ─────── wide ───────── ││         203.0.113.2
#                    │└─ relay1 198.51.100.18   (relays reach the server over the wide link)
#                    └── relay2 198.51.100.34
#
# IPv6 beside it: client 2001:db8:c::2, relayN 2001:db8:aN::2, server 2001:db8:5::2.
set -euo pipefail

SKIP=77
DETOURD=${DETOURD:?set DETOURD to the binary under test}
PREFIX=dt$$
TMP=$(mktemp -d "${TMPDIR:-/tmp}/detourd-test.XXXXXX")
SPACES=()
CLIENT4=192.0.2.2 CLIENT6=2001:db8:c::2
SERVER4=203.0.113.2 SERVER6=2001:db8:5::2

say() { echo "# $*"; }
fail() {
	echo "FAILED: $*" >&2
	for log in "$TMP"/*.log; do
		[ -s "$log" ] || continue
		echo "--- ${log##*/}" >&2
		tail -n 40 "$log" >&2
	done
	for socket in "$TMP"/*.sock; do
		[ -S "$socket" ] || continue
		echo "--- ${socket##*/}" >&2
		timeout 2 "$DETOURD" status --control "$socket" | head -n 100 >&2 || true
	done
	exit 1
}
skip() {
	echo "SKIP: $*"
	exit $SKIP
}

cleanup() {
	local code=$? space pids
	trap - EXIT INT TERM
	set +e
	for space in ${SPACES[@]+"${SPACES[@]}"}; do
		pids=$(ip netns pids "$space" 2>/dev/null)
		# shellcheck disable=SC2086 # a list of pids
		[ -z "$pids" ] || kill -CONT $pids 2>/dev/null
		# shellcheck disable=SC2086
		[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
		for dev in $(ip -n "$space" -o link 2>/dev/null | sed -n 's/^[0-9]*: \(w[rc0-9]*-[0-9]*\):.*/\1/p'); do
			rm -f "/var/run/wireguard/$dev.sock"
		done
		ip netns del "$space" 2>/dev/null
	done
	for dir in /sys/fs/bpf/detourd-"$PREFIX"-*; do
		[ -d "$dir" ] || continue
		rm -f "$dir"/* && rmdir "$dir"
	done
	[ -n "${KEEP:-}" ] || rm -rf "$TMP"
	exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# wait_for SECONDS COMMAND...: until the command succeeds; longer where SLOWNESS says that the machine is slow
wait_for() {
	local deadline=$((SECONDS + $1 * ${SLOWNESS:-1})) what
	shift
	what=$*
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $deadline ] || fail "waited in vain for: $what"
		sleep 0.05
	done
}
# Milliseconds since boot.
now_ms() { awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime; }

# --- namespaces and links ---------------------------------------------------------------------------

# bpffs pins and cgroups stay in sight: nsenter, not ip netns exec
on() {
	local space=$PREFIX-$1
	shift
	nsenter --net="/run/netns/$space" -- "$@"
}
# kill_in SPACE NAME: processes of that name there; pkill would find those of every namespace
kill_in() {
	local pid
	for pid in $(ip netns pids "$PREFIX-$1"); do
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" != "$2" ] || kill "$pid" 2>/dev/null || true
	done
}
space_add() {
	local space=$PREFIX-$1
	ip netns add "$space"
	SPACES+=("$space")
	on "$1" ip link set lo up
	on "$1" sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1 \
		net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
	if on "$1" test -e /proc/sys/net/mptcp/blackhole_timeout; then
		on "$1" sysctl -qw net.mptcp.blackhole_timeout=0
	fi
	# BBR does not show a narrow path's capacity as CUBIC does
	if [ -w /proc/sys/net/ipv4/tcp_allowed_congestion_control ] &&
		grep -qw cubic /proc/sys/net/ipv4/tcp_available_congestion_control; then
		grep -qw cubic /proc/sys/net/ipv4/tcp_allowed_congestion_control ||
			echo "$(cat /proc/sys/net/ipv4/tcp_allowed_congestion_control) cubic" \
				>/proc/sys/net/ipv4/tcp_allowed_congestion_control
		on "$1" sysctl -qw net.ipv4.tcp_congestion_control=cubic
	fi
}
router_add() {
	space_add "$1"
	on "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
}
# veth A IFA B IFB
veth() {
	ip -n "$PREFIX-$1" link add "$2" type veth peer name "$4" netns "$PREFIX-$3"
	ip -n "$PREFIX-$1" link set "$2" up
	ip -n "$PREFIX-$3" link set "$4" up
}
# addr SPACE IF ADDRESS/BITS...
addr() {
	local space=$1 dev=$2 a
	shift 2
	for a in "$@"; do
		case $a in
		*:*) ip -n "$PREFIX-$space" addr add "$a" dev "$dev" nodad ;;
		*) ip -n "$PREFIX-$space" addr add "$a" dev "$dev" ;;
		esac
	done
}
route() {
	local space=$1
	shift
	ip -n "$PREFIX-$space" route add "$@"
}
# narrow SPACE IF RATE ("40mbit"): what leaves there. The bucket holds 4 ms of it, and 4 kB at least: a machine whose timers
# come late by less loses nothing of the rate.
narrow() {
	local rate=${3%bit} bytes
	bytes=$(($(numfmt --from=si "${rate^^}") / 2000))
	on "$1" tc qdisc replace dev "$2" root tbf rate "$3" burst $((bytes > 4000 ? bytes : 4000)) latency 40ms
}

relay_net() { echo "198.51.100.$((16 * $1))"; }
relay4() { echo "198.51.100.$((16 * $1 + 2))"; }
relay6() { echo "2001:db8:a$1::2"; }

# A relay host with one leg to r1.
relay_host() {
	local n=$1
	space_add "relay$n"
	veth "relay$n" eth0 r1 "relay$n"
	addr "relay$n" eth0 "$(relay4 "$n")/28" "$(relay6 "$n")/64"
	addr r1 "relay$n" "198.51.100.$((16 * n + 1))/28" "2001:db8:a$n::1/64"
	route "relay$n" default via "198.51.100.$((16 * n + 1))"
	route "relay$n" default via "2001:db8:a$n::1"
}

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
	addr client eth0 $CLIENT4/28 $CLIENT6/64
	addr r1 client 192.0.2.1/28 2001:db8:c::1/64
	addr server eth0 $SERVER4/28 $SERVER6/64
	addr r2 server 203.0.113.1/28 2001:db8:5::1/64
	addr r1 narrow 10.255.0.1/30 fd00:0:0:1::1/64
	addr r2 narrow 10.255.0.2/30 fd00:0:0:1::2/64
	addr r1 wide 10.255.1.1/30 fd00:0:0:2::1/64
	addr r2 wide 10.255.1.2/30 fd00:0:0:2::2/64
	route client default via 192.0.2.1
	route client default via 2001:db8:c::1
	route server default via 203.0.113.1
	route server default via 2001:db8:5::1
	route r1 203.0.113.0/28 via 10.255.1.2
	route r1 2001:db8:5::/64 via fd00:0:0:2::2
	route r2 default via 10.255.1.1
	route r2 default via fd00:0:0:2::1
	# the direct path is the narrow one
	route r2 192.0.2.0/28 via 10.255.0.1
	route r2 2001:db8:c::/64 via fd00:0:0:1::1
	on r1 ip rule add from 192.0.2.0/28 to 203.0.113.0/28 lookup 100
	on r1 ip -6 rule add from 2001:db8:c::/64 to 2001:db8:5::/64 lookup 100
	route r1 203.0.113.0/28 via 10.255.0.2 table 100
	route r1 2001:db8:5::/64 via fd00:0:0:1::2 table 100
	for ((n = 1; n <= relays; n++)); do relay_host "$n"; done
	on server ip mptcp limits set subflow 8 add_addr_accepted 8
}
# narrow_direct RATE: the direct path, both ways
narrow_direct() {
	narrow r1 narrow "$1"
	narrow r2 narrow "$1"
}
# narrow_paths RATE: the direct path and each relay's link, both ways
narrow_paths() {
	local dev
	narrow_direct "$1"
	for dev in $(ip -n "$PREFIX-r1" -o link | sed -n 's/^[0-9]*: \(relay[0-9]*\)@.*/\1/p'); do
		narrow r1 "$dev" "$1"
		narrow "$dev" eth0 "$1"
	done
}

# --- detourd ----------------------------------------------------------------------------------------

# key NAME: makes NAME.key and NAME.pub
key() {
	[ -f "$TMP/$1.key" ] || (
		umask 077
		"$DETOURD" genkey >"$TMP/$1.key"
	)
	"$DETOURD" pubkey <"$TMP/$1.key" >"$TMP/$1.pub"
}
pub() {
	[ -f "$TMP/$1.pub" ] || key "$1"
	cat "$TMP/$1.pub"
}
# relay_conf N [LINES in [relay]] [LINES after]: one client named "client"
relay_conf() {
	local n=$1
	key "relay$n"
	cat >"$TMP/relay$n.conf" <<-CONF
		[relay]
		private-key-file = $TMP/relay$n.key
		allow = 203.0.113.0/24, 2001:db8:5::/64
		pins = /sys/fs/bpf/detourd-$PREFIX-relay$n
		control = $TMP/relay$n.sock
		log-level = debug
		${2:-}
		[client client]
		public-key = $(pub client)
		max-new-flows = 1000
		${3:-}
	CONF
}
# WireGuard's names are the machine's: wireguard-go's sockets stand in one directory for all namespaces
wg_name() { echo "w$1-${PREFIX#dt}" | cut -c1-15; }
wg_relay() { printf 'wireguard-port = 51820\nwireguard-device = %s' "$(wg_name "r$1")"; }
# client_wg N...: these relays by WireGuard; carrier_set N CARRIER
carrier_set() {
	sed -i "/^\[relay relay$1\]/,/^public-key/{/^public-key/s|\$|\ncarrier = $2\nwireguard-device = $(wg_name "c$1")|}" "$TMP/client.conf"
}
wireguard_or_skip() {
	command -v wireguard-go >/dev/null || modprobe -q wireguard || skip "neither wireguard-go nor the kernel's WireGuard"
	[ -e /dev/net/tun ] || modprobe -q wireguard || skip "no /dev/net/tun"
}
# daemon NAME SPACE ARGUMENTS...: started, ready (its socket accepts)
daemon() {
	local name=$1 space=$2
	shift 2
	# no function here: $! is to be the daemon itself; and no standard output, which in $( ) would be waited for
	nsenter --net="/run/netns/$PREFIX-$space" -- "$DETOURD" "$@" >>"$TMP/$name.log" 2>&1 &
	disown
	echo $! >"$TMP/$name.pid"
	local deadline=$((SECONDS + 10 * ${SLOWNESS:-1}))
	until "$DETOURD" status --json --control "$TMP/$name.sock" >/dev/null 2>&1; do
		kill -0 "$(cat "$TMP/$name.pid")" 2>/dev/null || fail "$name stopped at once"
		[ $SECONDS -lt $deadline ] || fail "$name does not answer"
		sleep 0.05
	done
}
relay_start() {
	local n=$1
	[ -f "$TMP/relay$n.conf" ] || relay_conf "$n"
	daemon "relay$n" "relay$n" --relay -c "$TMP/relay$n.conf"
}
# shellcheck disable=SC2120 # tests pass arguments
# client_conf LINES in [client]; relays 1..RELAYS of both keys' families. Relays are used in order, unless CHOOSE says
# otherwise, so that a test knows which carry.
client_conf() {
	local n
	key client
	{
		printf '%s\n' "[client]" "private-key-file = $TMP/client.key" "control = $TMP/client.sock" "log-level = debug" \
			"$([ "${CHOOSE:=order}" = default ] || echo "choose = $CHOOSE")" "${1:-}"
		for n in ${RELAYS:-1 2}; do
			printf '%s\n' "[relay relay$n]" "endpoint = $(relay4 "$n"):45672" "public-key = $(pub "relay$n")"
		done
		printf '%s\n' "${2:-}"
	} >"$TMP/client.conf"
}
client_start() {
	[ -f "$TMP/client.conf" ] || client_conf
	daemon client client -c "$TMP/client.conf"
}
# stop NAME [SIGNAL]: and waits for its end
stop() {
	local pid
	pid=$(cat "$TMP/$1.pid")
	kill "-${2:-TERM}" "$pid"
	wait_for 10 gone "$pid"
}
gone() { ! kill -0 "$1" 2>/dev/null; }
status() { "$DETOURD" status --json --control "$TMP/$1.sock"; }
# status_is NAME JQ-FILTER: true when the filter is
status_is() { status "$1" | jq -e "$2" >/dev/null; }
counter() { status "$1" | jq -r ".counters.$2"; }
# Subflows that the client gave up, a line each, from its log.
given_up() { sed -n 's/^.*debug: \(.*given up.*\)/#   \1/p' "$TMP/client.log"; }
relays_up() {
	wait_for 10 status_is client "[.relays[] | select(.state == \"up\")] | length == ${1:-2}"
}

# A bare client of the protocol, which is built with the tests.
ASK=${ASK:-$(dirname "$DETOURD")/ask}
ask_or_skip() { [ -x "$ASK" ] || skip "no $ASK: built without tests"; }
# ask SPACE KEY RELAY-NUMBER LINE...: the answers, a line each
ask() {
	local space=$1 key=$2 n=$3 endpoint
	shift 3
	endpoint=$(relay4 "$n"):45672
	[ -z "${ASK6:-}" ] || endpoint="[$(relay6 "$n")]:45672"
	printf '%s\n' "$@" | on "$space" "$ASK" "$TMP/$key.key" "$(pub "relay$n")" "$endpoint"
}
# Every packet at the relay's hook that was not forwarded.
not_forwarded() { status "$1" | jq '[.counters | to_entries[] | select(.key | test("^(denied_(?!draining|quota|destination)|dropped_(no_route|error|stale|table|ttl|window)|passed_(no_flow|expired|dead|refused))")) | .value] | add'; }

# --- traffic ----------------------------------------------------------------------------------------

server_iperf() {
	on server mptcpize run iperf3 -s -D --pidfile "$TMP/iperf3.pid" --logfile "$TMP/iperf3.log" "$@" >/dev/null
	wait_for 5 on server sh -c 'ss -ltn | grep -q :5201'
}
# iperf3_run COMMAND...: goodput as seen by the receiver, in Mbit/s. iperf3 serves one at a time and may not have
# finished with the last one: then it says so, or resets the connection before that could be read; and between two it
# does not listen for a moment.
iperf3_run() {
	local tries
	for ((tries = 0; tries < 20; tries++)); do
		"$@" >"$TMP/iperf3.json" || true
		if jq -e '.end.sum_received' "$TMP/iperf3.json" >/dev/null; then
			jq -r '.end.sum_received.bits_per_second / 1e6 | . * 100 | round / 100' "$TMP/iperf3.json"
			return
		fi
		jq -e '.error | test("busy|control message: Connection reset|Connection refused")' "$TMP/iperf3.json" >/dev/null || break
		sleep 0.25
	done
	fail "iperf3: $(cat "$TMP/iperf3.json")"
}
# iperf [OPTIONS]: over MPTCP
iperf() { iperf3_run on client mptcpize run iperf3 -c "${TARGET:-$SERVER4}" -J "$@"; }
# Stable kernels of 6.1 and 6.12, as servers, refuse a join while data of its connection lies out of order with them:
# see docs/kernels.md.
refusing_server() { case $(uname -r) in 5.15.* | 6.1.* | 6.6.* | 6.12.*) ;; *) return 1 ;; esac }
# joined COMMAND...: what it prints; again if such a server refused a join meanwhile, which is counted and said. A client
# that would not ask this server again for a minute is started anew, or waited for: a relay takes eight sessions of a key.
joined() {
	local tries was said
	for ((tries = 1; ; tries++)); do
		was=$(counter client join_refused)
		said=$("$@")
		if [ $tries -ge 12 ] || ! refusing_server || [ "$(counter client join_refused)" = "$was" ]; then
			break
		fi
		say "the server refused a join, as $(uname -r) does: again" >&2
		status_is client '.server_limits == []' && continue
		echo >>"$TMP/restarts"
		if [ "$(wc -l <"$TMP/restarts")" -gt 5 ]; then
			SLOWNESS=1 wait_for 70 status_is client '.server_limits == []'
			continue
		fi
		stop client
		client_start
		wait_for 10 status_is client '[.relays[] | .state == "up" and .reason == ""] | all'
	done
	echo "$said"
}
# wait_joined SECONDS COMMAND...: as wait_for; but where it was in vain and such a server refused a join, the test ends
wait_joined() {
	local deadline=$((SECONDS + $1 * ${SLOWNESS:-1}))
	shift
	until "$@" >/dev/null 2>&1; do
		if [ $SECONDS -ge $deadline ]; then
			refusing_server && [ "$(counter client join_refused)" != 0 ] &&
				skip "the server refused a join, as $(uname -r) does: docs/kernels.md"
			fail "waited in vain for: $*"
		fi
		sleep 0.05
	done
}
# Of standard input, one number a line.
median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
# at_least VALUE LIMIT WHAT; what is no number is not enough
at_least() {
	awk -v v="$1" -v l="$2" 'BEGIN { exit !(v == v + 0 && v >= l) }' || fail "$3: $1 is less than $2"
	say "$3: $1 (at least $2)"
}
at_most() {
	awk -v v="$1" -v l="$2" 'BEGIN { exit !(v == v + 0 && v <= l) }' || fail "$3: $1 is more than $2"
	say "$3: $1 (at most $2)"
}
equals() {
	[ "$1" = "$2" ] || fail "$3: \"$1\" is not \"$2\""
	say "$3: $1"
}

# A program for TC that does not let MPTCP through, in two ways: see test/tools/middlebox.bpf.c.
MIDDLEBOX=${MIDDLEBOX:-$(dirname "$DETOURD")/middlebox.bpf.o}
# What a connection costs: see test/tools/connects.c.
CONNECTS=${CONNECTS:-$(dirname "$DETOURD")/connects}

# Thousands of MPTCP connections, by a tool that is built with the tests.
CROWD=${CROWD:-$(dirname "$DETOURD")/crowd}
crowd_or_skip() { [ -x "$CROWD" ] || skip "no $CROWD: built without tests"; }
crowd_serve() {
	on server sysctl -qw net.core.somaxconn=65535 net.ipv4.tcp_max_syn_backlog=65535
	on server "$CROWD" serve "${1:-::}" 5555 2>"$TMP/serve.log" &
	disown
	wait_for 5 on server sh -c 'ss -ltn | grep -q :5555'
}
# crowd NAME ADDRESS COUNT PER-SECOND: held until crowd_end NAME
crowd() {
	nsenter --net="/run/netns/$PREFIX-client" -- "$CROWD" open "$2" 5555 "$3" "$4" >"$TMP/crowd-$1" 2>"$TMP/crowd.log" &
	disown
	echo $! >"$TMP/crowd-$1.pid"
	wait_for 60 grep -q "^open $3 failed 0 " "$TMP/crowd-$1"
}
crowd_half() {
	kill -USR1 "$(cat "$TMP/crowd-$1.pid")"
	wait_for 20 grep -q ^left "$TMP/crowd-$1"
}
crowd_end() { stop "crowd-$1"; }
# The client's subflows by four-tuple, a line each: as the kernel has them, and as the daemon has.
subflows_of_kernel() {
	on client ss -OtnHi state established | sed -n '/tcp-ulp-mptcp/s/^ *[0-9]* *[0-9]* *\([^ ]*\) *\([^ ]*\) .*/\1 \2/p' | sed 's/\[::ffff:\([0-9.]*\)\]/\1/g; s/%[a-z0-9]*//g' | sort
}
subflows_of_daemon() { status client | jq -r '.connections[].subflows[] | select(.state == "established") | .local + " " + .remote' | sort; }
subflows_agree() {
	subflows_of_daemon >"$TMP/known"
	subflows_of_kernel >"$TMP/truth"
	cmp -s "$TMP/known" "$TMP/truth"
}

# web_root: nginx on the server, port 80 (MPTCP); files in $TMP/www
web_start() {
	mkdir -p "$TMP/www"
	cat >"$TMP/nginx.conf" <<-CONF
		daemon off;
		worker_processes 1;
		pid $TMP/nginx.pid;
		error_log $TMP/nginx.log;
		events { worker_connections 1024; }
		http {
			access_log off;
			client_body_temp_path $TMP/body; proxy_temp_path $TMP/p; fastcgi_temp_path $TMP/f;
			uwsgi_temp_path $TMP/u; scgi_temp_path $TMP/s;
			server { listen 80; listen [::]:80; root $TMP/www; }
		}
	CONF
	chmod -R a+rwX "$TMP" 2>/dev/null || true
	chmod 600 "$TMP"/*.key 2>/dev/null || true
	on server mptcpize run nginx -c "$TMP/nginx.conf" -p "$TMP" 2>>"$TMP/nginx.log" &
	disown
	wait_for 5 on server sh -c 'ss -ltn | grep -q :80'
}
# TCP streams from clients into FILE at the server; it goes on listening, or joins would be refused.
receive_start() {
	on server mptcpize run socat -u "TCP${3:-4}-LISTEN:$1,reuseaddr,fork" "OPEN:$2,creat,trunc" &
	disown
	wait_for 5 on server sh -c "ss -ltn | grep -q :$1"
}
# random_file PATH MEGABYTES
random_file() { head -c "$(($2 * 1000000))" /dev/urandom >"$1"; }
same_bytes() { cmp "$1" "$2" || fail "$1 and $2 differ"; }
# bytes_of VIA FIELD: summed over the connections in a saved status ($TMP/NAME.json)
bytes_of() { jq "[.connections[].subflows[] | select(.via == \"$2\") | .$3] | add // 0" "$TMP/$1.json"; }

# --- faults -----------------------------------------------------------------------------------------

# black_hole N...: nothing passes r1 to or from these relays; light_again: everything does
black_hole() {
	local n
	on r1 nft add table inet hole
	on r1 nft add chain inet hole forward '{ type filter hook forward priority 0; }'
	for n in "$@"; do
		on r1 nft add rule inet hole forward ip saddr "$(relay4 "$n")" drop
		on r1 nft add rule inet hole forward ip daddr "$(relay4 "$n")" drop
	done
}
light_again() { on r1 nft delete table inet hole; }
# via_bytes VIA: both ways, of the subflows there are now; VIA is a pattern
via_bytes() {
	status client | jq "[.connections[].subflows[] | select(.via | test(\"^($1)\$\")) | .bytes_acked + .bytes_received] | add // 0"
}
# moved_after VIA: milliseconds until data moves there (at most 30 s)
moved_after() {
	local begin was now
	begin=$(now_ms)
	was=$(via_bytes "$1")
	while :; do
		now=$(via_bytes "$1")
		# the SYN's byte is no data
		[ "$now" -le $((was + 100)) ] || break
		[ "$now" -ge "$was" ] || was=$now
		[ $(($(now_ms) - begin)) -lt 30000 ] || fail "no data by $1 within 30 s"
		sleep 0.05
	done
	echo $(($(now_ms) - begin))
}
