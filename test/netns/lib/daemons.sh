# shellcheck shell=bash
# detourd as relay and as client: keys, configuration files, start and stop, what status says.

# key NAME: makes NAME.key and NAME.pub
key() {
	[ -f "$TMP/$1.key" ] || (
		umask 077
		"$DETOURD" genkey >"$TMP/$1.key"
	)
	"$DETOURD" pubkey <"$TMP/$1.key" >"$TMP/$1.pub"
}

# pub NAME: prints the public key; makes the pair if there is none
pub() {
	[ -f "$TMP/$1.pub" ] || key "$1"
	cat "$TMP/$1.pub"
}

# relay_conf N [LINES in [relay]] [LINES after]: with one client named "client"
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
		$(case ${2:-} in *"state = "*) ;; *) echo "state = $TMP/relay$n.state" ;; esac)
		${2:-}
		[client client]
		public-key = $(pub client)
		max-new-flows = 1000
		${3:-}
	CONF
}

# wg_name WHAT: the name of a WireGuard device. Unique on the machine, since wireguard-go has its sockets in one directory
# for all namespaces.
wg_name() { echo "w$1-${PREFIX#dt}" | cut -c1-15; }
# wg_relay N: lines in [relay] which turn WireGuard on
wg_relay() { printf 'wireguard-port = 51820\nwireguard-device = %s' "$(wg_name "r$1")"; }
# carrier_set N CARRIER: in the client's configuration, relay N is used by that carrier
carrier_set() {
	sed -i "/^\[relay relay$1\]/,/^public-key/{/^public-key/s|\$|\ncarrier = $2\nwireguard-device = $(wg_name "c$1")|}" "$TMP/client.conf"
}

wireguard_or_skip() {
	command -v wireguard-go >/dev/null || modprobe -q wireguard || skip "neither wireguard-go nor the kernel's WireGuard"
	[ -e /dev/net/tun ] || modprobe -q wireguard || skip "no /dev/net/tun"
}

# wireguard_first: wireguard-go waits for no other test. A packet in the kernel does not wait for a processor either, and a
# tunnel that is silent for some 60 ms, while the direct path is not, is given up.
wireguard_first() {
	local pids
	pids=$(pgrep -f "^wireguard-go w[cr][0-9]+-${PREFIX#dt}\$") || return 0
	# shellcheck disable=SC2086 # a list of pids
	renice -n -15 -p $pids >/dev/null
}

# daemon NAME SPACE ARGUMENTS...: starts detourd and waits until its control socket answers
daemon() {
	local name=$1 space=$2
	shift 2
	# not by on(), or $! were a shell's; with its output in a file, or $(...) around this would wait for the daemon
	nsenter --net="/run/netns/$PREFIX-$space" -- "$DETOURD" "$@" >>"$TMP/$name.log" 2>&1 &
	disown
	echo $! >"$TMP/$name.pid"
	local begin=$SECONDS
	until "$DETOURD" status --json --control "$TMP/$name.sock" >/dev/null 2>&1; do
		kill -0 "$(cat "$TMP/$name.pid")" 2>/dev/null || fail "$name stopped at once"
		in_time "$begin" 10 || fail "$name does not answer"
		sleep "$LOOK_PAUSE"
	done
}

relay_start() {
	local n=$1
	[ -f "$TMP/relay$n.conf" ] || relay_conf "$n"
	daemon "relay$n" "relay$n" --relay -c "$TMP/relay$n.conf"
}

