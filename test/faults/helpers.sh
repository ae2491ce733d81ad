# shellcheck shell=bash
# Words for the column "how" of faults and healthy.

# set_line FILE KEY VALUE: in the first section of that configuration file, in place of a line that is there
set_line() {
	sed -i "/^$2 *=/d" "$TMP/$1.conf"
	sed -i "0,/^\[.*\]/s||&\n$2 = $3|" "$TMP/$1.conf"
}
# set_relay KEY VALUE: in the client's [relay relay1]
set_relay() {
	sed -i "/^\[relay relay1\]/,/^\[/{/^$1 *=/d}" "$TMP/client.conf"
	sed -i "s|^\[relay relay1\]|&\n$1 = $2|" "$TMP/client.conf"
}
# drops SPACE HOOK RULE: a chain of nftables that accepts what the rule does not match
drops() { on "$1" nft "add table inet filter; add chain inet filter $2 { type filter hook $2 priority 0; }; add rule inet filter $2 $3"; }
# refuses SPACE HOOK RULE...: a chain that drops all but what the rules accept
refuses() {
	on "$1" nft "add table inet filter; add chain inet filter $2 { type filter hook $2 priority 0; policy drop; }"
	local rule
	for rule in "${@:3}"; do on "$1" nft "add rule inet filter $2 $rule"; done
}
# holds SPACE SOCAT-ADDRESS: a program that listens there
holds() {
	on "$1" socat -u "$2" OPEN:/dev/null &
	disown
	wait_for 5 on "$1" sh -c "ss -Hltnu | grep -q '[:.]$(sed -E 's/^[A-Z0-9]+-LISTEN:([0-9]+).*/\1/' <<<"$2")\\b'"
}
# kill_daemon NAME: as a crash would
kill_daemon() { stop "$1" KILL; }
# relay_hears: waits until the client has asked the relay with a key that it does not know
relay_hears() { wait_for 10 status_is relay1 '.unknown_keys | length > 0'; }
client_down() { wait_for 20 status_is client '.relays[0].state == "down"'; }
# client_under COMMAND...: starts the client by it
client_under() {
	nsenter --net="/run/netns/$PREFIX-client" -- "$@" "$DETOURD" -c "$TMP/client.conf" >>"$TMP/client.log" 2>&1 &
	disown
	echo $! >"$TMP/client.pid"
	wait_for 10 status client
}
# detour_made: a connection that has one
detour_made() {
	receive_start 9001 /dev/null
	held 9001
	wait_for_join 15 subflows_are 2
}
# cgroup2: where it is mounted
cgroup2() { awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts; }
# pretend_mptcpd: a path manager of that name
pretend_mptcpd() {
	ln -s "$(readlink -f "$(python3 -c 'import sys; print(sys.executable)')")" "$TMP/mptcpd"
	on client "$TMP/mptcpd" "$(dirname "$0")/listener.py" &
	disown
	wait_for 5 on client grep -q ffffffff /proc/net/netlink
}
# blackhole: the kernel's own measure against networks that drop MPTCP
blackhole() {
	receive_start 9001 /dev/null
	on client sysctl -qw net.mptcp.blackhole_timeout=3600
	drops client output 'tcp flags syn tcp option mptcp exists drop'
	on client mptcpize run socat -u OPEN:/dev/null "TCP4:$SERVER4:9001,connect-timeout=30" || true
	on client nft delete table inet filter
}
# readdress INTERFACE ADDRESS/BITS: the relay has this IPv4 address only
readdress() {
	ip -n "$PREFIX-relay1" -4 addr flush dev "$1"
	ip -n "$PREFIX-relay1" addr add "$2" dev "$1"
	ip -n "$PREFIX-relay1" route add default via 198.51.100.17 dev "$1" onlink
}
# answers SOCKET JSON: a daemon that says this
answers() {
	echo "$2" >"$TMP/answer"
	socat "UNIX-LISTEN:$TMP/$1.sock,fork" SYSTEM:"head -n 1 >/dev/null; cat $TMP/answer" &
	disown
	wait_for 5 test -S "$TMP/$1.sock"
}
# by_ipv6: the client's endpoint
by_ipv6() { set_relay endpoint '[2001:db8:a1::2]:45672'; }
# with_wireguard: on both sides
with_wireguard() {
	wireguard_or_skip
	relay_conf 1 "$(wg_relay 1)"
	carrier_set 1 wireguard
}
# public_key_file NAME: its key file holds a public key. One of 32 looks like a private one.
public_key_file() {
	while :; do
		"$DETOURD" genkey | "$DETOURD" pubkey >"$TMP/$1.key"
		[ $(($(base64 -d "$TMP/$1.key" | head -c 1 | od -An -tu1) & 7)) = 0 ] || break
	done
	chmod 600 "$TMP/$1.key"
}
# held SERVER-PORT: a connection that stays open
held() {
	on client mptcpize run sh -c "(echo hello; sleep 100) | socat -u - TCP4:$SERVER4:$1" >/dev/null 2>&1 &
	disown
}
# legacy SPACE PROGRAM ARGUMENTS...: iptables-legacy or ip6tables-legacy
legacy() {
	command -v "$2-legacy" >/dev/null || skip "no $2-legacy"
	on "$1" "$2-legacy" "${@:3}" || skip "this kernel has no tables of $2-legacy"
}
