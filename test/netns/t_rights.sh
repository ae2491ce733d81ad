# shellcheck shell=bash source=lib.sh
# Relay and client without root, as the unit files run them: as a user of their own, with the units' capabilities, a /proc
# that hides other users' processes, and their own part of the bpffs only. Detours by NAT and by WireGuard, a restart that
# finds the relay's filters and tunnels again, and an mptcpd that /proc hides. Root's --flush works beside all that.
. "$(dirname "$0")/lib.sh"
wireguard_or_skip
standard_network 1
narrow_paths "${RATE:-40}mbit"
user=64242 pins=/sys/fs/bpf/detourd-$PREFIX-relay1 root_detourd=$DETOURD

web_start
random_file "$TMP/www/file" 30

# capabilities UNIT: as setpriv wants them
capabilities() {
	sed -n 's/^CapabilityBoundingSet=//p' "$(dirname "$0")/../../configs/$1.service" | tr -d '\n' | tr '[:upper:]' '[:lower:]' |
		sed 's/cap_/+/g; s/ /,/g'
}
cp "$DETOURD" "$TMP/binary" # where it is, this user may not look
mkdir -p "$TMP"/{run,wireguard,pins} "$pins" /run/detourd /run/wireguard
if [ -e /dev/net/tun ]; then
	mknod -m 666 "$TMP/tun" c 10 200 # udev makes it so
fi
cat >"$TMP/unprivileged" <<SH
#!/bin/bash
set -e
caps=$(capabilities detourd)
[ "\$1" != --relay ] || caps=$(capabilities detourd-relay)
if [ -z "\$MOUNTED" ]; then
	MOUNTED=yes exec unshare --mount "\$0" "\$@"
fi
mount --bind $TMP/run /run/detourd
mount --bind $TMP/wireguard /run/wireguard
[ ! -e $TMP/tun ] || mount --bind $TMP/tun /dev/net/tun
mount --bind $pins $TMP/pins
mount -t tmpfs -o mode=755 bpf /sys/fs/bpf
mkdir $pins
mount --move $TMP/pins $pins
mount -t proc -o hidepid=invisible proc /proc
exec setpriv --reuid $user --regid $user --clear-groups --no-new-privs --inh-caps "-all,\$caps" \
	--ambient-caps "-all,\$caps" --bounding-set "-all,\$caps" $TMP/binary "\$@"
SH
chmod 755 "$TMP/unprivileged"
relay_conf 1 "$(wg_relay 1)"
RELAYS=1 client_conf "detour-after = 0"
chmod 755 "$TMP"
chown -R $user:$user "$TMP"/{run,wireguard,*.key} "$TMP" "$pins"
DETOURD=$TMP/unprivileged
relay_start 1
client_start
relays_up 1
for name in relay1 client; do
	equals "$(awk '/^Uid:/ { print $3 }' "/proc/$(cat "$TMP/$name.pid")/status")" $user "user of $name"
	say "capabilities of $name: $(sed -n 's/^CapEff:\t//p' "/proc/$(cat "$TMP/$name.pid")/status")"
done

say "doctor asks for no more than the units have, and says what lacks"
# doctor CHECK ARGUMENTS...: the state of that check
doctor() { on "$space" "${@:2}" --json | jq -r ".checks[] | select(.name == \"$1\") | \"\(.state): \(.what)\""; }
space=client
equals "$(doctor permission "$DETOURD" doctor -c "$TMP/client.conf")" "ok: user $user with CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, CAP_PERFMON" "client's permission"
equals "$(doctor daemon "$DETOURD" doctor -c "$TMP/client.conf")" "ok: process $(cat "$TMP/client.pid") answers as client" "control socket"
on client "$DETOURD" doctor --json -c "$TMP/client.conf" | jq -e .ok >/dev/null || fail "doctor misses something that the client does without"
space=relay1
equals "$(doctor permission "$DETOURD" --relay doctor -c "$TMP/relay1.conf")" "ok: user $user with CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON" "relay's permission"
on relay1 "$DETOURD" --relay doctor --json -c "$TMP/relay1.conf" | jq -e .ok >/dev/null || fail "doctor misses something that the relay does without"
# somebody else, who may read the configuration
sed "s|$TMP/client.key|$TMP/other.key|" "$TMP/client.conf" >"$TMP/other.conf"
install -m 600 -o 65534 "$TMP/client.key" "$TMP/other.key"
space=client other=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all "$TMP/binary" doctor -c "$TMP/other.conf")
equals "$(doctor permission "${other[@]}")" "missing: user 65534 without CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, CAP_PERFMON" "another user's permission"
equals "$(doctor daemon "${other[@]}")" "warning: $TMP/client.sock is for user $user alone, and this is user 65534" "another user and the control socket"