# The servers' networks. They are for documentation, so relays are told of them only because a rule says so.
LAB="203.0.113.0/24, 2001:db8::/32"
# lab_rules: copies sections, and gives each rule without a destination this one
lab_rules() {
	awk -v lab="$LAB" '
		function close_rule() { if (rule && !named) print "destination = " lab; rule = named = 0 }
		/^\[/ { close_rule(); rule = /^\[rule / }
		/^destination/ { named = 1 }
		{ print }
		END { close_rule() }'
}

# shellcheck disable=SC2120 # tests pass arguments
# client_conf [LINES in [client]] [LINES after]: uses relays 1 and 2, or those in $RELAYS. In this order, unless $CHOOSE says
# otherwise, so that a test knows which ones carry.
client_conf() {
	local n
	key client
	{
		printf '%s\n' "[client]" "private-key-file = $TMP/client.key" "control = $TMP/client.sock" "log-level = debug" \
			"$([ "${CHOOSE:=order}" = default ] || echo "choose = $CHOOSE")" "${1:-}"
		for n in ${RELAYS:-1 2}; do
			printf '%s\n' "[relay relay$n]" "endpoint = $(relay4 "$n"):45672" "public-key = $(pub "relay$n")"
		done
		printf '%s\n' "${2:-}" | lab_rules
		printf '%s\n' "[rule lab]" "destination = $LAB"
	} >"$TMP/client.conf"
}

client_start() {
	[ -f "$TMP/client.conf" ] || client_conf
	daemon client client -c "$TMP/client.conf"
	joins_watch
}

# stop NAME [SIGNAL]: and waits for its end
stop() {
	local pid
	pid=$(cat "$TMP/$1.pid")
	kill "-${2:-TERM}" "$pid"
	wait_for 10 process_ended "$pid"
}

# process_ended PID
process_ended() { ! kill -0 "$1" 2>/dev/null; }
status() { "$DETOURD" status --json --control "$TMP/$1.sock"; }
# status_is NAME JQ-FILTER: true when the filter is
status_is() { status "$1" | jq -e "$2" >/dev/null; }
# What the process NAME has used so far: cpu_ms NAME, switches NAME (context switches)
cpu_ms() { awk -v hz="$(getconf CLK_TCK)" '{ printf "%d\n", ($14 + $15) * 1000 / hz }' "/proc/$(cat "$TMP/$1.pid")/stat"; }
switches() { awk '/ctxt_switches/ { n += $2 } END { print n }' "/proc/$(cat "$TMP/$1.pid")/status"; }
# counter NAME COUNTER
counter() { status "$1" | jq -r ".counters.$2"; }
# Subflows that the client gave up, a line each, from its log.
given_up() { sed -n 's/^.*debug: \(.*given up.*\)/#   \1/p' "$TMP/client.log"; }
# relays_up [COUNT]: waits until so many are up
relays_up() {
	wait_for 10 status_is client "[.relays[] | select(.state == \"up\")] | length == ${1:-2}"
}

# subflows_are COUNT: so many are established, of all connections together
subflows_are() { status_is client "[.connections[].subflows[] | select(.state == \"established\")] | length == $1"; }

# subflow_from VIA ADDRESS: one is established by that way from that address
subflow_from() { status_is client "[.connections[].subflows[] | select(.via == \"$1\" and .state == \"established\" and (.local | startswith(\"$2:\")))] | length == 1"; }

# vias: the ways of all established subflows, sorted
vias() { status client | jq -r '[.connections[].subflows[] | select(.state == "established") | .via] | sort | join(" ")'; }
vias_are() { [ "$(vias)" = "$1" ]; }

# A bare client of the protocol, which is built with the tests.
ASK=${ASK:-$(dirname "$DETOURD")/ask}
ask_or_skip() { [ -x "$ASK" ] || skip "no $ASK: built without tests"; }
# ask SPACE KEY RELAY-NUMBER LINE...: prints the answers, a line each. By IPv6 if $ASK6 is set.
ask() {
	local space=$1 key=$2 n=$3 endpoint
	shift 3
	endpoint=$(relay4 "$n"):45672
	[ -z "${ASK6:-}" ] || endpoint="[$(relay6 "$n")]:45672"
	printf '%s\n' "$@" | on "$space" "$ASK" "$TMP/$key.key" "$(pub "relay$n")" "$endpoint"
}

# not_forwarded NAME: how many packets the relay's BPF program saw and did not forward
not_forwarded() { status "$1" | jq '[.counters | to_entries[] | select(.key | test("^(denied_(?!draining|quota|destination)|dropped_(no_route|error|stale|table|ttl|window)|passed_(no_flow|expired|dead|refused))")) | .value] | add'; }

# policy_watch: from now on notes what the client's policy decides; after each start of the client
policy_watch() {
	"$DETOURD" monitor --json --control "$TMP/client.sock" >>"$TMP/decisions" 2>/dev/null &
	disown
}
# policy_decided: prints what was decided since the last time, a line each
policy_decided() {
	jq -r 'select(.event == "decision") | "#   \(.relay // "direct"): \(.detail)"' "$TMP/decisions" || true
	: >"$TMP/decisions"
}
