# shellcheck shell=bash source=lib.sh
# A wireguard-go that answers only 5 s after its start, as on a busy machine, is waited for, and signals meanwhile change nothing: a client that is stopped then leaves no
# device behind.
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

RELAYS=1 client_conf
carrier_set 1 wireguard
rm "$TMP/stopped"
# not by client_start, which waits until the client answers
PATH="$TMP/bin:$PATH" nsenter --net="/run/netns/$PREFIX-client" -- "$DETOURD" -c "$TMP/client.conf" >"$TMP/client.log" 2>&1 &
echo $! >"$TMP/client.pid"
wait_for 10 [ -s "$TMP/stopped" ]
sleep 1 # it waits for the answer by now
stop client
! on client ip link show "$(wg_name c1)" 2>/dev/null || fail "the client has left its device behind"
