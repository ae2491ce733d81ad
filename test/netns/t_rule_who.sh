# shellcheck shell=bash source=lib.sh
# Rules by who opened the connection: user, program, cgroup. The first match wins. A reload changes the detours of live
# connections, and whether they are backup. With detour-after, short and young connections get no detours.
# alone: measures times
. "$(dirname "$0")/lib.sh"
standard_network 2
narrow_paths "${RATE:-40}mbit"
for n in 1 2; do relay_start $n; done
root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
cgroup=/detourd-$PREFIX
mkdir "$root$cgroup" "$root$cgroup/inner"
cgroup_gone() {
	local code=$? pid
	for pid in $(cat "$root$cgroup/inner/cgroup.procs"); do kill -9 "$pid"; done
	sleep 0.3
	rmdir "$root$cgroup/inner" "$root$cgroup"
	(exit $code)
}
trap 'cgroup_gone; cleanup' EXIT
cp /usr/bin/socat "$TMP/special"
chmod 755 "$TMP" "$TMP/special"
# a program of that name, whose connecting thread has another name
mkdir "$TMP/threads"
ln -s "$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')" "$TMP/threads/special"
cat >"$TMP/thread.py" <<'END'
import ctypes, socket, sys, threading, time
def talk():
    ctypes.CDLL(None).prctl(15, b"another", 0, 0, 0)  # PR_SET_NAME
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
    s.sendall(b"hello")
    time.sleep(100)
threading.Thread(target=talk).start()
END
rules() { # LINES
	RELAYS="1 2" client_conf "detour-after = 0" "$1"
	[ ! -e "$TMP/client.pid" ] || { kill -HUP "$(cat "$TMP/client.pid")" && sleep 0.5; }
}
rules "
[rule user]
user = 12345
detours = 0
[rule program]
program = special
relays = relay2
detours = 1
[rule cgroup]
cgroup = $cgroup
relays = relay1
detours = 1
backup = yes
[rule late]
port = 9002
detour-after = 2s, 1MB"
client_start
relays_up 2
for port in 9001 9002; do receive_start $port /dev/null; done
# held COMMAND...: makes a connection that stays open; prints its number in status
held() {
	local before
	before=$(status client | jq '[.connections[].id] | max // 0')
	on client mptcpize run "$@" >/dev/null 2>&1 &
	disown
	wait_for 5 status_is client "[.connections[] | select(.id > $before)] | length == 1"
	status client | jq '[.connections[].id] | max'
}
vias() { status client | jq -r "[.connections[] | select(.id == $1) | .subflows[] | select(.state == \"established\") | .via] | sort | join(\" \")"; }
vias_are() { [ "$(vias "$1")" = "$2" ]; }
line() { echo "(echo hello; sleep 100) | $1 -u - TCP4:$SERVER4:${2:-9001}"; }

anybody=$(held sh -c "$(line socat)")
wait_for_join 5 vias_are "$anybody" "direct relay1 relay2"
user=$(held setpriv --reuid 12345 --clear-groups sh -c "$(line socat)")
program=$(held sh -c "$(line "$TMP/special")")
cgroup_one=$(held sh -c "echo \$\$ >$root$cgroup/inner/cgroup.procs; $(line socat)")
thread=$(held "$TMP/threads/special" "$TMP/thread.py" $SERVER4 9001)
wait_for_join 5 vias_are "$program" "direct relay2"
wait_for_join 5 vias_are "$thread" "direct relay2"
wait_for_join 5 vias_are "$cgroup_one" "direct relay1"
sleep 1
equals "$(vias "$user")" direct "the user's"
status client | jq -r ".connections[] | select(.id == $user) | .why" | grep -q "by rule user" || fail "`why` does not name the rule"
status_is client ".connections[] | select(.id == $cgroup_one) | .subflows[] | select(.via == \"relay1\") | .backup" || fail "not backup"

say "first match wins, and a reload reaches live connections"
rules "
[rule all]
detours = 1
relays = relay1
[rule user]
user = 12345
detours = 0"
wait_for_join 5 vias_are "$user" "direct relay1"
wait_for_join 5 vias_are "$program" "direct relay1"
wait_for_join 5 vias_are "$anybody" "direct relay1"
status_is client ".connections[] | select(.id == $cgroup_one) | .subflows[] | select(.via == \"relay1\") | .backup | not" || fail "still backup"

say "detour-after"
rules "
[rule late]
port = 9002
detour-after = 2s, 1MB"
begin=$(now_ms)
late=$(held sh -c "$(line socat 9002)")
sleep 1
[ $(($(now_ms) - begin)) -gt 1800 ] || equals "$(vias "$late")" direct "within the 2 s"
status client | jq -r ".connections[] | select(.id == $late) | .why" | grep -q young || say "$(status client | jq -r ".connections[] | select(.id == $late) | .why")"
wait_for_join 5 vias_are "$late" "direct relay1 relay2"
begin=$(now_ms)
bulk=$(held sh -c "(head -c 3000000 /dev/zero; sleep 100) | socat -u - TCP4:$SERVER4:9002")
wait_for_join 5 vias_are "$bulk" "direct relay1 relay2"
at_most_ms $(($(now_ms) - begin)) 1900 "milliseconds until bulk had detours"
before=$(counter client joins)
for _ in 1 2 3 4 5; do on client mptcpize run sh -c "head -c 100000 /dev/zero | socat -u - TCP4:$SERVER4:9002"; done
equals "$(counter client joins)" "$before" "joins of short connections"
