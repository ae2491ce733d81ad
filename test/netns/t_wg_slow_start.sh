# shellcheck shell=bash source=lib.sh
# A wireguard-go that answers only 5 s after its start, as on a busy machine, is waited for.
. "$(dirname "$0")/lib.sh"
real=$(command -v wireguard-go) || skip "no wireguard-go"
! modprobe -q wireguard || skip "the kernel has WireGuard"
[ -e /dev/net/tun ] || skip "no /dev/net/tun"
mkdir "$TMP/bin"
# its socket is there before its parent ends, and the child that is to answer stands still
cat >"$TMP/bin/wireguard-go" <<SH
#!/bin/sh
$real "\$@" || exit
for pid in \$(pgrep -f "wireguard-go \$1\\\$"); do
	[ "\$(readlink /proc/\$pid/exe)" = "$(realpath "$real")" ] || continue
	kill -STOP \$pid
	echo \$pid >$TMP/stopped
	(sleep 5; kill -CONT \$pid) &
done
SH
chmod +x "$TMP/bin/wireguard-go"
standard_network 1
relay_conf 1 "$(wg_relay 1)"
PATH="$TMP/bin:$PATH" relay_start 1
[ -s "$TMP/stopped" ] || fail "no wireguard-go was stopped"
grep -q 'tunnels are open.* by wireguard-go' "$TMP/relay1.log" || fail "no word of tunnels in the relay's log"
