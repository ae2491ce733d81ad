# shellcheck shell=bash source=lib.sh
# A user without rights cannot keep detourd from starting: neither by holding names, nor by a program called mptcpd. The
# client, the relay and --flush work beside all that, and a second detourd is still refused.
. "$(dirname "$0")/lib.sh"
standard_network 1
chmod 755 "$TMP"

# nobody SPACE COMMAND...: runs it in the background, as a user without rights
nobody() {
	nsenter --net="/run/netns/$PREFIX-$1" -- setpriv --reuid 65534 --regid 65534 --clear-groups "${@:2}" \
		>>"$TMP/nobody.log" 2>&1 &
	disown
}
# What nobody holds: abstract names, the files of locks if they can be opened, and a generic netlink socket which has this
# process's pid for its address and, if the kernel lets it, MPTCP's events.
cat >"$TMP/hold.py" <<'PYTHON'
import ctypes, fcntl, glob, os, socket, sys, time

os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)

keep = []
for name in ("detourd-client", "detourd-relay"):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind("\0" + name)
    keep.append(s)
cookie = int.from_bytes(keep[0].getsockopt(socket.SOL_SOCKET, 71, 8), sys.byteorder)
for path in [f"/run/detourd/netns-{cookie:x}.{role}" for role in ("client", "relay", "pm")] + glob.glob("/run/detourd/*"):
    for flags in (os.O_RDWR | os.O_CREAT, os.O_RDONLY):
        try:
            f = os.open(path, flags, 0o666)
        except OSError:
            continue
        fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        keep.append(f)
        print("opened", path, flush=True)
netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
netlink.bind((os.getpid(), 0))
keep.append(netlink)
for group in range(1, 33):
    try:
        netlink.setsockopt(270, 1, group)
    except OSError:
        pass
ctypes.CDLL(None).prctl(15, b"mptcpd", 0, 0, 0)
print("holding", flush=True)
time.sleep(600)
PYTHON
cp "$(command -v sleep)" "$TMP/mptcpd"
for space in client relay1; do
	on "$space" python3 "$TMP/hold.py" >>"$TMP/nobody.log" 2>&1 & # becomes nobody itself: python3 may be in a home
	disown
	nobody "$space" "$TMP/mptcpd" 600
	# all rights in a user namespace of its own
	nobody "$space" unshare --user --map-root-user "$TMP/mptcpd" 600
done
# not even root's: it does not follow MPTCP
on client "$TMP/mptcpd" 600 &
disown
wait_for 10 sh -c "[ \$(grep -c holding '$TMP/nobody.log') = 2 ]"
wait_for 10 sh -c "[ \$(ip netns pids '$PREFIX-client' | xargs -I{} cat /proc/{}/comm | grep -c mptcpd) -ge 3 ]"
! grep opened "$TMP/nobody.log" || fail "nobody can take a lock"

relay_conf 1
RELAYS=1 client_conf
relay_start 1
client_start
relays_up 1
stop relay1
on relay1 "$DETOURD" --relay --flush -c "$TMP/relay1.conf" || fail "--flush was refused"
relay_start 1
relays_up 1

refused() { # WORDS SPACE ARGUMENTS...
	on "$2" "$DETOURD" "${@:3}" 2>"$TMP/refused.txt" && fail "not refused: $*"
	grep -q "$1" "$TMP/refused.txt" || fail "the reason is not told: $(cat "$TMP/refused.txt")"
}
sed "s|client.sock|second.sock|" "$TMP/client.conf" >"$TMP/second.conf"
refused "another detourd is running" client -c "$TMP/second.conf"
refused "a relay is running" relay1 --relay --flush -c "$TMP/relay1.conf"

say "locks end with their process, also when it is killed"
stop client KILL
client_start
relays_up 1
cookie=$(on client python3 -c 'import socket, sys; print("%x" % int.from_bytes(socket.socket(socket.AF_UNIX).getsockopt(socket.SOL_SOCKET, 71, 8), sys.byteorder))')
[ -e "/run/detourd/netns-$cookie.client" ] || fail "no lock: $(ls /run/detourd)"
stop client
[ ! -e "/run/detourd/netns-$cookie.client" ] || fail "the lock was left behind"
