# shellcheck shell=bash
# Network namespaces, their links, addresses and routes. Every name is written without $PREFIX, which keeps the
# namespaces of tests apart that run side by side.

# on SPACE COMMAND...: runs it in that namespace. By nsenter, because ip netns exec would hide bpffs and cgroups.
on() {
	local space=$PREFIX-$1
	shift
	nsenter --net="/run/netns/$space" -- "$@"
}

# listens SPACE PORT: somebody there takes TCP connections
listens() { [ -n "$(on "$1" ss -Htln "sport = $2")" ]; }

# kill_in SPACE NAME: ends the processes of that name there. pkill would find those of every namespace.
kill_in() {
	local pid
	for pid in $(ip netns pids "$PREFIX-$1"); do
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" != "$2" ] || kill "$pid" 2>/dev/null || true
	done
}

# ip_batch SPACE: commands of ip, a line each, from standard input. One process for all: in guests each costs 0.1 s.
ip_batch() { ip -n "$PREFIX-$1" -batch -; }

# BBR does not show a narrow path's capacity as CUBIC does. Prints the sysctl for it, if this kernel has CUBIC.
cubic_sysctl() {
	local proc=/proc/sys/net/ipv4
	[ -w $proc/tcp_allowed_congestion_control ] && grep -qw cubic $proc/tcp_available_congestion_control || return 0
	grep -qw cubic $proc/tcp_allowed_congestion_control ||
		echo "$(cat $proc/tcp_allowed_congestion_control) cubic" >$proc/tcp_allowed_congestion_control
	echo net.ipv4.tcp_congestion_control=cubic
}

# space_add SPACE [SYSCTL...]
space_add() {
	local space=$PREFIX-$1
	[ -n "${CUBIC+set}" ] || CUBIC=$(cubic_sysctl)
	ip netns add "$space"
	SPACES+=("$space")
	ip -n "$space" link set lo up
	# A new namespace forwards if the host does, as one with containers. -e: older kernels have no blackhole_timeout
	# shellcheck disable=SC2086 # one or none
	on "$1" sysctl -eqw net.ipv4.ip_forward=0 net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1 \
		net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 net.mptcp.blackhole_timeout=0 $CUBIC "${@:2}"
}

router_add() {
	space_add "$1" net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
}

# veth SPACE-A INTERFACE-A SPACE-B INTERFACE-B: a pair of interfaces that are each other's end
veth() {
	ip_batch "$1" <<-IP
		link add $2 type veth peer name $4 netns $PREFIX-$3
		link set $2 up
	IP
	ip -n "$PREFIX-$3" link set "$4" up
}

# addr_lines INTERFACE ADDRESS/BITS...: commands for ip_batch
addr_lines() {
	local dev=$1 a
	for a in "${@:2}"; do
		case $a in
		*:*) echo "addr add $a dev $dev nodad" ;;
		*) echo "addr add $a dev $dev" ;;
		esac
	done
}

# addr SPACE INTERFACE ADDRESS/BITS...
addr() { addr_lines "${@:2}" | ip_batch "$1"; }

# route SPACE ARGUMENTS of ip route add...
route() {
	local space=$1
	shift
	ip -n "$PREFIX-$space" route add "$@"
}

# narrow SPACE INTERFACE RATE ("40mbit"): limits what leaves there. The bucket holds 4 ms of the rate, and at least 4 kB: then a
# machine whose timers are late by less than that loses nothing of the rate.
narrow() {
	local rate=${3%bit} bytes
	bytes=$(($(numfmt --from=si "${rate^^}") / 2000))
	tc -n "$PREFIX-$1" qdisc replace dev "$2" root tbf rate "$3" burst $((bytes > 4000 ? bytes : 4000)) latency 40ms
}