# carries CARRIER BYTES: the detour by that carrier has received more
carries() {
	status_is client ".connections[0].subflows[] | select(.via == \"relay1\" and .carrier == \"$1\" and .state == \"established\" and .bytes_received > $2)"
}
# transfer CARRIER [COMMAND...]: a connection with a detour by that carrier, which carries after the command too
transfer() {
	nsenter --net="/run/netns/$PREFIX-client" -- mptcpize run curl -sS --limit-rate 300k -o /dev/null "http://$SERVER4/file" &
	local curl=$!
	wait_for 10 carries "$1" 10000
	if [ $# -gt 1 ]; then
		"${@:2}"
		wait_for 20 carries "$1" $(($(received) + 100000))
	fi
	kill "$curl"
	wait "$curl" || true
	wait_for 10 status_is client '.connections == []'
	say "a detour by $1${2:+, also after a $2}"
}
received() { status client | jq '[.connections[0].subflows[] | select(.via == "relay1") | .bytes_received] | add // 0'; }
transfer nat
restart() {
	stop relay1 KILL
	relay_start 1
	relays_up 1
}
transfer nat restart
stop client
carrier_set 1 wireguard
client_start
relays_up 1
transfer wireguard restart
stop client
grep -iE 'not permitted|permission denied' "$TMP"/*.log && fail "a right is missing"

say "an mptcpd that /proc hides"
cp "$(command -v ip)" "$TMP/mptcpd"
on client "$TMP/mptcpd" mptcp monitor &
disown
wait_for 10 sh -c "ip netns pids '$PREFIX-client' | xargs -I{} cat /proc/{}/comm | grep -x mptcpd"
wait_for 10 on client awk '$2 == 16 && $4 !~ /^0+$/ { f = 1 } END { exit !f }' /proc/self/net/netlink
on client timeout 20 "$DETOURD" -c "$TMP/client.conf" 2>"$TMP/refused.txt" && fail "started beside mptcpd"
grep -q "mptcpd (pid [0-9]*) manages this network namespace" "$TMP/refused.txt" || fail "$(cat "$TMP/refused.txt")"

say "root's --flush, with the directory of locks in several hands"
stop relay1
(cat /etc/passwd && echo "detourd:x:$user:$user::/:/usr/sbin/nologin") >"$TMP/passwd"
# flush OWNER MODE: of the directory
flush() {
	chown "$1" "$TMP/run"
	chmod "$2" "$TMP/run"
	on relay1 unshare --mount bash -ec "
		mount --bind $TMP/run /run/detourd
		mount --bind $TMP/wireguard /run/wireguard
		mount --bind $TMP/passwd /etc/passwd
		exec $root_detourd --relay --flush -c $TMP/relay1.conf" 2>"$TMP/flush.txt"
}
for hands in "65534 755" "$((user + 1)) 755" "$user 775" "0 757"; do
	# shellcheck disable=SC2086 # two words
	flush $hands && fail "--flush with a directory of locks that others can write to: $hands"
	grep -q 'must be a directory of' "$TMP/flush.txt" || fail "$hands: $(cat "$TMP/flush.txt")"
done
flush $user 755 || fail "root's --flush beside the units' user: $(cat "$TMP/flush.txt")"
[ ! -e "$pins" ] || fail "--flush left $(ls "$pins")"
