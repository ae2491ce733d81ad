# shellcheck shell=bash source=lib.sh
# Unmodified programs get MPTCP, and so detours, where [mptcp] chooses them: by user, program and cgroup, with exceptions;
# others stay TCP, and so does another network namespace; it can be switched on and off while all run. Where the kernel has no
# hook, the daemon says so and works without.
. "$(dirname "$0")/lib.sh"
standard_network 1
relay_start 1
mptcp() { # LINES in [mptcp]
	RELAYS=1 client_conf "detour-after = 0" "[mptcp]
$1"
	[ ! -e "$TMP/client.pid" ] || { kill -HUP "$(cat "$TMP/client.pid")" && sleep 1; }
}
mptcp "enable = yes"
client_start
relays_up 1
if grep -q "has no effect" "$TMP/client.log"; then
	grep "has no effect" "$TMP/client.log" | grep -q "mptcpize run" || fail "no way round is named"
	skip "$(sed -n 's/.*has no effect: //p' "$TMP/client.log" | head -n 1)"
fi
root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
cgroup=/detourd-$PREFIX
mkdir "$root$cgroup"
cgroup_gone() {
	local code=$? pid
	for pid in $(cat "$root$cgroup/cgroup.procs"); do kill -9 "$pid"; done
	sleep 0.5
	rmdir "$root$cgroup"
	(exit $code)
}
trap 'cgroup_gone; cleanup' EXIT
receive_start 9001 /dev/null
# protocol_of COMMAND...: what a program's connection is at the server: mptcp or tcp
protocol_of() {
	local lines
	on client "$@" >/dev/null 2>&1 &
	wait_for 5 on server sh -c "ss -tnH state established '( sport = :9001 )' | grep -q ."
	lines=$(on server ss -tniH state established '( sport = :9001 )')
	kill_in client socat
	kill_in client python3
	wait_for 10 on server sh -c "! ss -tnH state established '( sport = :9001 )' | grep -q ."
	case $lines in *tcp-ulp-mptcp*) echo mptcp ;; *) echo tcp ;; esac
}
talk="(echo hello; sleep 100) | socat -u - TCP4:$SERVER4:9001"
python="import socket,time; s=socket.create_connection(('$SERVER4',9001)); s.send(b'x'); time.sleep(100)"
equals "$(protocol_of sh -c "$talk")" mptcp "everybody's socat"
equals "$(protocol_of python3 -c "$python")" mptcp "everybody's python3 (SOCK_CLOEXEC)"
[ "$(counter client sockets_made_mptcp)" -ge 2 ] || fail "not counted"
mptcp "enable = no"
equals "$(protocol_of sh -c "$talk")" tcp "switched off"
mptcp "enable = yes
program = socat"
equals "$(protocol_of sh -c "$talk")" mptcp "a chosen program's"
equals "$(protocol_of python3 -c "$python")" tcp "another program's"
mptcp "enable = yes
user = 12345"
equals "$(protocol_of setpriv --reuid 12345 --clear-groups sh -c "$talk")" mptcp "a chosen user's"
equals "$(protocol_of sh -c "$talk")" tcp "another user's"
mptcp "enable = yes
cgroup = $cgroup"
equals "$(protocol_of sh -c "echo \$\$ >$root$cgroup/cgroup.procs; $talk")" mptcp "a chosen cgroup's"
equals "$(protocol_of sh -c "$talk")" tcp "another cgroup's"
mptcp "enable = yes
except-program = python3
except-user = 12345"
equals "$(protocol_of python3 -c "$python")" tcp "an excepted program's"
equals "$(protocol_of setpriv --reuid 12345 --clear-groups sh -c "$talk")" tcp "an excepted user's"
equals "$(protocol_of sh -c "$talk")" mptcp "the rest's"

say "an unmodified download gains a detour"
web_start
random_file "$TMP/www/file" 5
narrow_paths 5mbit
on client curl -sS -o "$TMP/got" "http://$SERVER4/file" &
wait_for 20 status_is client '.connections[0].subflows[] | select(.via == "relay1" and .bytes_received > 500000)'
wait $! || fail "curl failed"
same_bytes "$TMP/www/file" "$TMP/got"
stop client
equals "$(protocol_of sh -c "$talk")" tcp "after the daemon's stop"
