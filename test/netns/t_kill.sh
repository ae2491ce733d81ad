# shellcheck shell=bash source=lib.sh
# The daemons are killed between two steps of start, reload, stop and --flush: at system calls that change something, as
# strace counts them. The next run works, and after it everything is as it was before the first: sysctls, reserved ports,
# qdiscs and filters, rules, routes, devices, maps, files. POINTS calls of each kind are tried; FULL=yes tries all.
. "$(dirname "$0")/lib.sh"
command -v strace >/dev/null || skip "no strace"
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" # LeakSanitizer cannot work under strace
strace -qq -o /dev/null true 2>/dev/null || skip "strace is not permitted here"
wireguard_or_skip
POINTS=${POINTS:-6}
CALLS=bpf,bind,clone,clone3,fchmod,flock,fsync,ftruncate,ioctl,mkdir,mount,openat,pwrite64,rename,rmdir,sendmsg,sendto,setsockopt,unlink,unlinkat,write
CALLS="?${CALLS//,/,?}"
standard_network 1
relay_conf 1 "$(wg_relay 1)"
RELAYS=1 client_conf
carrier_set 1 wireguard
# a sysctl that is not empty, so that giving back differs from clearing
on relay1 sysctl -qw net.ipv4.ip_local_reserved_ports=8080,45000

cookie() { on "$1" python3 -c 'import socket, sys; print("%x" % int.from_bytes(socket.socket(socket.AF_UNIX).getsockopt(socket.SOL_SOCKET, 71, 8), sys.byteorder))'; }
declare -A cookies=([relay1]=$(cookie relay1) [client]=$(cookie client))
# snapshot SPACE: all that a run may change and has to put back
snapshot() {
	# shellcheck disable=SC2016 # for the other shell
	on "$1" sh -c 'cd /proc/sys/net; cat ipv4/ip_local_reserved_ports mptcp/path_manager mptcp/pm_type 2>/dev/null
		ip -o link | sed "s/^[0-9]*: \([^:]*\):.*/link \1/"
		ip rule; ip -6 rule; ip route show table all; ip -6 route show table all | sed "s/ expires [^ ]*//"
		for dev in $(ip -o link | sed "s/^[0-9]*: \([^:@]*\)[:@].*/\1/"); do tc filter show dev "$dev" ingress; done
		tc qdisc show'
	ls -d "/sys/fs/bpf/detourd-$PREFIX-$1" "/run/detourd/netns-${cookies[$1]}"* "$TMP/$1.sock" 2>/dev/null || true
}

# The client has opened its tunnel: only then it meets the device that a killed run left.
has_tunnel() { on client ip rule | grep -q 'from 100\.' && on client ip -6 rule | grep -q 'from fd'; }
is_ready() { # NAME
	"$DETOURD" status --json --control "$TMP/$1.sock" >"$TMP/status" 2>/dev/null || return
	[ "$1" != client ] || { jq -e '.relays[0].state == "up"' "$TMP/status" >/dev/null && has_tunnel; }
}

# session NAME COMMAND...: runs it, and makes it reload and stop as soon as it can
session() {
	local name=$1 pid begin=$SECONDS
	shift
	nsenter --net="/run/netns/$PREFIX-$name" -- "$@" >>"$TMP/$name.log" 2>&1 &
	pid=$!
	until is_ready "$name"; do
		kill -0 $pid 2>/dev/null || break
		in_time "$begin" 15 || fail "$name does not answer"
		sleep "$LOOK_PAUSE"
	done
	for signal in HUP TERM; do
		# strace ends with the program that it started, and passes no signal on
		for child in $(pgrep -P $pid || true); do kill -$signal "$child" 2>/dev/null || true; done
		[ "$1" = strace ] || kill -$signal $pid 2>/dev/null || true
		sleep 0.3
	done
	wait $pid || true
}
relay() { session relay1 "$@" "$DETOURD" --relay -c "$TMP/relay1.conf"; }
client() { session client "$@" "$DETOURD" -c "$TMP/client.conf"; }
flush() { on relay1 "$@" "$DETOURD" --relay --flush -c "$TMP/relay1.conf" >>"$TMP/flush.log" 2>&1; }

# points COMMAND...: runs it once and prints calls at which to kill it, a line each: the call's name, and which one of them
points() {
	"$1" strace -qq -o "$TMP/trace" -e "trace=$CALLS" || true
	sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' "$TMP/trace" |
		awk -v all="${FULL:-}" -v want="$POINTS" '
			{ call[NR] = $1; nth[NR] = ++seen[$1] }
			END { for (i = 1; i <= NR; i++) if (all != "" || int(i * want / NR) != int((i - 1) * want / NR)) print call[i], nth[i] }'
}
same_as_before() { # SPACE WHAT
	snapshot "$1" >"$TMP/after"
	diff "$TMP/before-$1" "$TMP/after" >&2 || fail "killed at $2: not as before"
}
each() { # COMMAND WHAT-REPAIRS...
	local call nth count=0 command=$1
	shift
	points "$command" >"$TMP/points"
	[ -s "$TMP/points" ] || fail "$command: no system call was seen"
	while read -r call nth <&3; do
		"$command" strace -qq -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$nth" || true
		"$@" "$call $nth of $command"
		count=$((count + 1))
	done 3<"$TMP/points"
	say "$command: killed at $count calls"
}

snapshot relay1 >"$TMP/before-relay1"
snapshot client >"$TMP/before-client"
repaired_relay() {
	relay_start 1
	stop relay1
	flush || fail "killed at $1: flush"
	same_as_before relay1 "$1"
}
each relay repaired_relay
begun_flush() {
	relay_start 1
	stop relay1
	flush "$@"
}
repaired_flush() {
	flush || fail "killed at $1: flush"
	same_as_before relay1 "$1"
}
each begun_flush repaired_flush
relay_start 1
repaired_client() {
	rm -f "$TMP/client.log"
	client_start
	relays_up 1
	# a killed run may have left rules
	wait_for 10 grep -q 'tunnel is ready' "$TMP/client.log"
	stop client
	same_as_before client "$1"
}
each client repaired_client

say "the file with the path manager as it was is damaged"
client_start
[ -s "/run/detourd/netns-${cookies[client]}.pm" ] || fail "no such file"
: >"/run/detourd/netns-${cookies[client]}.pm"
stop client
same_as_before client "an empty file"

say "killed again and again: the relay keeps a place for the next start"
for ((n = 1; n <= 10; n++)); do
	rm -f "$TMP/client.log"
	client_start
	wait_for 15 grep -q 'tunnel is ready' "$TMP/client.log"
	stop client KILL
	[ $n -lt 8 ] || sleep 3
done
